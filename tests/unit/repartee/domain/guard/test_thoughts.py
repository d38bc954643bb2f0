import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.domain.guard import GuardContext, GuardOptions, StreamGuard, guard

CONTEXT = GuardContext(("Mira",), "Anna")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<think>\nShe is sad.\n</think>\n\nHello.", "Hello."),
        (" \n<THINKING>x</thinking> Hi.", "Hi."),
        ("<think></think>Hi.", "Hi."),
        ("<think>a</think>\n<think>b</think>Hi.", "Hi."),
        ("<think>Anna: no\n<|im_end|> STOP</think>Mira: Hi.", "Hi."),
        ("<think>never ends", ""),
        ("<think>a</thinking>b</think>Hi.", "Hi."),
        ("<thin", "<thin"),
        ("<thinker> is a word.", "<thinker> is a word."),
        ("I mean <think>this</think>.", "I mean <think>this</think>."),
        ("</think> Hi.", "</think> Hi."),
    ],
)
def test_thoughts_that_open_the_reply_are_removed(before: str, after: str) -> None:
    guarded = guard(before, "stop", CONTEXT, GuardOptions(stop=("STOP",)))
    assert guarded.text == after
    assert guarded.report.empty is (not after)
    begins = before.lower().lstrip().startswith(("<think>", "<thinking>"))
    assert ("thoughts" in {one.rule for one in guarded.report.interventions}) is begins


def test_they_stay_where_the_rule_is_off() -> None:
    text = "<think>a</think> Hi."
    assert guard(text, "stop", CONTEXT, GuardOptions(thoughts=False)).text == text


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ("<think>", "</think>", "<", "</", "thought>", " ", "\n", "Hi.", "Mira:", "Anna:", "*", "STOP")
        ),
        max_size=12,
    ).map("".join),
    st.lists(st.integers(1, 9), max_size=20),
)
def test_however_the_text_is_split_it_comes_out_the_same(text: str, sizes: list[int]) -> None:
    chosen = GuardOptions(stop=("STOP",))
    stream, shown, at = StreamGuard(CONTEXT, chosen), "", 0
    for size in sizes:
        shown += stream.feed(text[at : at + size])
        at += size
    shown += stream.feed(text[at:])
    last, whole = stream.close("stop"), guard(text, "stop", CONTEXT, chosen)
    assert (shown + last.text, last.report) == (whole.text, whole.report)
