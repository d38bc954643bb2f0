"""Card macros, replaced in one pass: `{{char}}`, `{{user}}`, `{{random:a,b}}`, `{{roll:2d6}}` and the like.

A value is never expanded again, whatever it looks like; a macro that is not known, or whose value the caller
did not give, stays as it is written; nothing here is a template engine, and nothing is ever evaluated.
Macros may stand inside each other's arguments, eight deep.
Sources of the names: Character Card V2 (`{{char}}`/`<BOT>`, `{{user}}`/`<USER>`, any letter case), Character
Card V3 ("Curly Braced Syntaxes"), SillyTavern's list of macros.
"""

from dataclasses import dataclass, field
from typing import Final

from repartee.domain.chance import chance, fingerprint
from repartee.domain.macro_context import MacroContext, plain_value, plain_values
from repartee.domain.macro_text import Mark, bare_macros, marks, may_hold_marks, with_values
from repartee.domain.macro_values import options, rolled

__all__ = ["Expansion", "MacroContext", "expand", "expand_macros", "expanded_bare"]

_MOST_INSERTED: Final = 2_000_000
_NEEDS_A_LOOK_AROUND: Final = frozenset({"trim", "original"})
_DROPPED: Final = frozenset({"//", "comment", "hidden_key"})


@dataclass(frozen=True, slots=True)
class Expansion:
    """The text with the values in, and what its `{{hidden_key:…}}` macros held."""

    text: str
    hidden_keys: tuple[str, ...] = ()


def expand_macros(text: str, char: str, user: str) -> str:
    """Return `text` with the names put in.

    >>> expand_macros("{{user}}, I am {{char}}.", char="Blaze", user="Ann")
    'Ann, I am Blaze.'
    """
    return expand(text, MacroContext(char=char, user=user)).text


def expand(text: str, context: MacroContext) -> Expansion:
    """Return `text` with every macro that has a value replaced.

    The values may add two million characters; macros after that stay as they are written.

    >>> expand("{{reverse:{{char}}}}{{// the name, turned around}}", MacroContext("Blaze", "Ann")).text
    'ezalB'
    """
    written = expanded_bare(text, context)
    if written is not None:
        return Expansion(written)
    found = marks(text)
    return _Pass(text, context).over(found) if found else Expansion(text)


def expanded_bare(text: str, context: MacroContext) -> str | None:
    """Return what `expand` gives where all macros are bare names, as in most cards; else None."""
    if not may_hold_marks(text):
        return text
    found = bare_macros(text)
    if found is None or not _NEEDS_A_LOOK_AROUND.isdisjoint(found.values()):
        return None
    values = {written: plain_value(name, context) for written, name in found.items()}
    put = {written: written if value is None else value for written, value in values.items()}
    whole = with_values(text, put) if put else text
    return whole if len(whole) <= _MOST_INSERTED else None


@dataclass(slots=True)
class _Frame:
    """A macro that is being read: its argument so far, pieces marked True where they are the card's own."""

    mark: Mark | None = None
    pieces: list[tuple[str, bool]] = field(default_factory=list)

    def joined(self) -> str:
        return "".join(text for text, _ in self.pieces)


class _Pass:
    """One look over one text."""

    def __init__(self, text: str, context: MacroContext) -> None:
        self._text = text
        self._context = context
        self._values = plain_values(context)
        self._frames = [_Frame()]
        self._hidden: list[str] = []
        self._room = _MOST_INSERTED
        self._trimming = False
        self._print = ""

    def over(self, found: list[Mark]) -> Expansion:
        at = 0
        for mark in found:
            self._write(self._text[at : mark.start])
            at = self._read(mark)
        self._write(self._text[at:])
        return Expansion(self._frames[0].joined(), tuple(self._hidden))

    def _read(self, mark: Mark) -> int:
        """Take one mark in and return where the text goes on."""
        if mark.kind == "tag":
            self._write_tag(mark)
        elif not mark.name:
            self._write(self._text[mark.start : mark.end])
        elif mark.kind == "open":
            self._frames.append(_Frame(mark))
            return mark.argument or mark.end
        else:
            self._close()
        return mark.end

    def _write(self, own: str) -> None:
        if self._trimming and own:
            own = own.lstrip("\r\n")
            self._trimming = not own
        if own:
            self._frames[-1].pieces.append((own, True))

    def _write_tag(self, mark: Mark) -> None:
        if not self._inserted(self._values[mark.name]):
            self._write(self._text[mark.start : mark.end])

    def _inserted(self, value: str) -> bool:
        """Put a value in; False where the values have grown too long."""
        self._room -= len(value)
        if self._room < 0:
            return False
        if value:
            self._trimming = False
            self._frames[-1].pieces.append((value, False))
        return True

    def _close(self) -> None:
        frame = self._frames.pop()
        mark = frame.mark
        if mark is None:
            return
        if mark.name == "trim" and mark.argument is None:
            self._trim()
            return
        value = self._values.get(mark.name) if mark.argument is None else self._computed(frame, mark)
        if value is None or not self._inserted(value):
            self._restore(frame, mark)
        elif mark.name == "original":
            self._values["original"] = ""

    def _restore(self, frame: _Frame, mark: Mark) -> None:
        self._write(self._text[mark.start : mark.argument or mark.end])
        self._trimming = False
        self._frames[-1].pieces += frame.pieces
        self._write("}}")

    def _trim(self) -> None:
        pieces = self._frames[-1].pieces
        while pieces and pieces[-1][1]:
            text = pieces.pop()[0].rstrip("\r\n")
            if text:
                pieces.append((text, True))
                break
        self._trimming = True

    def _computed(self, frame: _Frame, mark: Mark) -> str | None:
        match mark.name:
            case "random":
                return self._chosen(frame, mark, self._context.seed)
            case "pick":
                return self._chosen(frame, mark, self._context.chat_seed)
            case "roll":
                return self._rolled(frame, mark)
            case "reverse":
                return frame.joined()[::-1]
            case name if name in _DROPPED:
                self._hidden += [frame.joined()] if name == "hidden_key" else []
                return ""
            case _:
                return None

    def _chosen(self, frame: _Frame, mark: Mark, seed: int | str | None) -> str | None:
        if seed is None:
            return None
        choices = options(frame.pieces)
        return choices[int(self._chance(seed, mark, 0) * len(choices))]

    def _rolled(self, frame: _Frame, mark: Mark) -> str | None:
        seed = self._context.seed
        return None if seed is None else rolled(frame.joined(), lambda die: self._chance(seed, mark, die))

    def _chance(self, seed: int | str, mark: Mark, nth: int) -> float:
        self._print = self._print or fingerprint(self._text)
        return chance(seed, mark.name, self._print, mark.start, nth)
