from collections import Counter
from itertools import permutations, product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.domain.cast import Cast, Chosen, Member, label, next_speaker, place_of, talkativeness_of
from repartee.domain.character import Character
from repartee.domain.dialogue import Message


def _member(name: str, talkativeness: float = 0.5, *, muted: bool = False, **card) -> Member:
    return Member(Character(name=name, **card), "", talkativeness, muted)


def _said(text: str, speaker: str | None = None) -> Message:
    return Message(role="character" if speaker else "user", text=text, speaker=speaker)


BLAZE, JUNO, OTTO = _member("Blaze"), _member("Juno"), _member("Otto")
MEMBERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()).map(tuple), min_size=1, max_size=6).map(
    lambda many: tuple(_member(f"N{at}", one[0], muted=one[1]) for at, one in enumerate(many))
)
HISTORIES = st.lists(
    st.one_of(
        st.builds(_said, st.sampled_from(["hm", "N1, you?", "n0 and N2"])),
        st.builds(_said, st.sampled_from(["hm", "N1?"]), st.sampled_from(["N0", "N1", "N9"])),
    ),
    max_size=3,
)


@given(MEMBERS, HISTORIES, st.integers())
def test_the_choice_is_the_same_every_time_and_never_a_muted_one(members, messages, seed) -> None:
    chosen = next_speaker(members, messages, seed)
    assert chosen == next_speaker(members, messages, seed)
    assert (chosen is None) == all(member.muted for member in members)
    assert chosen is None or not members[chosen.place].muted


@given(MEMBERS, HISTORIES, st.integers())
def test_who_wrote_the_newest_message_never_goes_on_while_another_could(members, messages, seed) -> None:
    chosen = next_speaker(members, messages, seed)
    others = [one for one in members if not one.muted and messages and one.name != messages[-1].speaker]
    if chosen and others and messages[-1].role == "character":
        assert members[chosen.place].name != messages[-1].speaker


def _expected(talk: tuple[float, ...]) -> list[float]:
    """Every order is as likely: the first whose roll succeeds, else the first of all who ever talk."""
    odds = [0.0] * len(talk)
    orders = list(permutations(range(len(talk))))
    for order, rolls in product(orders, product((True, False), repeat=len(talk))):
        chance = prod(talk[at] if rolls[at] else 1 - talk[at] for at in range(len(talk))) / len(orders)
        ready = [at for at in order if rolls[at]]
        pool = ready or [at for at in order if talk[at] > 0] or list(order)
        odds[pool[0]] += chance
    return odds


@pytest.mark.parametrize(
    "talk", [(0.5, 0.5, 0.5), (0.9, 0.1, 0.5), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0, 0.2)]
)
def test_over_many_seeds_the_draw_follows_talkativeness(talk: tuple[float, ...]) -> None:
    members = [_member(f"N{at}", one) for at, one in enumerate(talk)]
    runs = 4_000
    drawn = Counter(next_speaker(members, [_said("well?")], seed).place for seed in range(runs))
    for place, odds in enumerate(_expected(talk)):
        assert abs(drawn[place] / runs - odds) < 4 * (odds * (1 - odds) / runs) ** 0.5 + 1e-9


def test_a_name_in_the_newest_message_comes_before_the_draw() -> None:
    members = (_member("Blaze", 1.0), _member("Juno", 0.0), OTTO)
    for seed in range(20):
        assert next_speaker(members, [_said("juno, and Otto?")], seed) == Chosen(2, "mentioned")
        assert next_speaker(members, [_said("juno?")], seed) == Chosen(1, "mentioned")
        assert next_speaker(members, [_said("juno?"), _said("No.", "Juno")], seed).place != 1


def test_the_user_can_ask_the_same_one_again() -> None:
    members = (_member("Blaze", 1.0), _member("Juno", 0.0))
    talk = [_said("hi"), _said("Evening.", "Blaze"), _said("and then?")]
    assert {next_speaker(members, talk, seed).place for seed in range(20)} == {0}


def test_a_character_that_names_another_hands_over_and_its_own_name_counts_for_nothing() -> None:
    talk = [_said("Blaze says: ask Otto.", "Blaze")]
    assert next_speaker((BLAZE, JUNO, OTTO), talk, 1) == Chosen(2, "mentioned")


def test_whoever_is_left_is_the_only_one() -> None:
    assert next_speaker((BLAZE, JUNO), [_said("Hm.", "Blaze")], 1) == Chosen(1, "only")
    silent = _member("Juno", muted=True)
    assert next_speaker((BLAZE, silent), [_said("Hm.", "Blaze")], 1) == Chosen(0, "only")
    assert next_speaker((BLAZE, silent), [_said("juno?")], 1) == Chosen(0, "only")


def test_another_ones_coming_leaves_the_luck_of_the_others_as_it_is() -> None:
    silent = _member("Zed", 0.0)
    two, three = ((BLAZE, JUNO), (BLAZE, JUNO, silent))
    same = [
        next_speaker(two, [_said("hi")], seed).place == next_speaker(three, [_said("hi")], seed).place
        for seed in range(200)
    ]
    assert all(same)


@pytest.mark.parametrize(
    ("given_value", "value"),
    [
        ("0.7", 0.7), (1, 1.0), (7, 1.0), (-1, 0.0), (True, 1.0), ("often", 0.5), (None, 0.5), ([1], 0.5),
        (float("nan"), 0.5), ("inf", 1.0), (10**400, 0.5),
    ],
)  # fmt: skip
def test_a_cards_talkativeness_is_read_however_it_is_written(given_value, value) -> None:
    assert talkativeness_of({"talkativeness": given_value}) == value


def test_without_talkativeness_a_card_talks_half_the_time() -> None:
    assert talkativeness_of({}) == 0.5


def test_a_member_is_found_by_name_nickname_and_short_name_in_any_case() -> None:
    members = (BLAZE, Member(Character(name="Agatha Novak", nickname="Aga"), id="agata"))
    assert [place_of(name, members) for name in ("BLAZE", "aga", "agatha  novak", "Agata", "Bob")] == [
        0, 1, 1, 1, None,
    ]  # fmt: skip


def test_a_message_is_the_speakers_own_under_each_of_its_names() -> None:
    cast = Cast((Member(Character(name="Agatha", nickname="Aga")), BLAZE), 0)
    assert [cast.is_own(_said("x", name)) for name in ("Aga", "agatha", "Blaze", "Bob")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert not cast.is_own(Message(role="user", text="x", speaker="Aga"))
    assert [member.name for member in cast.others] == ["Blaze"]


def test_a_label_cannot_end_early() -> None:
    assert label("Bob: hi. Juno：x") == "Bob hi. Juno x"
    assert label("::") == "?"
