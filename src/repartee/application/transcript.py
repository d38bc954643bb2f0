"""Dialogues as data in a prompt: one line of JSON per turn, so that no text can pass for another turn."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from repartee.application.ports import Turn
from repartee.domain.dialogue import Message


def turn_lines(turn: Turn, *, marked: bool) -> tuple[str, ...]:
    """Return the turns with their places; `marked` says of each whether facts may be taken from it."""
    return tuple(_line(place, message, turn, marked) for place, message in enumerate(turn.messages))


def fact_lines(texts: Iterable[str]) -> tuple[str, ...]:
    """Return known facts with small ids, from 1."""
    return tuple(_json({"id": number, "fact": text}) for number, text in enumerate(texts, start=1))


def user_texts(messages: Sequence[Message]) -> list[str]:
    """Return what the user said, newest first."""
    return [message.text for message in reversed(messages) if message.role == "user"]


def _line(place: int, message: Message, turn: Turn, marked: bool) -> str:
    named = turn.user.name if message.role == "user" else turn.character.display_name
    speaker = message.speaker or named
    mark = {"extract": message.role == "user"} if marked else {}
    return _json({"index": place, **mark, "speaker": speaker, "text": message.text})


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
