"""What every builder of rows returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Built:
    """Rows of both parts, the funnel as data and for the screen, and hashes of whose words they hold."""

    train: Sequence[Mapping[str, Any]]
    evaluation: Sequence[Mapping[str, Any]]
    funnel: Mapping[str, Any]
    lines: Sequence[str]
    users: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
