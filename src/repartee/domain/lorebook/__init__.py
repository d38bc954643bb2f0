"""Lorebooks: texts about the world that enter the prompt when the chat touches them (docs/lorebooks.md)."""

from repartee.domain.lorebook.activation import activate
from repartee.domain.lorebook.book import Lorebook, LoreEntry
from repartee.domain.lorebook.compiling import compiled
from repartee.domain.lorebook.reading import read_lorebook
from repartee.domain.lorebook.request import LoreBookOf, LoreMessage, LoreRequest, LoreSettings
from repartee.domain.lorebook.result import DepthBlock, LoreResult, LoreTrace, PlacedText
from repartee.domain.lorebook.state import LoreState

__all__ = [
    "DepthBlock",
    "LoreBookOf",
    "LoreEntry",
    "LoreMessage",
    "LoreRequest",
    "LoreResult",
    "LoreSettings",
    "LoreState",
    "LoreTrace",
    "Lorebook",
    "PlacedText",
    "activate",
    "compiled",
    "read_lorebook",
]
