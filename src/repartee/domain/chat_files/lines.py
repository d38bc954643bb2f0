"""The lines of a chat, and what becomes of them when the dialogue goes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Literal, NamedTuple

from repartee.domain.dialogue import Role

Speaker = Literal["user", "character", "narrator"]


class Said(NamedTuple):
    """A message of the dialogue; how long it may be is for those to say who read it."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chat. `kept` is the object that it was read from, in the chat's own format."""

    speaker: Speaker
    text: str
    name: str = ""
    hidden: bool = False
    kept: Mapping[str, Any] | None = None

    @property
    def role(self) -> Role:
        """Whose line it is in a dialogue of two: what a narrator says, the character tells."""
        return "user" if self.speaker == "user" else "character"

    @property
    def is_spoken(self) -> bool:
        """Whether it is part of the dialogue; others (pictures, notes, prompts) are only kept."""
        return not self.hidden and self.text != ""

    @property
    def message(self) -> Said:
        """The line as a message of a dialogue."""
        return Said(self.role, self.text)


def continued(
    lines: Sequence[Line], messages: Sequence[Said], added: Callable[[Said], Line]
) -> tuple[Line, ...]:
    """Return the lines with `messages` as their dialogue, and all that is not spoken where it was.

    Between what is equal at the start and at the end, messages by the same roles as before are edits, the
    rest is `added`, and lines whose message is missing are gone.
    """
    spoken = [at for at, line in enumerate(lines) if line.is_spoken]
    before = [lines[at].message for at in spoken]
    head = _equal(before, messages)
    tail = _equal(before[head:][::-1], messages[head:][::-1])
    old, new = spoken[head : len(spoken) - tail], messages[head : len(messages) - tail]
    edits = _edits(lines, old, new)
    gone = set(old) - edits.keys()
    end = spoken[len(spoken) - tail] if tail else len(lines)
    stays = [(at, edits.get(at, line)) for at, line in enumerate(lines) if at not in gone]
    until = [line for at, line in stays if at < end]
    return (*until, *map(added, new[len(edits) :]), *(line for at, line in stays if at >= end))


def name_of(speaker: Speaker, lines: Sequence[Line]) -> str:
    """Return the first name that somebody spoke under, or an empty one."""
    return next((line.name for line in lines if line.is_spoken and line.speaker == speaker and line.name), "")


def _equal(left: Sequence[Said], right: Sequence[Said]) -> int:
    """Return how many messages from the start are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _edits(lines: Sequence[Line], old: Sequence[int], new: Sequence[Said]) -> dict[int, Line]:
    pairs = list(zip(old, new, strict=False))
    if any(lines[at].role != said.role for at, said in pairs):
        return {}
    return {at: replace(lines[at], text=said.text) for at, said in pairs}
