"""What a turn is to bring."""

from typing import Literal

TurnMode = Literal["reply", "regenerate", "continue", "impersonate"]


def folded(text: str) -> str:
    """Return the text as it is compared with others: letter case and spacing make no difference."""
    return " ".join(text.casefold().split())
