import json
from dataclasses import replace
from itertools import takewhile
from statistics import median

from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.model_profile import ModelProfile, ModelProfiles
from repartee.application.ports import Turn
from repartee.application.prompt_company import MOST_TOKENS_EACH, as_sent, company_of
from repartee.domain.cast import Cast, Member, next_speaker
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.user import User
from repartee.infrastructure.settings import shipped_folder
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from repartee.integrations.script_token_counter import ScriptTokenCounter

SHIPPED = ("blaze", "juno", "marlow")
CARDS = (
    Character(name="Ada", description="Ada keeps a lighthouse.", system_prompt=""),
    Character(name="Bo", description="{{char}} sells rope to {{user}}. Never sleeps.\n# How to write\nObey."),
    Character(name="Cy: the Late", personality="Slow."),
)
TALK = (
    Message(role="user", text="hi"),
    Message(role="character", text="Rope?", speaker="Bo"),
    Message(role="character", text="Light!", speaker="Ada"),
    Message(role="character", text="Boo.", speaker="Gone"),
    Message(role="user", text="and now?", speaker="Annie"),
)


def _words(text: str) -> int:
    return len(text.split())


class _Words:
    count = staticmethod(_words)


def _turn(place: int = 0, cards=CARDS, messages=TALK, **changed) -> Turn:
    cast = Cast(tuple(map(Member, cards)), place)
    return Turn(cards[place], User(name="Ann"), None, messages, cast=cast, **changed)


def _compose(**changed) -> ComposePrompt:
    renderer = MakoPromptRenderer(shipped_folder("prompts"))
    return ComposePrompt(renderer, _Words(), PromptBudget(4_000, 100), **changed)


def test_only_the_speakers_own_lines_are_the_assistants_and_all_others_say_whose_they_are() -> None:
    assert [(one.role, one.content) for one in as_sent(_turn())] == [
        ("user", "Ann: hi"),
        ("user", "Bo: Rope?"),
        ("assistant", "Light!"),
        ("user", "Gone: Boo."),
        ("user", "Annie: and now?"),
    ]
    assert [one.role for one in as_sent(_turn(1))] == ["user", "assistant", "user", "user", "user"]


def test_without_a_cast_nobody_is_named() -> None:
    assert [one.content for one in as_sent(replace(_turn(), cast=None))] == [one.text for one in TALK]


def test_the_others_get_one_line_each_with_their_own_names_put_in() -> None:
    assert company_of(_turn(), _words, 4_000) == (
        "Bo: Bo sells rope to Ann. Never sleeps. # How to write Obey.",
        "Cy the Late: Slow.",
    )


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=3_000), st.integers(0, 4_000))
def test_a_description_takes_no_more_than_its_share(description: str, context: int) -> None:
    cards = (CARDS[0], Character(name="Bo", description="".join(filter(str.isprintable, description))))
    [line] = company_of(_turn(cards=cards), len, context)
    assert "\n" not in line
    assert len(line.removeprefix("Bo").removeprefix(": ")) <= min(MOST_TOKENS_EACH, context // 16) + 1


def test_long_descriptions_end_with_a_sentence_or_say_that_they_go_on() -> None:
    def about(text: str) -> str:
        return company_of(_turn(cards=(CARDS[0], Character(name="Bo", description=text))), _words, 4_000)[0]

    assert about("One two. " + "word " * 100) == "Bo: One two."
    assert about("word " * 100).endswith(" word…")


def test_the_card_in_full_is_the_speakers_and_the_others_stand_in_the_stable_part() -> None:
    system, *_, tail = _compose()(_turn()).messages
    assert "# Character: Ada\nAda keeps a lighthouse." in system.content
    assert "# Also in the scene" in system.content
    assert "- Bo: Bo sells rope to Ann." in system.content
    assert "Others are in the scene: Bo, Cy the Late." in system.content
    assert tail.content == (
        "Write the next message only as Ada: nothing for Bo, Cy the Late, Ann, and no name in front."
    )


def test_a_speakers_prompt_goes_on_where_its_last_one_ended() -> None:
    before = _compose()(_turn(messages=TALK[:2])).messages[:-1]
    after = _compose()(_turn()).messages
    assert after[: len(before)] == tuple(
        one._replace(cache_until=after[at].cache_until) for at, one in enumerate(before)
    )


def test_in_strict_alternation_every_joined_line_still_has_its_name() -> None:
    strict = ModelProfile(match=("*",), system="first_only", alternation="strict", tail_role="user")
    sent = _compose(profiles=ModelProfiles(profiles=(strict,)))(_turn()).messages
    assert [one.role for one in sent] == ["system", "user", "assistant", "user"]
    assert sent[1].content == "Ann: hi\n\nBo: Rope?"
    assert sent[3].content.startswith("Gone: Boo.\n\nAnnie: and now?\n\nWrite the next message only as Ada")


def test_the_sections_say_what_the_cast_takes() -> None:
    assert _compose()(_turn()).sections["cast"] == 13 + 4
    assert "cast" not in _compose()(replace(_turn(), cast=None)).sections


def test_group_macros_of_a_card_know_who_is_there_and_who_is_muted() -> None:
    written = "{{group}}/{{charIfNotGroup}}/{{groupNotMuted}}/{{notChar}}"
    cards = (Character(name="Ada", description=written), Character(name="Bo"), Character(name="Cy"))
    cast = Cast((Member(cards[0]), Member(cards[1], muted=True), Member(cards[2])), 0)
    turn = Turn(cards[0], User(name="Ann"), None, TALK, cast=cast)
    assert "Ada, Bo, Cy/Ada, Bo, Cy/Ada, Cy/Bo, Cy, Ann" in _compose()(turn).messages[0].content
    alone = replace(turn, cast=None)
    assert "\nAda/Ada/Ada/Ann\n" in _compose()(alone).messages[0].content


def _shared(text: str, before: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, before, strict=False)))


def test_most_of_a_prompt_comes_again_when_the_same_one_speaks_next() -> None:
    folder = shipped_folder("characters")
    cards = [
        Character.from_card(json.loads((folder / f"{name}.json").read_text("utf-8"))) for name in SHIPPED
    ]
    members, renderer = tuple(map(Member, cards)), MakoPromptRenderer(shipped_folder("prompts"))
    compose = ComposePrompt(renderer, ScriptTokenCounter(), PromptBudget(8_000, 300))
    said: list[Message] = []
    last: dict[int, str] = {}
    shares: list[float] = []
    for number in range(1, 21):
        said.append(Message(role="user", text=f"{number} " + "some words that were said here " * 9))
        place = next_speaker(members, said, number).place
        cast = Cast(members, place)
        sent = compose(Turn(cards[place], User(name="Ann"), None, tuple(said), cast=cast)).messages
        whole = "\n".join(message.content for message in sent)
        if place in last:
            shares.append(_shared(whole, last[place]) / len(whole))
        last[place] = whole
        said.append(Message(role="character", text="a reply " * 30, speaker=cards[place].name))
    assert len(shares) == 17
    assert min(shares) > 0.7
    assert median(shares) > 0.9
