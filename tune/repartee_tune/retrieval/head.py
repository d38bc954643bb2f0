"""One matrix on the finished vectors: every text is embedded once, so that training takes seconds."""

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from repartee_tune.retrieval.groups import Group
from repartee_tune.retrieval.listwise import grade_weights, listwise_loss
from repartee_tune.retrieval.served_encoder import Floats
from repartee_tune.retrieval.torch_encoder import TorchEncoder
from repartee_tune.small_recipes import EmbedderRecipe

START_THRESHOLD: Final = 0.25


def train_head(
    recipe: EmbedderRecipe, encoder: TorchEncoder, groups: Sequence[Group]
) -> tuple[Floats, list[float]]:
    """Return the matrix, shape (width, width), and the loss of each step.

    `recipe.head.proximity` weighs its squared distance to the matrix that changes nothing.
    """
    options = recipe.head
    with torch.no_grad():
        vectors = [(encoder.centred(group.messages), encoder.centred(group.facts)) for group in groups]
    weights = [grade_weights(group, recipe.related_weight) for group in groups]
    width = vectors[0][0].shape[1]
    change = torch.zeros(width, width, requires_grad=True)
    threshold = torch.tensor(START_THRESHOLD / recipe.temperature, requires_grad=True)
    optimizer = torch.optim.AdamW(
        [{"params": [change], "lr": options.learning_rate}, {"params": [threshold], "lr": 0.05}],
        weight_decay=0.0,
    )
    losses = []
    for _ in range(options.steps):
        loss = options.proximity * change.square().sum()
        matrix = torch.eye(width) + change
        for (messages, facts), weight in zip(vectors, weights, strict=True):
            pair = (F.normalize(messages @ matrix.T), F.normalize(facts @ matrix.T))
            loss = loss + listwise_loss(*pair, None, weight, threshold, recipe.temperature) / len(groups)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch has no types there
        optimizer.step()
        losses.append(loss.item())
    return (torch.eye(width) + change).detach().numpy(), losses
