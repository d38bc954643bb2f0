"""What one request may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """`deadline_seconds` holds for everything that may call a dependency."""

    max_body_bytes: int
    deadline_seconds: float
