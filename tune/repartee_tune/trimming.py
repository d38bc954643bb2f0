"""Making a conversation fit: the oldest turns go, system message and newest turn stay, no reply is cut."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Turn(Protocol):
    """What trimming needs to know of a message."""

    @property
    def role(self) -> str:
        """`system`, `user` or `assistant`."""


T = TypeVar("T", bound=Turn)


@dataclass(frozen=True)
class Trimmed(Generic[T]):
    """The messages that were kept, and how many were left out."""

    messages: tuple[T, ...]
    dropped: int


def trim_oldest_turns(
    messages: Sequence[T], length: Callable[[Sequence[T]], int], budget: int
) -> Trimmed[T] | None:
    """Return the longest suffix that fits `budget` tokens, behind the leading system messages.

    `length` counts the tokens of a conversation, template included, and grows with every message. What is
    kept begins with a user's turn, because most templates demand it. None where even the newest turn does
    not fit.
    """
    head, turns = _split_head(messages)
    starts = [i for i, turn in enumerate(turns) if turn.role == "user"] or [0]
    if 0 not in starts:
        starts.insert(0, 0)  # a greeting by the character comes first: keep it while it fits
    position = bisect_left(starts, True, key=lambda start: length([*head, *turns[start:]]) <= budget)
    if position == len(starts):
        return None
    return Trimmed((*head, *turns[starts[position] :]), starts[position])


def least_turns(messages: Sequence[T]) -> tuple[T, ...]:
    """Return what always stays: leading system messages, and all from the user's newest turn on."""
    head, turns = _split_head(messages)
    newest = max((i for i, turn in enumerate(turns) if turn.role == "user"), default=0)
    return (*head, *turns[newest:])


def _split_head(messages: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    count = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    return messages[:count], messages[count:]
