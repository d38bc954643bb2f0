"""The offline baseline's moderation: the patterns of the flags' own files, and counted language errors.

Word lists miss what is said in other words and catch innocent uses: this finds seeded positives and demos the
path; it is no safety check.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import regex

from repartee_eval.judges.offline_judge import completion
from repartee_eval.judges.question import OFFLINE, Question
from repartee_eval.judges.reading import Level
from repartee_eval.judges.rubrics import Flag
from repartee_eval.judges.subject import Subject

_TWO_SCRIPTS: Final = regex.compile(r"\b(?=\w*\p{Latin})(?=\w*\p{Cyrillic})[\p{Latin}\p{Cyrillic}]+\b")
_DOUBLED: Final = regex.compile(
    r"\b(the|a|an|of|to|in|and|is|are|with|for|и|в|на|не|с|что|как|я|у|к|из|по)\s+\1\b", regex.IGNORECASE
)
_GARBLED: Final = regex.compile(r"\N{REPLACEMENT CHARACTER}|Ð[\w\p{P}]|Ã[\w\p{P}]|(\p{L})\1{5,}")
_MANY_ERRORS: Final = 5


def offline_flags(question: Question, subject: Subject, flags: Sequence[Flag]) -> str:
    """Return the raw answer to a moderation question: a chat completion, as JSON text."""
    judged = subject.side.messages[subject.side.focus :]
    text = "\n".join(message.text for message in judged if message.role == "character")
    asked = {flag.id: flag for flag in flags}
    return completion({name: _found(asked[name], text) for name in question.criteria})


def _found(flag: Flag, text: str) -> dict[str, str]:
    if flag.id == "language_errors":
        errors = _language_errors(text)
        level: Level = "severe" if errors >= _MANY_ERRORS else "mild" if errors else "none"
        return {"evidence": f"{OFFLINE}: {errors} marks of errors" if errors else "", "level": level}
    severe, mild = (_hits(patterns, text) for patterns in (flag.severe_patterns, flag.patterns))
    level = "severe" if severe else "mild" if mild else "none"
    hits = severe + mild
    return {"evidence": f"{OFFLINE}: {hits} matches of the word list" if hits else "", "level": level}


def _hits(patterns: Sequence[str], text: str) -> int:
    return sum(len(_compiled(pattern).findall(text)) for pattern in patterns)


@lru_cache(maxsize=1_024)
def _compiled(pattern: str) -> "regex.Pattern[str]":
    return regex.compile(pattern, regex.IGNORECASE)


def _language_errors(text: str) -> int:
    """Return how many words mix two alphabets, are garbled, or are small and doubled."""
    return sum(len(pattern.findall(text)) for pattern in (_TWO_SCRIPTS, _DOUBLED, _GARBLED))
