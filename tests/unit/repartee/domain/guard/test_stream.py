"""The contract: pieces cannot matter, and a guarded reply is not guarded further."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from repartee.domain.guard import FinishReason, GuardContext, GuardOptions, StreamGuard, guard

CONTEXT = GuardContext(("Mira", "Мира"), "Anna", ("Tom", "Dr. Strange"))
PARTS = (
    *("Mira", "Mira:", "Anna", "Anna:", "User:", "Tom", ":", "**Mira:**", "[Anna]:", "Dr. Strange:", "Мира:"),
    *("\n", "\n\n", "\r\n", " ", "  ", "\t", "\u00a0", "\u3000", "："),
    *("*", "**", "***", "****", '"', "“", "”", "„", "«", "»", "「", "」", "'", "’", "(", ")"),
    *(".", "!", "?", "…", "...", "。", "！", "؟", "।", ",", ":", "—", "J.", "Mr.", "1."),
    *("😀", "👩", "\u200d", "👧", "\ufe0f", "🏽", "🇯", "🇵", "\u20e3", "❤", "\u0301", "\u0e31"),
    *("```", "```py\n", "\n```\n", "~~~", "`", "``"),
    *("<|im_end|>", "<|im_", "<s>", "</s", "[INST]", "STOP", "ST", "STO"),
    *("a", "b", "hello", "f*ck", "2*3", "5'10\"", "don't", "да", "好", "き", "กก", "word word word word"),
    *("I love you. ", "and so on ", "ha ha "),
)
texts = st.lists(st.sampled_from(PARTS), max_size=40).map("".join)
finishes: st.SearchStrategy[FinishReason] = st.sampled_from(("stop", "length"))
options = st.builds(
    GuardOptions,
    stop=st.sampled_from(((), ("STOP",), ("\n\n", "STOP"), ("STOP", "OP!", "Mira:"))),
    cut_speakers=st.booleans(),
    bare_names=st.booleans(),
    strip_own_name=st.booleans(),
    special_tokens=st.booleans(),
    spaces=st.booleans(),
    max_blank_lines=st.sampled_from((None, 0, 1, 3)),
    trim_sentence=st.sampled_from(("never", "length", "always")),
    balance=st.booleans(),
    code_fences=st.booleans(),
    max_words=st.sampled_from((None, None, 3, 12)),
    max_characters=st.sampled_from((None, None, 10, 60)),
    max_sentences=st.sampled_from((None, None, 1, 3)),
    loop_repeats=st.sampled_from((None, 3, 4)),
)


def _split(text: str, places: list[int]) -> list[str]:
    cuts = sorted({place % (len(text) + 1) for place in places})
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@settings(max_examples=600, deadline=None)
@example("```py\nMiraSTOP", [7], "stop", GuardOptions(stop=("STOP",), code_fences=False, max_sentences=1))
@example("a b " * 9, [15], "stop", GuardOptions(loop_repeats=3, max_words=12))
@given(texts, st.lists(st.integers(0, 10_000), max_size=30), finishes, options)
def test_however_the_text_is_split_it_comes_out_the_same(
    text: str, places: list[int], finish: FinishReason, chosen: GuardOptions
) -> None:
    stream = StreamGuard(CONTEXT, chosen)
    shown = [stream.feed(piece) for piece in _split(text, places)]
    last = stream.close(finish)
    whole = guard(text, finish, CONTEXT, chosen)
    assert "".join(shown) + last.text == whole.text
    assert last.report == whole.report


@settings(max_examples=200, deadline=None)
@given(texts, finishes, options)
def test_character_by_character_comes_out_the_same(
    text: str, finish: FinishReason, chosen: GuardOptions
) -> None:
    stream = StreamGuard(CONTEXT, chosen)
    shown = [stream.feed(char) for char in text]
    last = stream.close(finish)
    assert "".join(shown) + last.text == guard(text, finish, CONTEXT, chosen).text


_HALF_FENCES = ("```", "~~~", "`", "``")
_UNSTABLE = {"stop": (), "bare_names": False}


@settings(max_examples=600, deadline=None)
@example("*Mira:", "stop", GuardOptions(trim_sentence="never"))
@example("Tom**: no.", "stop", GuardOptions())
@example("” Mira: hello", "stop", GuardOptions())
@example("*She smiles\n*He waves* ****", "length", GuardOptions(trim_sentence="never"))
@example("„“да?„</s", "stop", GuardOptions(special_tokens=False))
@example('a *" b', "stop", GuardOptions())
@example("foo * *", "stop", GuardOptions())
@given(
    st.lists(st.sampled_from([part for part in PARTS if part not in _HALF_FENCES]), max_size=40).map("".join),
    finishes,
    options,
)
def test_a_guarded_reply_is_left_alone(text: str, finish: FinishReason, chosen: GuardOptions) -> None:
    """Except for what docs/guard.md lists: the exceptions are left out of the options and of the alphabet."""
    trim = "length" if chosen.trim_sentence == "always" else chosen.trim_sentence
    stable = chosen.model_copy(update={**_UNSTABLE, "trim_sentence": trim})
    once = guard(text, finish, CONTEXT, stable).text
    assert guard(once, "stop", CONTEXT, stable).text == once


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Hi.\nAnna: and then", "speaker"),
        ("Hi.STOP and", "stop"),
        ("Hi. <|im_end|>\nmore", "special_token"),
        ("One. Two. Three. Four", "length"),
        ("I love you. " * 9, "loop"),
    ],
)
def test_once_cut_the_stream_is_done_and_reads_no_more(text: str, rule: str) -> None:
    stream = StreamGuard(CONTEXT, GuardOptions(stop=("STOP",), max_sentences=2))
    if rule == "loop":
        stream = StreamGuard(CONTEXT)
    read = 0
    while not stream.done:
        stream.feed(text[read])
        read += 1
    assert read < len(text)
    assert stream.feed("Anything. At all. ") in {"", "."}
    assert stream.close("length").report.cut_by == rule


_MOSTLY_PLAIN = (
    *("left the harbour", "and, well", "don't.", "go ", "I said", "x - y", " ", " ", ". ", "Well. "),
    *("\n", "*", "* ", '"', "Mira:", "<", "STO", "```\n", "ha ha ha ha "),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(_MOSTLY_PLAIN), max_size=60),
    finishes,
    st.sampled_from((GuardOptions(), GuardOptions(stop=("STOP",)), GuardOptions(balance=False))),
)
def test_what_is_read_later_could_not_have_been_shown_before(
    pieces: list[str], finish: FinishReason, chosen: GuardOptions
) -> None:
    """Plain text behind a first sentence is only collected; the other guard reads every piece at once."""
    lazy, eager = StreamGuard(CONTEXT, chosen), StreamGuard(CONTEXT, chosen)
    eager._may_wait = False
    for piece in pieces:
        assert lazy.feed(piece) == eager.feed(piece)
    assert lazy.close(finish) == eager.close(finish)


def test_a_loop_without_a_sign_still_ends_the_reply_soon() -> None:
    stream, read = StreamGuard(CONTEXT), 0
    stream.feed("Well. I said ")
    while not stream.done:
        stream.feed("again and again we go on ")
        read += 25
    assert read <= 4 * 25 + 128 + 25


def test_the_first_sentence_is_shown_while_it_is_written() -> None:
    stream = StreamGuard(CONTEXT)
    assert "".join(stream.feed(char) for char in "Well, I think that") == "Well, I think that"


def test_behind_the_first_sentence_each_one_waits_for_its_end() -> None:
    stream = StreamGuard(CONTEXT)
    shown = stream.feed("Well. I think that")
    assert shown == "Well."
    assert shown + stream.feed(" it is. An") == "Well. I think that it is."


def test_without_the_sentence_rule_only_a_possible_name_or_token_waits() -> None:
    stream = StreamGuard(CONTEXT, GuardOptions(trim_sentence="never", loop_repeats=None))
    assert stream.feed("Well. I think") == "Well. I think"
    assert stream.feed(" <|im") == ""
    assert stream.feed("age. ") == " <|image."
    assert stream.feed("\nAn") == ""
    assert stream.feed("d so") == "\nAnd so"


@settings(max_examples=100, deadline=None)
@given(texts)
def test_without_sentence_length_and_loop_rules_little_waits(text: str) -> None:
    """The bound of docs/guard.md: a fence's line, the longest token, marks in a row, their ends."""
    chosen = GuardOptions(trim_sentence="never", loop_repeats=None)
    stream = StreamGuard(CONTEXT, chosen)
    shown = ""
    for end, char in enumerate(text, start=1):
        shown += stream.feed(char)
        assert len(guard(text[:end], "stop", CONTEXT, chosen).text) - len(shown) <= 128


@pytest.mark.parametrize(
    ("text", "once", "twice"),
    [
        ("Anna<s>", "Anna", ""),
        ("```x</s>` y", "```x", "```x\n```"),
    ],
)
def test_the_exceptions_that_the_documentation_names_are_as_it_says(text: str, once: str, twice: str) -> None:
    chosen = GuardOptions(bare_names=True)
    assert guard(text, "stop", CONTEXT, chosen).text == once
    assert guard(once, "stop", CONTEXT, chosen).text == twice


def test_time_grows_with_the_text_and_not_faster() -> None:
    texts = (
        '*She smiles* and says "so". ',
        "* ",
        "“",
        "a",
        "ab ab ",
        "\n",
        "Mira: ",
        "<|im_",
        "😀\u200d",
        "1.",
        "``",
    )
    for part in texts:
        short, long = (_seconds((part * 40_000)[:size]) for size in (4_000, 32_000))
        assert long < 8 * 3 * short + 0.05, part


def _seconds(text: str) -> float:
    options = GuardOptions(loop_repeats=None if "ab" not in text else 50, max_words=10_000)
    started = time.process_time()
    guard(text, "length", CONTEXT, options)
    return time.process_time() - started
