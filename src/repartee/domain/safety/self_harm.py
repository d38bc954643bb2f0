"""Words about suicide and self-harm in a text, by a lexicon that anybody can read. English and Russian.

`active`: an intent, an act, a method, or a call to it. `passive`: a wish not to live, a hint, somebody else,
slang. What is denied, quoted or acted counts one step less, since much of that is fiction. It reads words,
not people: it misses what is said otherwise, and it raises alarms that are none.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Final, Literal

from repartee.domain.safety import self_harm_english as english
from repartee.domain.safety import self_harm_phrases as phrases
from repartee.domain.safety import self_harm_russian as russian
from repartee.domain.safety.phrases import Phrases
from repartee.domain.safety.wording import plain, played

SelfHarm = Literal["none", "passive", "active", "unknown"]
"""`unknown`: the detector failed."""
Manner = Literal["explicit", "veiled", "third_party", "slang", "incitement"]

_STEPS: Final[tuple[SelfHarm, ...]] = ("none", "passive", "active")
_DENIED: Final = re.compile(
    r"\b(?:not|never|isn't|aren't|wasn't|don't|dont|didn't|won't|wouldn't|без|не|никогда не)(?: \w+){0,3} $"
)
_IN_JEST: Final = re.compile(
    r"\blaugh\w*|\blol\b|\blmao\b|\bхаха\w*|\bахах\w*|\bсо смеху\b|\bboredom\b|\bembarrass\w*|"
    r"\bот стыда\b|\bот скуки\b|"
    r"\b(?:homework|essay|exams?|mondays?|traffic|meeting)\b"
)
_AROUND: Final = 40


@dataclass(frozen=True, slots=True)
class SelfHarmSigns:
    """What was found: how serious, and how it was said. No words of the text."""

    level: SelfHarm = "none"
    manner: Manner | None = None


NO_SIGNS: Final = SelfHarmSigns()
UNKNOWN: Final = SelfHarmSigns("unknown")


@dataclass(frozen=True, slots=True)
class _Group:
    level: int
    manner: Manner
    pattern: re.Pattern[str]
    name: str


_KINDS: Final[tuple[tuple[int, Manner, str], ...]] = (
    (2, "explicit", "EXPLICIT_ACTIVE"),
    (2, "incitement", "INCITEMENT"),
    (1, "third_party", "THIRD_PARTY"),
    (1, "explicit", "EXPLICIT_PASSIVE"),
    (1, "veiled", "VEILED"),
    (1, "slang", "SLANG"),
    (1, "incitement", "INCITEMENT_SLANG"),
)


def _groups(language: str, lexicon: ModuleType) -> tuple[_Group, ...]:
    return tuple(
        _Group(
            level,
            manner,
            re.compile("|".join(f"(?:{one})" for one in getattr(lexicon, name))),
            f"{language} {name}",
        )
        for level, manner, name in _KINDS
    )


def _phrases(language: str, by_kind: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    return {f"{language} {kind}": phrases for kind, phrases in by_kind.items()}


_GROUPS: Final = (*_groups("en", english), *_groups("ru", russian))
_QUICK_LOOK: Final = Phrases({**_phrases("en", phrases.ENGLISH), **_phrases("ru", phrases.RUSSIAN)})


def signs_of_self_harm(text: str) -> SelfHarmSigns:
    """Return the most serious sign; of equal ones the first kind in the order of the lexicon."""
    read = plain(text)
    named = _QUICK_LOOK.named_in(read)
    if not named:
        return NO_SIGNS
    fitting = [group for group in _GROUPS if group.name in named]
    spans = played(read)
    best, manner = 0, None
    for group in sorted(fitting, key=lambda group: -group.level):
        if group.level <= best:
            break
        level = max(_levels(group, read, spans), default=0)
        if level > best:
            best, manner = level, group.manner
    return SelfHarmSigns(_STEPS[best], manner) if best else NO_SIGNS


def _levels(group: _Group, text: str, spans: list[tuple[int, int]]) -> Iterator[int]:
    for match in group.pattern.finditer(text):
        start, end = match.span()
        lowered = any(left <= start and end <= right for left, right in spans)
        lowered = lowered or _DENIED.search(text[max(start - _AROUND, 0) : start]) is not None
        jest = group.level == 1 and _IN_JEST.search(text[max(start - _AROUND, 0) : end + _AROUND])
        yield group.level - bool(lowered) - bool(jest)
