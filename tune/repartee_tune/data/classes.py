"""Good and bad replies for kto: both in each part, and neither too many."""

from collections.abc import Sequence
from typing import Final

from repartee_eval.preferences.balance import class_balanced
from repartee_eval.preferences.example import Example
from repartee_eval.preferences.formats import Format
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.partition import Partition
from repartee_tune.errors import TuneError

_BATCH: Final = 8
"""Rows of a batch of the recipe kto-lora: an evaluation part of fewer could not be evaluated on."""


def has_both(examples: Sequence[Example]) -> bool:
    """Whether there are good and bad replies."""
    return any(one.chosen is not None for one in examples) and any(
        one.rejected is not None for one in examples
    )


def fills_a_batch(of: int, most: float, examples: Sequence[Example]) -> bool:
    """Whether a part of `of` examples gives a batch of both classes, or is half of all that there is."""
    balanced = class_balanced(examples, most, 0)
    return has_both(examples) and (len(balanced) >= _BATCH or 2 * len(examples) >= of)


def require_rows(kind: Format, examples: Sequence[Example], funnel: Funnel) -> None:
    """Raise TuneError where nothing is left, or feedback of one class."""
    if not examples:
        raise TuneError(f"no row for {kind} is left: {funnel.summary()}")
    if kind == "kto" and not has_both(examples):
        raise TuneError(_one_class(examples, ""))


def _one_class(examples: Sequence[Example], where: str) -> str:
    liked = sum(one.chosen is not None for one in examples)
    hint = "collect dislikes, or use --kind sft" if liked else "collect likes"
    return (
        f"kto needs good and bad replies; {where + ' ' if where else ''}there are {liked} good and "
        f"{len(examples) - liked} bad ones: {hint}"
    )


def class_balanced_parts(parts: Partition, most: float, seed: int, funnel: Funnel) -> Partition:
    """Balance both parts, so that every batch can hold both. Raises TuneError where one is missing."""
    if not has_both(parts.train):
        raise TuneError(_one_class(parts.train, "to train on"))
    after = Partition(
        tuple(class_balanced(parts.train, most, seed)),
        tuple(class_balanced(parts.evaluation, most, seed)),
        parts.groups,
    )
    funnel.keep("class_balance", (*parts.train, *parts.evaluation), (*after.train, *after.evaluation))
    return after
