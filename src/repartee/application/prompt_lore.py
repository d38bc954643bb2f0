"""Where the lore of one turn stands in its prompt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from repartee.application.ports import Turn
from repartee.application.turn_macros import TurnMacros
from repartee.domain.lorebook import (
    LoreMessage,
    LoreRequest,
    LoreResult,
    LoreSettings,
    PlacedText,
    activate,
)
from repartee.domain.lorebook.shelf import shelf_of
from repartee.domain.macros import expand
from repartee.domain.story import DepthNote
from repartee.domain.turn_mode import folded

_BEFORE_THE_CHARACTER: Final = ("before_char", "before_description")
_AT_THE_NOTE: Final = ("note_top", "note_bottom")


@dataclass(frozen=True, slots=True)
class PromptLore:
    """Texts by place: around the character where they never change, else in the tail, at the note or a depth.

    Only a constant entry stands beside the character: one that comes and goes there would make a provider
    read the whole prompt anew at every turn. SillyTavern puts all of them there.
    """

    before: str = ""
    after: str = ""
    tail: str = ""
    note_top: str = ""
    note_bottom: str = ""
    notes: tuple[DepthNote, ...] = ()
    result: LoreResult | None = None

    @property
    def text(self) -> str:
        """All of it, as it is counted."""
        places = (self.before, self.after, self.tail, self.note_top, self.note_bottom)
        return "\n".join(text for text in (*places, *(note.text for note in self.notes)) if text)


def lore_of(
    turn: Turn,
    macros: TurnMacros,
    notes: Sequence[DepthNote],
    count: Callable[[str], int],
    settings: LoreSettings,
    tokens: int,
) -> PromptLore:
    """Return the lore of a turn, no more than `tokens` of it. Keys see the other notes of the history too."""
    if not turn.story.books:
        return PromptLore()
    request = LoreRequest(
        books=turn.story.books,
        messages=_messages(turn),
        macros=macros.now,
        count=count,
        context_tokens=tokens,
        seed=macros.now.seed or "",
        state=turn.story.state,
        settings=settings.model_copy(update={"budget_percent": 100.0}),
        injections=[note.text for note in notes],
        greeting=_greeting_of(turn, macros),
    )
    result = activate(request)
    has_note = any(note.kind == "author_note" for note in notes)
    return _placed(result, _lasting(result, request, macros), has_note=has_note)


def _greeting_of(turn: Turn, macros: TurnMacros) -> int | None:
    """Return which greeting the chat began with, counted as V3 does: 0 is `first_mes`. None if unknown."""
    if not turn.messages or turn.messages[0].role != "character":
        return None
    begun = folded(turn.messages[0].text)
    greetings = (turn.character.first_mes, *turn.character.alternate_greetings)
    said = (folded(expand(text, macros.now).text) for text in greetings)
    return next((place for place, text in enumerate(said) if text == begun), None)


def _messages(turn: Turn) -> list[LoreMessage]:
    names = {"user": turn.user.name, "character": turn.character.display_name}
    return [
        LoreMessage((turn.cast and message.speaker) or names[message.role], message.text, message.role)
        for message in turn.messages
    ]


def _placed(result: LoreResult, lasting: frozenset[PlacedText], *, has_note: bool) -> PromptLore:
    loose = [one for one in result.texts if one.position != "at_depth"]
    at_note = [one for one in loose if has_note and one.position in _AT_THE_NOTE]
    standing = [one for one in loose if one in lasting and one not in at_note]
    ahead = [one for one in standing if one.position in _BEFORE_THE_CHARACTER]
    return PromptLore(
        before=_lines(ahead),
        after=_lines([one for one in standing if one not in ahead]),
        tail=_lines([one for one in loose if one not in standing and one not in at_note]),
        note_top=_lines([one for one in at_note if one.position == "note_top"]),
        note_bottom=_lines([one for one in at_note if one.position == "note_bottom"]),
        notes=tuple(DepthNote("lore", one.depth, one.role, one.text) for one in result.depth_blocks()),
        result=result,
    )


def _lasting(result: LoreResult, request: LoreRequest, macros: TurnMacros) -> frozenset[PlacedText]:
    """Return the texts that are there in every turn, word for word."""
    always_on = shelf_of(tuple(request.books), request.settings).always_on if result.texts else {}
    return frozenset(
        one
        for one in result.texts
        if (entry := always_on.get((one.book, one.entry))) is not None
        and expand(entry.content, macros.stable).text.strip("\r\n") == one.text
    )


def _lines(texts: Sequence[PlacedText]) -> str:
    return "\n".join(one.text for one in texts)
