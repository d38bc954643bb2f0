"""Splits that never leak: what is alike stays together, and what was tested on is never trained on.

Each dialogue has a side of its own by a seeded hash, which does not change when data is added. Dialogues
that belong together (nearly the same words; the same character where asked for) all go to the strictest of
their own sides: test before validation before train. So new data can take a dialogue out of train, and
never out of test.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.fingerprints import hashed
from repartee_eval.dialogues.near_duplicates import LIKENESS, linked, near_duplicate_groups
from repartee_eval.errors import EvalError

Part = Literal["train", "validation", "test"]
PARTS: Final[tuple[Part, ...]] = ("test", "validation", "train")
"""The strictest first."""

SHARES: Final[Mapping[Part, float]] = {"train": 0.8, "validation": 0.1, "test": 0.1}


@dataclass(frozen=True, slots=True)
class Split:
    """The parts, in the order given. `unseen`: locked characters of which there is no dialogue."""

    train: tuple[Dialogue, ...]
    validation: tuple[Dialogue, ...]
    test: tuple[Dialogue, ...]
    unseen: tuple[str, ...] = ()


def split(
    dialogues: Sequence[Dialogue],
    shares: Mapping[Part, float] = SHARES,
    *,
    by: Literal["dialogue", "character"] = "dialogue",
    held_out: Collection[str] = (),
    seed: int = 0,
    likeness: float = LIKENESS,
) -> Split:
    """Return the parts; shares are of dialogues, or of characters. Raises EvalError for shares that are none.

    Dialogues of `held_out` characters (ids or names) and golden ones are always tested on, together with
    what is alike.
    """
    if any(not 0 <= share <= 1 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-9:
        raise EvalError("the shares of a split must be between 0 and 1 and make 1 together")
    locked = {name.casefold() for name in held_out}
    groups = linked(len(dialogues), _links(dialogues, by, likeness))
    strictest: dict[int, int] = {}
    for dialogue, group in zip(dialogues, groups, strict=True):
        own = PARTS.index(_own_part(dialogue, shares, by, locked, seed))
        strictest[group] = min(own, strictest.get(group, own))
    parts = {
        part: tuple(
            dialogue
            for dialogue, group in zip(dialogues, groups, strict=True)
            if PARTS[strictest[group]] == part
        )
        for part in PARTS
    }
    there = {name for dialogue in dialogues for name in _names(dialogue)}
    return Split(**parts, unseen=tuple(sorted(name for name in held_out if name.casefold() not in there)))


def _own_part(
    dialogue: Dialogue, shares: Mapping[Part, float], by: str, locked: Collection[str], seed: int
) -> Part:
    if dialogue.golden or not _names(dialogue).isdisjoint(locked):
        return "test"
    key = dialogue.character_id.casefold() if by == "character" else dialogue.id
    at = hashed(seed, by, key) / 2**64
    for part in PARTS:
        at -= shares.get(part, 0.0)
        if at < 0:
            return part
    return "train"


def _links(dialogues: Sequence[Dialogue], by: str, likeness: float) -> Iterator[tuple[int, int]]:
    first: dict[tuple[str, object], int] = {}
    for place, group in enumerate(near_duplicate_groups(dialogues, likeness)):
        yield first.setdefault(("alike", group), place), place
    if by == "character":
        for place, dialogue in enumerate(dialogues):
            for name in _names(dialogue):
                yield first.setdefault(("named", name), place), place


def _names(dialogue: Dialogue) -> frozenset[str]:
    """One character may have an id in one file and a name only in another."""
    return frozenset({dialogue.character_id.casefold(), dialogue.character.name.casefold()})
