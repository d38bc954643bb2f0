"""Marks around somebody's text in a prompt: lines that the text itself cannot hold."""

import hashlib
import secrets
from typing import Final

_BYTES: Final = 4
_LASTING_BYTES: Final = 8


def passing_fence(*texts: str) -> str:
    """Return a mark for this one request: no author knows it, and none of the texts holds it by chance."""
    while True:
        fence = secrets.token_hex(_BYTES)
        if not any(fence in text for text in texts):
            return fence


def lasting_fence(text: str) -> str:
    """Return a mark that is the same as long as the text is, so that a prompt's beginning stays the same.

    It is made from the text itself and not in it: a text that holds the mark made from it gets another one.
    """
    seed = text.encode()
    while True:
        fence = hashlib.sha256(seed).hexdigest()[: 2 * _LASTING_BYTES]
        if fence not in text:
            return fence
        seed = fence.encode() + seed
