"""The history that a mode works on, and what it avoids; refused where the mode has nothing to work on."""

from collections.abc import Sequence

from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput
from repartee.domain.turn_mode import TurnMode

Messages = tuple[Message, ...]


def taken_up(mode: TurnMode, messages: Messages, avoid: Sequence[str]) -> tuple[Messages, tuple[str, ...]]:
    """Return the history and the texts to avoid. Raises InvalidInput.

    To regenerate, a last message of the character is one more text to avoid, and no part of the history.
    """
    if avoid and mode != "regenerate":
        raise InvalidInput("is for `mode: regenerate` only: leave it out, or set the mode", "avoid")
    if mode == "regenerate":
        return _without_the_last_reply(messages, avoid)
    if mode == "continue" and (not messages or messages[-1].role != "character"):
        raise InvalidInput("must end with the character's message that is to be continued", "messages")
    if mode == "impersonate" and not messages:
        raise InvalidInput("is empty: send the greeting as the character's message", "messages")
    return messages, ()


def _without_the_last_reply(messages: Messages, avoid: Sequence[str]) -> tuple[Messages, tuple[str, ...]]:
    texts = tuple(avoid)
    if messages and messages[-1].role == "character":
        texts, messages = (*texts, messages[-1].text), messages[:-1]
    if not messages:
        raise InvalidInput("has nothing to answer again: choose another greeting with `greeting`", "messages")
    return messages, tuple(dict.fromkeys(texts))


def chosen_greetings(greetings: tuple[str, ...], wanted: int | None, messages: Messages) -> tuple[str, ...]:
    """Return the greetings, the wanted one first. Raises InvalidInput where there is no such greeting."""
    if wanted is None:
        return greetings
    if messages:
        raise InvalidInput("is for an empty `messages` only: leave it out", "greeting")
    if wanted >= len(greetings):
        raise InvalidInput(f"must be below {len(greetings)}: the character has so many greetings", "greeting")
    return greetings[wanted:] + greetings[:wanted]
