"""Replies that no rule changes, told at a glance: most of them, and reading those by character costs 2 ms.

Every test here errs on one side: what passes is the same behind the guard, what does not pass may be too.
"""

import itertools
import re
from collections import Counter
from typing import Final

from repartee.domain.guard.heads import head_pattern
from repartee.domain.guard.options import GuardOptions
from repartee.domain.guard.report import FinishReason, GuardContext

_M: Final = '*"“”„«»「」『』'
_SAID: Final = rf"(?=[^{_M}\s])[^{_M}\n]*[^{_M}\s]"
_PAIR: Final = rf'(?<!\S)(?:\*{_SAID}\*|"{_SAID}"|“{_SAID}”|«{_SAID}»)(?=[\s.,!?…]|\Z)'
_IN_PAIRS: Final = re.compile(rf"(?:[^{_M}]++|{_PAIR})*+")
"""Marks that stand as everybody sets them: a space before, the text close inside, its partner on the line."""
_WIDE: Final = re.compile("[\u2e80-\U0001efff\U00020000-\U0010ffff]")
"""All that may be a word in one character, and much that is not."""


def is_untouched(
    text: str, finish_reason: FinishReason, context: GuardContext, options: GuardOptions
) -> bool:
    """Return True where the guard surely leaves the whole reply as it is, without a note in its report."""
    return (
        finish_reason == "stop"
        and _are_usual(options)
        and any(map(str.isalnum, text[:64]))
        and _are_paired(text)
        and not _has_loose_spaces(text, options.max_blank_lines or 0)
        and not ("<" in text or "[" in text or "#" in text)
        and not any(_may_stop(text, stop) for stop in options.stop)
        and not _may_loop(text, options.loop_repeats)
        and not _has_head(text, context, options)
    )


def _are_usual(options: GuardOptions) -> bool:
    """Limits, and a reply that must end with a sentence, want every character looked at."""
    limits = (options.max_words, options.max_characters, options.max_sentences)
    return limits == (None, None, None) and options.trim_sentence != "always"


def _are_paired(text: str) -> bool:
    if text.isascii() and "*" not in text and '"' not in text:
        return True
    return _IN_PAIRS.fullmatch(text) is not None


def _has_loose_spaces(text: str, blank_lines: int) -> bool:
    """Say whether there is what `Spaces` may remove: at the ends, before a line break, many line breaks."""
    if text[:1].isspace() or text[-1:].isspace():
        return True
    if "\n" not in text:
        return False
    return "\n" * (blank_lines + 2) in text or any(line[-1:].isspace() for line in text.split("\n"))


def _may_stop(text: str, stop: str) -> bool:
    return stop in text or any(text.endswith(stop[:length]) for length in range(1, len(stop)))


def _may_loop(text: str, repeats: int | None) -> bool:
    """In a loop some two words stand side by side again and again, at the same distance."""
    if repeats is None:
        return False
    if not text.isascii() and _WIDE.search(text):
        return True
    pairs = list(itertools.pairwise(text.split()))
    if len(pairs) - len(set(pairs)) < repeats - 2:
        return False
    often = [pair for pair, count in Counter(pairs).items() if count >= repeats - 1]
    return any(
        _is_regular([at for at, one in enumerate(pairs) if one == pair], repeats - 1) for pair in often
    )


def _is_regular(places: list[int], times: int) -> bool:
    """Say whether so many of the places follow each other at one distance."""
    if len(places) == times:
        first, second = places[:2]
        return places == [first + (second - first) * nth for nth in range(times)]
    known = set(places)
    steps = ((start, after - start) for start, after in itertools.combinations(places, 2))
    return any(all(start + step * nth in known for nth in range(2, times)) for start, step in steps)


def _has_head(text: str, context: GuardContext, options: GuardOptions) -> bool:
    first, *later = text.split("\n")
    if head_pattern(context, options, at_start=True).match(f"{first}\n"):
        return True
    if not later:
        return False
    pattern = head_pattern(context, options, at_start=False)
    return any(pattern.match(f"{line}\n") for line in later)
