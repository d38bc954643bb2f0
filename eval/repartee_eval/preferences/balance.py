"""Neither the longer reply nor one class of feedback may win by its number: the surest rows stay."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from repartee_eval.dialogues.fingerprints import hashed
from repartee_eval.preferences.example import Example

_BALANCED: Final = 0.55


def preferred(example: Example, seed: int) -> tuple[bool, float, int]:
    """Return what sorts the surest first: strong before weak, then by margin, then by a seeded hash."""
    return example.weak, -example.margin, hashed(seed, example.id)


def length_balanced(examples: Sequence[Example], seed: int) -> list[Example] | None:
    """Return pairs of which 45 to 55 % have the longer reply chosen, as preference training likes length.

    The least sure pairs of the larger side go. Pairs of equal length and single replies stay. None where all
    pairs lean to one side, so that nothing would be left.
    """
    sides: Mapping[bool, list[Example]] = {True: [], False: []}
    even = []
    for one in examples:
        if one.chosen is None or one.rejected is None or len(one.chosen) == len(one.rejected):
            even.append(one)
        else:
            sides[len(one.chosen) > len(one.rejected)].append(one)
    fewer, more = sorted(sides.values(), key=len)
    if not fewer:
        return None if more else even
    most = int(len(fewer) * _BALANCED / (1 - _BALANCED) + 1e-9)
    kept = sorted(more, key=lambda one: preferred(one, seed))[:most]
    ids = set(map(id, (*fewer, *kept, *even)))
    return [one for one in examples if id(one) in ids]


def class_balanced(examples: Sequence[Example], most: float, seed: int) -> list[Example]:
    """Return single replies of which good and bad ones are at most `most` times as many as the others.

    The least sure go. Where one class is missing all stay: there is nothing to balance with.
    """
    classes: Mapping[bool, list[Example]] = {
        good: [one for one in examples if (one.chosen is not None) is good] for good in (True, False)
    }
    fewer, more = sorted(classes.values(), key=len)
    if not fewer:
        return list(examples)
    kept = sorted(more, key=lambda one: preferred(one, seed))[: int(most * len(fewer))]
    ids = set(map(id, (*fewer, *kept)))
    return [one for one in examples if id(one) in ids]


def chosen_longer(examples: Iterable[Example]) -> float | None:
    """Return the share of pairs whose chosen reply is the longer one, of those that differ in length."""
    longer = [
        len(one.chosen) > len(one.rejected)
        for one in examples
        if one.chosen is not None and one.rejected is not None and len(one.chosen) != len(one.rejected)
    ]
    return sum(longer) / len(longer) if longer else None
