"""Each filter removes what it names, and the funnel adds up."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee_eval.dialogues.fingerprints import user_hash
from repartee_eval.preferences.balance import chosen_longer, length_balanced
from repartee_eval.preferences.example import Example, PromptTurn
from repartee_eval.preferences.filters import Caps, Rules, selected
from repartee_eval.preferences.funnel import Funnel
from tests.unit.repartee_eval.preferences.examples import example

RUSSIAN = (PromptTurn(role="user", content="Паром уходит в девять?"),)
NINE = "The ferry leaves at nine, and nobody has ever seen it come back on time."
CYRILLIC_TWINS = str.maketrans("eoac", "еоас")
RULES = Rules(caps=Caps(None, None, None))


def left(examples: list[Example], rules: Rules = RULES) -> tuple[list[Example], Counter[str]]:
    funnel = Funnel()
    funnel.add(examples)
    kept = selected(examples, rules, funnel)
    told = funnel.as_json()
    assert told["found"] - sum(step["removed"] for step in told["steps"]) == len(kept)
    return kept, Counter({step["step"]: step["removed"] for step in told["steps"] if step["removed"]})


@pytest.mark.parametrize(
    ("fields", "step"),
    [
        ({"truncated": True}, "truncated"),
        ({"flags": ("hate",)}, "tag_raised"),
        ({"score": 0.69}, "low_score"),
        ({"language": "ru", "prompt": RUSSIAN}, "wrong_language"),
        ({"chosen_model": "safety"}, "operator_text"),
        ({"rejected_model": "safety"}, "operator_text"),
        ({"chosen": "\u200b\u2060 "}, "empty_reply"),
        ({"rejected": "no " * 12_000}, "oversized"),
        ({"prompt": (PromptTurn(role="user", content="why? " * 200_001),)}, "oversized"),
        ({"chosen": "Aye\x00, the lamp is lit."}, "control_characters"),
        ({"chosen": "Aye.<|im_\u200bend|>"}, "control_tokens"),
        ({"chosen": "Aye.＜|im_end|＞"}, "control_tokens"),
        ({"chosen": "### Response: aye"}, "control_tokens"),
        ({"rejected": "[TOOL_CALLS] none"}, "control_tokens"),
        ({"chosen": NINE, "rejected": NINE.upper().replace(",", " --")}, "near_identical"),
        ({"chosen": NINE, "rejected": "\u200b".join(NINE)}, "near_identical"),
        ({"chosen": NINE, "rejected": NINE.translate(CYRILLIC_TWINS)}, "near_identical"),
        ({"chosen": NINE[:20], "rejected": NINE}, "one_begins_the_other"),
        ({"rejected": NINE[:20], "chosen": NINE}, "one_begins_the_other"),
        ({"chosen": "Дверь открыта, читай."}, "wrong_language"),
        ({"chosen": "Tea.<|im_end|><|im_start|>user"}, "control_tokens"),
        ({"rejected": "[INST] do as I say [/INST]"}, "control_tokens"),
        ({"chosen": "The ferry leaves at nine.", "rejected": "The ferry leaves at nine!"}, "near_identical"),
        ({"rejected": "  "}, "empty_reply"),
    ],
)
def test_a_filter_removes_what_it_names(fields: dict[str, Any], step: str) -> None:
    kept, removed = left([example(1, **fields), example(2)])
    assert [one.dialogue for one in kept] == ["d2"]
    assert removed == {step: 1}


def test_a_score_at_the_minimum_and_a_reply_without_letters_stay() -> None:
    assert len(left([example(1, score=0.7), example(2, chosen="...", rejected="1984, I believe")])[0]) == 2


def test_a_reply_may_follow_the_user_into_another_language() -> None:
    followed = example(1, language="en", prompt=RUSSIAN, chosen="*кивает* В девять, как всегда.")
    kept = example(2, language="ru-RU", chosen="*кивает* В девять, как всегда.")
    assert len(left([followed, kept])[0]) == 2


def test_a_length_ratio_over_the_cap_is_removed() -> None:
    pair = example(1, chosen="x" * 50, rejected="y" * 20)
    assert left([pair], Rules(length_ratio=2.0))[1] == {"length_ratio": 1}
    assert not left([pair])[1]


def test_of_near_duplicates_the_surest_stays() -> None:
    first = example(1, margin=0.5)
    again = first.model_copy(update={"chosen": f"{first.chosen}!", "margin": 0.9, "dialogue": "other"})
    kept, removed = left([first, again, example(2)])
    assert removed == {"duplicate": 1}
    assert {one.dialogue for one in kept} == {"other", "d2"}


def test_a_reply_that_was_found_good_and_bad_is_left_out() -> None:
    good = example(1, rejected=None)
    bad = good.model_copy(update={"chosen": None, "rejected": good.chosen})
    assert left([good, bad])[1] == {"contradictory": 2}


def test_a_pair_and_its_opposite_contradict_each_other_and_are_no_duplicates() -> None:
    first = example(1)
    turned = first.model_copy(update={"chosen": first.rejected, "rejected": first.chosen})
    assert left([first, turned, example(2)])[1] == {"contradictory": 2}
    long = example(1, chosen=f"{NINE} {first.chosen}", rejected=f"{NINE[::-1]} {first.rejected}")
    nearly = {"chosen": f"{long.rejected} Aye.", "rejected": f"{long.chosen} No."}
    assert not left([long, long.model_copy(update=nearly)])[1]


@pytest.mark.parametrize("written", ["AYE, sure", "aye sure!", "A\u200bye, sure.", "Аyе, surе."])
def test_short_copies_in_other_letters_are_duplicates(written: str) -> None:
    ask = (PromptTurn(role="user", content="Ok?"),)
    first = example(1, prompt=ask, chosen="Aye, sure.", rejected=None)
    copy = example(2, prompt=ask, chosen=written, rejected=None, language="en")
    assert left([first, copy])[1] == {"duplicate": 1}


def test_withdrawn_users_are_left_out() -> None:
    gone = user_hash("maya")
    kept, removed = left([example(1, user=gone), example(2)], Rules(without_users=frozenset({gone})))
    assert (len(kept), removed) == (1, {"user_withdrawn": 1})


def test_weak_examples_are_a_share_of_the_others() -> None:
    examples = [example(at, weak=at >= 8) for at in range(16)]
    kept, _ = left(examples, Rules(caps=Caps(None, None, None), most_weak=0.25))
    assert sum(one.weak for one in kept) == 2


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(["", "u", "v"])),
        max_size=40,
    ),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_caps_hold_whatever_the_order(places: list[tuple[str, str, str]], most: int, random: Any) -> None:
    examples = [example(at, dialogue=d, character=c, user=u) for at, (d, c, u) in enumerate(places)]
    rules = Rules(caps=Caps(dialogue=most, user=most, character=most + 1))
    kept = left(examples, rules)[0]
    assert all(count <= most for count in Counter(one.dialogue for one in kept).values())
    assert all(count <= most + 1 for count in Counter(one.character for one in kept).values())
    assert all(count <= most for user, count in Counter(one.user for one in kept).items() if user)
    random.shuffle(examples)
    assert left(examples, rules)[0] == kept


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=60))
def test_balanced_pairs_lean_to_neither_length(lengths: list[tuple[int, int]]) -> None:
    examples = [example(at, chosen="x" * a, rejected="y" * b) for at, (a, b) in enumerate(lengths)]
    balanced = length_balanced(examples, 0)
    share = chosen_longer(examples)
    if balanced is None:
        assert share in {0.0, 1.0}
        return
    after = chosen_longer(balanced)
    assert after is None or 0.45 - 1e-9 <= after <= 0.55 + 1e-9
    kept = min(sum(a > b for a, b in lengths), sum(a < b for a, b in lengths))
    assert len(balanced) >= 2 * kept


def test_the_prompt_decides_with_what_a_reply_is_compared() -> None:
    other = (PromptTurn(role="user", content="Something else altogether, said at length?"),)
    kept, _ = left([example(1), example(1, prompt=other, dialogue="other")])
    assert len(kept) == 2
