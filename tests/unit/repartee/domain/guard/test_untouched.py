"""The short ways through the guard lead to the same place as reading one character after another."""

import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repartee.domain.guard import GuardContext, GuardOptions, GuardReport, StreamGuard, guard
from repartee.domain.guard import refusal_english as english
from repartee.domain.guard import refusal_russian as russian
from repartee.domain.guard.characters import WordCount, count_words
from repartee.domain.guard.refusal import _holds
from repartee.domain.guard.report import FinishReason
from repartee.domain.guard.untouched import is_untouched

CONTEXT = GuardContext(character_names=("Blaze",), user_name="Maya", other_speakers=("Ann",))
CHOICES = (
    GuardOptions(),
    GuardOptions(stop=("\nMaya:", "stop!")),
    GuardOptions(bare_names=True),
    GuardOptions(spaces=False),
    GuardOptions(max_blank_lines=None, balance=False),
    GuardOptions(max_words=20),
    GuardOptions(trim_sentence="always"),
    GuardOptions(loop_repeats=3),
    GuardOptions(code_fences=False, special_tokens=False),
    GuardOptions(max_sentences=2, max_characters=80),
)
PIECES = (
    *(
        "hello",
        "the",
        "old",
        "Maya",
        "Blaze",
        "User",
        "Ann",
        ":",
        " ",
        " ",
        " ",
        "\n",
        "\n\n",
        "\n\n\n",
        "\t",
    ),
    *("*", "**", '"', "“", "”", "«", "»", ".", "!", "...", "—", "1.", "*waves*", '"hi there"', "*looks up*"),
    *(
        "«да»",
        "Привет",
        "😊",
        "你好",
        "<|im_end|>",
        "<",
        "[INST]",
        "```",
        "~~~",
        "stop!",
        "(",
        ",",
        "e\u0301",
    ),
    *("ha ha ha ha ha", "no one no one no one no one", "x" * 17, "\u00a0", "\r", "<think>", "</think>"),
)


def made(number: int) -> tuple[str, FinishReason, GuardOptions]:
    chance = random.Random(number)
    between = chance.choice(("", " "))
    text = between.join(chance.choice(PIECES) for _ in range(chance.randint(1, 30)))
    return text, chance.choice(("stop", "stop", "length")), chance.choice(CHOICES)


def read(text: str, finish: FinishReason, options: GuardOptions, length: int) -> tuple[str, GuardReport]:
    stream = StreamGuard(CONTEXT, options)
    shown = "".join(stream.feed(text[at : at + length]) for at in range(0, len(text), length))
    last = stream.close(finish)
    return shown + last.text, last.report


def test_whole_texts_and_words_come_out_as_single_characters_do() -> None:
    untouched = 0
    for number in range(3_000):
        text, finish, options = made(number)
        one_by_one = read(text, finish, options, 1)
        assert read(text, finish, options, 1 + number % 12) == one_by_one, number
        whole = guard(text, finish, CONTEXT, options)
        assert (whole.text, whole.report) == one_by_one, number
        untouched += is_untouched(text, finish, CONTEXT, options)
    assert untouched > 20


@pytest.mark.parametrize(
    "text",
    [
        '*slides a glass over* Rehearsal ran long again? "Tell the cello I said hi."',
        "One line.\n\nAnother «line», with a name: Maya is here.",
        "*улыбается* Привет, как ты? 😊",
    ],
)
def test_a_reply_as_it_should_be_is_told_at_a_glance(text: str) -> None:
    assert is_untouched(text, "stop", CONTEXT, GuardOptions())


@pytest.mark.parametrize(
    "text",
    [
        " Hi.", "Hi. ", "Hi \nthere", "a\n\n\nb", "*waves", 'He said "no', "Maya: hello", "Blaze: hello",
        "a\nUser: b", "x<|im_end|>", "stop it " * 9, "```\ncode\n```", "你好你好你好你好",
        "<think>x</think> Hi.", "", "Go! Go! Go! Go! Now.",
    ],
)  # fmt: skip
def test_what_a_rule_may_change_is_read_in_full(text: str) -> None:
    assert not is_untouched(text, "stop", CONTEXT, GuardOptions())


@pytest.mark.parametrize(
    ("pattern", "stems"),
    [
        *((one, english.REFUSAL_STEMS) for one in english.REFUSALS),
        *((one, russian.REFUSAL_STEMS) for one in russian.REFUSALS),
        *((one, english.OUT_OF_ROLE_STEMS) for one in english.OUT_OF_ROLE),
        *((one, russian.OUT_OF_ROLE_STEMS) for one in russian.OUT_OF_ROLE),
    ],
)
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_pattern_matches_holds_one_of_its_stems(
    data: st.DataObject, pattern: str, stems: tuple[str, ...]
) -> None:
    assert _holds(data.draw(st.from_regex(re.compile(pattern, re.IGNORECASE))), stems)


@given(st.text(alphabet=st.characters(max_codepoint=0xDFF)))
def test_words_are_counted_as_one_by_one(text: str) -> None:
    words = WordCount()
    for char in text:
        words.see(char)
    assert count_words(text) == words.total
