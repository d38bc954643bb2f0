"""How badly one group's facts are ordered for its messages, and how badly one threshold parts them."""

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from repartee_tune.retrieval.groups import Group


def grade_weights(group: Group, related_weight: float) -> torch.Tensor:
    """Return the weight of each pair, shape (messages, facts)."""
    return torch.tensor([0.0, related_weight, 1.0])[torch.from_numpy(group.grades)]


def listwise_loss(
    messages: torch.Tensor,
    facts: torch.Tensor,
    others: torch.Tensor | None,
    weights: torch.Tensor,
    threshold: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """Return ordering plus parting, of unit vectors; `others` are facts of other groups, all unrelated.

    Ordering is the cross-entropy between a message's weights, as shares, and the softmax of its scores
    (ListNet; Cao et al., ICML 2007). Parting is logistic regression of the score against one threshold for
    all messages, given in units of the temperature: what the service compares with.
    """
    scores = messages @ facts.T / temperature
    rivals = scores if others is None else torch.cat([scores, messages @ others.T / temperature], 1)
    relevant = weights.any(1)
    shares = F.normalize(weights, p=1.0)
    ordering = -(shares * (scores - rivals.logsumexp(1, keepdim=True))).sum(1)[relevant]
    parting = weights * F.softplus(threshold - scores) + (weights == 0) * F.softplus(scores - threshold)
    return (ordering.mean() if len(ordering) else scores.sum() * 0) + parting.sum(1).mean()
