"""The values of macros in one turn."""

from dataclasses import dataclass, replace

from repartee.application.ports import Turn
from repartee.domain.chance import fingerprint
from repartee.domain.dialogue import Message
from repartee.domain.macros import MacroContext, expand


@dataclass(frozen=True, slots=True)
class TurnMacros:
    """`stable` holds what stays the same for a whole chat, `now` also what changes with each message.

    The stable part of a prompt is written with `stable` alone: there `{{random}}` and `{{roll}}` fall once
    per chat, and macros about the newest message or the time stay as they are written.
    """

    stable: MacroContext
    now: MacroContext

    def lasting(self, text: str) -> str:
        """Return a text of the stable part."""
        return expand(text, self.stable).text.strip()

    def passing(self, text: str) -> str:
        """Return a text of the part that changes."""
        return expand(text, self.now).text.strip()


def macros_of(turn: Turn) -> TurnMacros:
    """Return the values. Chance depends on the request's seed, else on user, character and length of chat."""
    character, user = turn.character, turn.user
    chat_seed = fingerprint(user.id or "", character.name)
    names = MacroContext(char=character.display_name, user=user.name, seed=chat_seed, chat_seed=chat_seed)
    if turn.cast:
        names = replace(names, group=turn.cast.names, muted=turn.cast.muted_names)

    def named(text: str) -> str:
        return expand(text, names).text.strip()

    stable = replace(
        names,
        persona=named(user.description),
        description=named(character.description),
        personality=named(character.personality),
        scenario=named((turn.scenario and turn.scenario.setting) or character.scenario),
        mes_examples=named(character.mes_example),
    )
    seed = turn.story.seed
    return TurnMacros(
        stable,
        replace(
            stable,
            now=turn.story.now,
            last_message=_last(turn.messages),
            last_user_message=_last(turn.messages, "user"),
            last_char_message=_last(turn.messages, "character"),
            seed=fingerprint(chat_seed, str(len(turn.messages))) if seed is None else seed,
        ),
    )


def _last(messages: tuple[Message, ...], role: str | None = None) -> str:
    return next((one.text for one in reversed(messages) if role in {None, one.role}), "")
