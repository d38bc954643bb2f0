"""Whether the loss sees the token that ends a reply, read from a batch as the trainer makes it."""

from collections.abc import Collection
from typing import Any

import torch
from transformers import Trainer

_ROWS = 8
_NO_LOSS = -100


def stop_token_is_trained(trainer: Trainer, stop_ids: Collection[int]) -> bool:
    """Whether every reply of the first rows holds a stop token that the loss reads.

    Padding with the stop token, a template that leaves it outside of the reply and a cut reply all show here.
    True where no reply is trained, as in reward models.
    """
    dataset: Any = trainer.train_dataset
    batch = trainer.data_collator([dataset[place] for place in range(min(_ROWS, len(dataset)))])
    if "labels" in batch:
        trained = batch["labels"]
    elif "completion_mask" in batch:
        trained = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, _NO_LOSS)
    else:
        return True
    stops = torch.tensor(sorted(stop_ids))
    return bool(torch.isin(trained, stops).any(dim=1).all())
