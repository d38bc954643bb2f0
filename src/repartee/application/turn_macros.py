"""The values of macros in one turn."""

from dataclasses import replace
from functools import cached_property

from repartee.application.ports import Turn
from repartee.domain.chance import fingerprint
from repartee.domain.dialogue import Message
from repartee.domain.macro_text import may_hold_marks
from repartee.domain.macros import MacroContext, expand


class TurnMacros:
    """`stable` holds what stays the same for a whole chat, `now` also what changes with each message.

    The stable part of a prompt is written with `stable` alone: there `{{random}}` and `{{roll}}` fall once
    per chat, and macros about the newest message or the time stay as they are written. Most texts have no
    macro: the values are made when the first one asks for them.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    @cached_property
    def stable(self) -> MacroContext:
        """Chance depends on user and character only."""
        turn = self._turn
        character, user = turn.character, turn.user
        seed = fingerprint(user.id or "", character.name)
        names = MacroContext(char=character.display_name, user=user.name, seed=seed, chat_seed=seed)
        if turn.cast:
            names = replace(names, group=turn.cast.names, muted=turn.cast.muted_names)
        return replace(
            names,
            persona=_put(user.description, names),
            description=_put(character.description, names),
            personality=_put(character.personality, names),
            scenario=_put((turn.scenario and turn.scenario.setting) or character.scenario, names),
            mes_examples=_put(character.mes_example, names),
        )

    @cached_property
    def now(self) -> MacroContext:
        """Chance depends on the request's seed, else on user, character and length of chat."""
        messages, story, stable = self._turn.messages, self._turn.story, self.stable
        seed = story.seed
        return replace(
            stable,
            now=story.now,
            last_message=_last(messages),
            last_user_message=_last(messages, "user"),
            last_char_message=_last(messages, "character"),
            seed=fingerprint(str(stable.chat_seed), str(len(messages))) if seed is None else seed,
        )

    def lasting(self, text: str) -> str:
        """Return a text of the stable part."""
        return _put(text, self.stable) if may_hold_marks(text) else text.strip()

    def passing(self, text: str) -> str:
        """Return a text of the part that changes."""
        return _put(text, self.now) if may_hold_marks(text) else text.strip()

    def lasting_over(self, text: str, original: str) -> str:
        """Return a text of the stable part that may quote `original`."""
        if not may_hold_marks(text):
            return text.strip()
        return _put(text, replace(self.stable, original=original))

    def passing_over(self, text: str, original: str) -> str:
        """Return a text of the part that changes, which may quote `original`."""
        if not may_hold_marks(text):
            return text.strip()
        return _put(text, replace(self.now, original=original))


def macros_of(turn: Turn) -> TurnMacros:
    """Return the values."""
    return TurnMacros(turn)


def _put(text: str, values: MacroContext) -> str:
    return expand(text, values).text.strip()


def _last(messages: tuple[Message, ...], role: str | None = None) -> str:
    return next((one.text for one in reversed(messages) if role in {None, one.role}), "")
