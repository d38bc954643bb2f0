"""The losses on pairs that TRL 1.16 knows, and which of them read which number of a recipe."""

from collections.abc import Collection, Mapping
from typing import Final, Literal, TypeAlias

PairLoss: TypeAlias = Literal[
    "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard",
    "aot", "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm",
]  # fmt: skip
"""The names of `DPOConfig.loss_type`; another one would fail only at the first step."""

DEFAULT_LOSS: Final[Mapping[PairLoss, float]] = {"sigmoid": 1.0, "sft": 0.2}
SORTS_THE_BATCH = frozenset({"aot", "aot_unpaired"})
READS_LABEL_SMOOTHING = frozenset({"robust", "exo_pair"}) | SORTS_THE_BATCH


def check_label_smoothing(losses: Collection[str], label_smoothing: float) -> None:
    """Raise ValueError where a loss would pass over the number, or cannot do without it."""
    if label_smoothing and not READS_LABEL_SMOOTHING & set(losses):
        raise ValueError(
            f"label_smoothing is read by none of {', '.join(losses)}: write 0, or one of "
            f"{', '.join(sorted(READS_LABEL_SMOOTHING))}"
        )
    if "exo_pair" in losses and not label_smoothing:
        raise ValueError(
            "loss exo_pair takes the logarithm of label_smoothing: give one above 0, such as 0.001"
        )


def check_sorted_batches(losses: Collection[str], batch: int) -> None:
    """Raise ValueError where a loss that compares the sorted rows of a batch would see one row."""
    if batch == 1 and (found := SORTS_THE_BATCH & set(losses)):
        raise ValueError(
            f"loss {min(found)} compares the rows of a batch: optimiser.per_device_batch_size must be over 1"
        )
