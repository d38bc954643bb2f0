"""What the start of a line may open with: somebody's name, a code fence, a token that opens a turn."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal

import regex

from repartee.domain.guard.literals import SPECIAL_TOKENS
from repartee.domain.guard.options import GuardOptions
from repartee.domain.guard.report import GuardContext

Head = Literal["own", "speaker", "fence", "token"]
_ANYBODY: Final = ("User", "Human")
_INDENT: Final = r"[^\S\n]{0,3}"
_MARKS: Final = r"[*\"“”„«»「」『』]{0,4}"
_COLON: Final = rf"{_MARKS}[^\S\n]?[:：]"
_FENCE: Final = r"(?P<fence>[ ]{0,3}(?:`{3,16}[^`\n]{0,64}|~{3,16}[^~\n]{0,64})\n)"
_WRAPS: Final = ((r"\*\*", r"\*\*"), (r"\*", r"\*"), ("__", "__"), ("_", "_"), (r"\[", r"\]"))


@lru_cache(maxsize=1_024)
def head_pattern(context: GuardContext, options: GuardOptions, *, at_start: bool) -> regex.Pattern[str]:
    """Return the pattern for the head of a line; its group names say what it is. It never matches nothing."""
    own = _own_names(context, options)
    others = _other_names(context) if options.cut_speakers else ()
    parts = [
        *_turns("own", own, options.bare_names),
        *_turns("speaker", others, options.bare_names),
        *([_FENCE] if options.code_fences else []),
        *([rf"(?P<token>{_any(SPECIAL_TOKENS)})"] if at_start and options.special_tokens else []),
    ]
    return regex.compile("|".join(parts) or r"(?!)", regex.IGNORECASE | regex.V0)


def _own_names(context: GuardContext, options: GuardOptions) -> tuple[str, ...]:
    """Leave a name alone that a stop string asks to cut at."""
    if not options.strip_own_name:
        return ()
    stopped = tuple(stop.casefold() for stop in options.stop)
    return tuple(
        name
        for name in _spellings(context.character_names)
        if not any(f"{name.casefold()}:" in stop for stop in stopped)
    )


def _other_names(context: GuardContext) -> tuple[str, ...]:
    own = {name.casefold() for name in _spellings(context.character_names)}
    others = _spellings((context.user_name, *context.other_speakers, *_ANYBODY))
    return tuple(name for name in others if name.casefold() not in own)


def _spellings(names: Iterable[str]) -> tuple[str, ...]:
    """Return each name composed and decomposed: an upstream may send either."""
    clean = [name.strip() for name in names if name.strip()]
    both = [unicodedata.normalize(form, name) for name in clean for form in ("NFC", "NFD")]
    return tuple(dict.fromkeys([*clean, *both]))


def _turns(group: Head, names: tuple[str, ...], bare: bool) -> list[str]:
    if not names:
        return []
    name = _any(names)
    shapes = [name + _COLON, *(rf"{left}{name}{right}{_COLON}" for left, right in _WRAPS)]
    if group == "own":
        shapes.append(rf"(?P<bold>\*\*|__){name}{_COLON}")
        shapes += [rf"{name}{_MARKS}[^\S\n]{{0,3}}\n"] if bare else []
    else:
        shapes.append(rf"(?:\*\*|\*|__|_|\[){name}{_COLON}")
        shapes += [rf"{name}{_MARKS}\s"] if bare else []
    return [rf"(?P<{group}>{_INDENT}(?:{'|'.join(shapes)}))"]


def _any(names: Iterable[str]) -> str:
    longest_first = sorted(names, key=len, reverse=True)
    return f"(?:{'|'.join(map(regex.escape, longest_first))})"
