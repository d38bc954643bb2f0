"""Notes in the history: texts that stand a number of messages before its end."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from repartee.application.ports import PromptMessage, Turn
from repartee.application.prompt_lore import PromptLore
from repartee.application.turn_macros import TurnMacros
from repartee.domain.control_tokens import neutralised
from repartee.domain.lorebook.book import MOST_DEPTH, LoreRole
from repartee.domain.lorebook.fields import text as read_text
from repartee.domain.lorebook.fields import whole
from repartee.domain.story import DepthNote

_DEFAULT_DEPTH: Final = 4
_ROLES: Final[tuple[LoreRole, ...]] = ("system", "user", "assistant")


def notes_of(turn: Turn, macros: TurnMacros) -> tuple[DepthNote, ...]:
    """Return the card's own note (`extensions.depth_prompt`) and the author's, where they say anything."""
    prompt = turn.character.extensions.get("depth_prompt")
    notes = [_character_note(prompt, macros)] if isinstance(prompt, Mapping) else []
    if own := turn.story.note:
        notes.append(DepthNote("author_note", own.depth, own.role, macros.passing(own.text)))
    return tuple(note for note in notes if note.text)


def _character_note(given: Mapping[str, Any], macros: TurnMacros) -> DepthNote:
    role: LoreRole = next((role for role in _ROLES if role == given.get("role")), "system")
    depth = whole(given.get("depth"), _DEFAULT_DEPTH, 0, MOST_DEPTH)
    return DepthNote("character_note", depth, role, macros.passing(read_text(given.get("prompt"))))


def with_lore(notes: Sequence[DepthNote], lore: PromptLore) -> tuple[DepthNote, ...]:
    """Put the lore's own notes first, and its texts around the author's note; no control token stays one."""
    around = [
        replace(note, text="\n".join(filter(None, (lore.note_top, note.text, lore.note_bottom))))
        if note.kind == "author_note"
        else note
        for note in notes
    ]
    return tuple(replace(note, text=neutralised(note.text)) for note in (*lore.notes, *around))


def with_notes(history: Sequence[PromptMessage], notes: Sequence[DepthNote]) -> list[PromptMessage]:
    """Return the history with the notes in; one deeper than the history is long stands at its beginning.

    At one place come the system's, the user's, then the character's. The last message before any of them is
    marked: up to there the next turn's prompt will be the same.
    """
    if not notes:
        return _marked(list(history), len(history))
    placed = sorted(notes, key=lambda note: (-min(note.depth, len(history)), _ROLES.index(note.role)))
    whole_history: list[PromptMessage] = []
    taken = 0
    for (place, role), group in groupby(
        placed, key=lambda note: (max(len(history) - note.depth, 0), note.role)
    ):
        whole_history += history[taken:place]
        taken = place
        whole_history.append(PromptMessage(role, "\n".join(note.text for note in group)))
    whole_history += history[taken:]
    return _marked(whole_history, max(len(history) - placed[0].depth, 0))


def _marked(history: list[PromptMessage], first: int) -> list[PromptMessage]:
    """Mark the message before `first`, where there is one."""
    if first:
        last = history[first - 1]
        history[first - 1] = PromptMessage(last.role, last.content, last.name, len(last.content))
    return history
