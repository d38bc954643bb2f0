"""The turn that a mode comes down to, so that one responder can answer them all."""

from dataclasses import replace
from typing import Literal

from repartee.application.ports import Turn
from repartee.domain.character import Character, Style
from repartee.domain.dialogue import Message
from repartee.domain.fact import RetrievedFact
from repartee.domain.user import User


def turn_to_answer(turn: Turn) -> Turn:
    """Return the turn as a plain one: what is asked for is its next message."""
    if turn.mode == "impersonate":
        return _seen_by_the_user(turn)
    turn = replace(turn, messages=_seen_by_the_speaker(turn))
    return replace(turn, messages=_said_before(turn.messages)) if turn.mode == "continue" else turn


def _seen_by_the_speaker(turn: Turn) -> tuple[Message, ...]:
    """Return the dialogue with the others of a scene on the user's side: what they say can be answered."""
    if turn.cast is None:
        return turn.messages
    others = {"role": "user"}
    return tuple(one if turn.cast.is_own(one) else one.model_copy(update=others) for one in turn.messages)


def _said_before(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Put the user's last words at the end: they are answered on, and what was said is not said again."""
    place = max((at for at, message in enumerate(messages) if message.role == "user"), default=None)
    return messages if place is None else (*messages[:place], *messages[place + 1 :], messages[place])


def _seen_by_the_user(turn: Turn) -> Turn:
    user, character = turn.user, turn.character
    speaker = Character(
        name=user.name,
        description=user.description,
        language=character.language,
        style=Style(actions="none", max_words=40),
    )
    messages = tuple(Message(role=_other(message.role), text=message.text) for message in turn.messages)
    facts = tuple(_of_the_other(fact) for fact in turn.facts)
    listener = User(name=character.display_name)
    return Turn(speaker, listener, turn.scenario, messages, facts, mode=turn.mode)


def _other(role: Literal["user", "character"]) -> Literal["user", "character"]:
    return "user" if role == "character" else "character"


def _of_the_other(fact: RetrievedFact) -> RetrievedFact:
    return fact.model_copy(update={"owner": _other(fact.owner)})
