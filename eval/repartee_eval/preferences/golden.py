"""The leak guard: nothing that models are tested on may be trained on."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import yaml

from repartee_eval.errors import EvalError
from repartee_eval.preferences.likeness import folded, near_pairs

LEAK: Final = 0.7
"""Likeness from which a text is a copy: one word changed in a sentence. A guard errs on the strict side."""
_OWN_WORDS: Final = 30
"""Characters from which words are somebody's own. Shorter ones, as a greeting, are equal by chance."""
_QUOTED: Final = 40
"""Characters from which a text that stands inside a longer one is a quotation, not a turn of phrase."""
_WORDS: Final = 5
_NAMED: Final = 5


class Guarded(Protocol):
    """What can leak: it has a name for people, single texts, and what the user said in all."""

    @property
    def name(self) -> str:
        """How an error calls it."""
        ...

    @property
    def texts(self) -> tuple[str, ...]:
        """Each text by itself."""
        ...

    @property
    def said(self) -> str:
        """All that the user said."""
        ...


@dataclass(frozen=True, slots=True)
class GuardedText:
    """A golden item, or a row."""

    name: str
    texts: tuple[str, ...]
    said: str


def load_golden(paths: Iterable[Path]) -> tuple[GuardedText, ...]:
    """Read golden sets: JSON Lines of golden items or dialogues, or YAML of canary prompts.

    Of an item the user's messages and the references are guarded; the character's messages before the end
    are not, as every dialogue with a card begins alike. Raises EvalError naming file and line.
    """
    return tuple(item for path in paths for item in _items(path))


def refuse_leaks(rows: Sequence[Guarded], golden: Sequence[Guarded]) -> None:
    """Raise EvalError that names what leaks: texts that are equal, alike by 0.7 or more, or quoted whole.

    Capitals, punctuation, unseen characters and look-alike letters of another alphabet make no difference.
    """
    leaks = sorted({(golden[item].name, rows[row].name) for item, row in _leaks(rows, golden)})
    if leaks:
        told = "; ".join(f"{item} in {row}" for item, row in leaks[:_NAMED])
        more = f"; and {len(leaks) - _NAMED} more" if len(leaks) > _NAMED else ""
        raise EvalError(
            f"{len(leaks)} golden items are in the training data: {told}{more}. "
            "Take those dialogues or rows out of the sources"
        )


def says_golden(golden: Sequence[Guarded]) -> Callable[[Guarded], bool]:
    """Return whether a row is one of the golden items that are too short to be anybody's own words.

    Such a row, say "hello" and nothing before it, is left out and counted: to refuse the sources for it would
    refuse every log.
    """
    short = {said for said in (folded(item.said) for item in golden) if 0 < len(said) < _OWN_WORDS}
    return lambda row: folded(row.said) in short


def _leaks(rows: Sequence[Guarded], golden: Sequence[Guarded]) -> Iterator[tuple[int, int]]:
    whole: dict[str, list[int]] = {}
    for place, item in enumerate(golden):
        if len(said := folded(item.said)) >= _OWN_WORDS:
            whole.setdefault(said, []).append(place)
    for place, row in enumerate(rows):
        yield from ((item, place) for item in whole.get(folded(row.said), ()))
    theirs, ours = _by_text(golden), _by_text(rows)
    texts = [*theirs, *(text for text in ours if text not in theirs)]
    alike = [(at, at) for at, text in enumerate(texts) if text in theirs and text in ours]
    alike += near_pairs(texts, LEAK)
    for quoted, holder in _quotations(theirs, ours):
        yield from ((item, row) for item in theirs[quoted] for row in ours[holder])
    for first, second in alike:
        for a, b in ((first, second), (second, first)):
            yield from ((item, row) for item in theirs.get(texts[a], ()) for row in ours.get(texts[b], ()))


def _quotations(theirs: Iterable[str], ours: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield golden texts with the texts that hold them; found by their first five words."""
    opening: dict[tuple[str, ...], list[str]] = {}
    for text in theirs:
        words = text.split()
        if len(text) >= _QUOTED and len(words) >= _WORDS:
            opening.setdefault(tuple(words[:_WORDS]), []).append(text)
    for text in ours:
        words = text.split()
        found = {tuple(words[at : at + _WORDS]) for at in range(len(words) - _WORDS + 1)} & opening.keys()
        for quoted in (one for words_of in sorted(found) for one in opening[words_of]):
            if f" {quoted} " in f" {text} ":
                yield quoted, text


def _by_text(things: Sequence[Guarded]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, thing in enumerate(things):
        for text in dict.fromkeys(map(folded, thing.texts)):
            if len(text) >= _OWN_WORDS:
                found.setdefault(text, []).append(place)
    return found


# --- reading ------------------------------------------------------------------------------------------


def _items(path: Path) -> Iterator[GuardedText]:
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix in {".yaml", ".yml"}:
            yield from _prompts(yaml.safe_load(text), path)
            return
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield _item(json.loads(line), path, number)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EvalError(f"--golden {path}: cannot be read: {type(error).__name__}") from None
    except json.JSONDecodeError:
        raise EvalError(f"--golden {path}, line {number}: is not JSON") from None


def _prompts(content: Any, path: Path) -> Iterator[GuardedText]:
    prompts = content.get("prompts") if isinstance(content, dict) else content
    if not isinstance(prompts, list):
        raise EvalError(f"--golden {path}: a YAML file of golden items is a list `prompts` with `text`")
    for number, prompt in enumerate(prompts, start=1):
        text = prompt.get("text") if isinstance(prompt, dict) else prompt
        if not isinstance(text, str):
            raise EvalError(f"--golden {path}: prompts.{number}.text is missing")
        name = prompt.get("id", number) if isinstance(prompt, dict) else number
        yield GuardedText(f"{path.name} item {name}", (text,), text)


def _item(content: Any, path: Path, number: int) -> GuardedText:
    if not isinstance(content, dict):
        raise EvalError(f"--golden {path}, line {number}: is no object")
    name = content.get("item", content.get("id", f"line {number}"))
    given = content.get("messages", content.get("prompt"))
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given or []
    said = [_text(one) for one in messages if isinstance(one, dict) and one.get("role") == "user"]
    others = [
        content.get(key)
        for key in ("references", "completion", "chosen", "rejected", "input", "output", "text")
    ]
    texts = [*said, *(text for other in others for text in _texts(other))]
    if not any(texts):
        raise EvalError(
            f"--golden {path}, line {number}: has no text to guard: write messages and references"
        )
    return GuardedText(f"{path.name} item {name}", tuple(texts), "\n".join(said))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from [_text(one)] if isinstance(one, dict) else _texts(one)


def _text(message: Mapping[str, Any]) -> str:
    text = message.get("content", message.get("text", ""))
    return text if isinstance(text, str) else ""
