"""Low-rank changes of every linear layer, merged at the end: minutes on one core."""

import math
from collections.abc import Callable, Sequence
from typing import Final

import torch
from peft import LoraConfig, get_peft_model

from repartee_tune.retrieval.groups import Group
from repartee_tune.retrieval.head import START_THRESHOLD
from repartee_tune.retrieval.listwise import grade_weights, listwise_loss
from repartee_tune.retrieval.torch_encoder import TorchEncoder
from repartee_tune.small_recipes import EmbedderRecipe

_TARGETS: Final = ["query", "key", "value", "dense"]
_RECENTRE_EVERY: Final = 10
Progress = Callable[[int, float], None]


def train_lora(
    recipe: EmbedderRecipe, encoder: TorchEncoder, groups: Sequence[Group], progress: Progress
) -> list[float]:
    """Change the encoder's weights and mean in place and return the loss of each step.

    The rate rises over a tenth of the steps and falls along half a cosine. The mean that is subtracted moves
    as the training texts' mean does.
    """
    options, anchor = recipe.lora, _Anchor(encoder, groups)
    config = LoraConfig(r=options.rank, lora_alpha=options.rank, target_modules=_TARGETS)
    adapted = get_peft_model(encoder.model, config)
    threshold = torch.tensor(START_THRESHOLD / recipe.temperature, requires_grad=True)
    changed = [one for one in adapted.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": changed, "lr": options.learning_rate}, {"params": [threshold], "lr": 0.1}],
        betas=(0.9, 0.99),
        weight_decay=0.0,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share(step, options.steps))
    queue: list[int] = []
    losses = []
    for step in range(options.steps):
        if step % _RECENTRE_EVERY == 0 and step:
            anchor.move(encoder)
        encoder.model.train()
        if len(queue) < options.groups_per_step:
            queue = torch.randperm(len(groups)).tolist()
        chosen = [groups[queue.pop()] for _ in range(min(options.groups_per_step, len(queue)))]
        loss = _step_loss(recipe, encoder, chosen, threshold)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch has no types there
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        progress(step + 1, losses[-1])
    encoder.model = adapted.merge_and_unload(safe_merge=True)  # type: ignore[assignment] # the BertModel
    anchor.move(encoder)
    return losses


def _step_loss(
    recipe: EmbedderRecipe, encoder: TorchEncoder, groups: Sequence[Group], threshold: torch.Tensor
) -> torch.Tensor:
    texts = list(dict.fromkeys(text for group in groups for text in group.messages + group.facts))
    vectors = dict(zip(texts, encoder.embed(texts), strict=True))
    loss = torch.zeros(())
    for group in groups:
        others = [vectors[text] for other in groups if other is not group for text in other.facts]
        loss = loss + listwise_loss(
            torch.stack([vectors[text] for text in group.messages]),
            torch.stack([vectors[text] for text in group.facts]),
            torch.stack(others) if others else None,
            grade_weights(group, recipe.related_weight),
            threshold,
            recipe.temperature,
        ) / len(groups)
    return loss


class _Anchor:
    """The mean of some training texts, before and while the weights change."""

    def __init__(self, encoder: TorchEncoder, groups: Sequence[Group]) -> None:
        self._texts = [text for group in groups for text in (*group.messages[:8], *group.facts[:8])]
        self._served = encoder.mean
        self._before = self._mean(encoder)

    def move(self, encoder: TorchEncoder) -> None:
        """Move the encoder's mean as far as the texts' mean has moved."""
        encoder.mean = self._served + self._mean(encoder) - self._before

    @torch.no_grad()
    def _mean(self, encoder: TorchEncoder) -> torch.Tensor:
        encoder.model.train(False)
        return encoder.uncentred(self._texts).mean(0)


def _share(step: int, steps: int) -> float:
    return min(1.0, 10 * (step + 1) / steps) * (1 + math.cos(math.pi * step / steps)) / 2
