"""Dialogues that are there twice."""

from collections.abc import Sequence
from dataclasses import dataclass

from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.fingerprints import message_hashes
from repartee_eval.dialogues.near_duplicates import near_duplicate_groups


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """What is left, in the order given, and the ids of what was dropped with the id of what stays for it."""

    dialogues: tuple[Dialogue, ...]
    dropped: tuple[tuple[str, str], ...]


def deduplicated(dialogues: Sequence[Dialogue], *, near: float | None = None) -> Deduplicated:
    """Drop what says the same as another dialogue, or is the start of one (a chat exported twice).

    Spacing, letter case and compatible characters make no difference; character and scenario do. `near`, 0.5
    to 1, drops all but the longest of a group that is at least so alike, too.
    """
    instead = _exact(dialogues)
    if near is not None:
        left = [place for place in range(len(dialogues)) if place not in instead]
        instead |= _near(dialogues, left, near)
    kept = tuple(dialogue for place, dialogue in enumerate(dialogues) if place not in instead)
    return Deduplicated(
        kept, tuple((dialogues[gone].id, dialogues[stays].id) for gone, stays in sorted(instead.items()))
    )


def _exact(dialogues: Sequence[Dialogue]) -> dict[int, int]:
    """Return the places of what is dropped, with the place of what stays: longest first, then the first."""
    holders: dict[bytes, int] = {}
    instead: dict[int, int] = {}
    for place in sorted(range(len(dialogues)), key=lambda at: -len(dialogues[at].messages)):
        hashes = message_hashes(dialogues[place])
        if hashes and hashes[-1] in holders:
            instead[place] = holders[hashes[-1]]
            continue
        for each in hashes:
            holders.setdefault(each, place)
    return instead


def _near(dialogues: Sequence[Dialogue], places: Sequence[int], likeness: float) -> dict[int, int]:
    groups = near_duplicate_groups([dialogues[place] for place in places], likeness)
    longest: dict[int, int] = {}
    for place, group in zip(places, groups, strict=True):
        best = longest.setdefault(group, place)
        if len(dialogues[place].messages) > len(dialogues[best].messages):
            longest[group] = place
    return {
        place: longest[group] for place, group in zip(places, groups, strict=True) if longest[group] != place
    }
