"""What the service really sent and said, from its event log."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from repartee.application.keep_safe import SAFETY
from repartee.domain.character import Character
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.strict_json import as_object, read_json
from repartee.domain.turn_mode import TurnMode
from repartee_eval.dialogues.bad_lines import BadLines
from repartee_eval.dialogues.fingerprints import user_hash
from repartee_eval.dialogues.importing.import_files import files_of, told_kind
from repartee_eval.dialogues.jsonl import numbered_lines
from repartee_eval.preferences.example import PromptTurn

_ANSWERS: Final = frozenset({"reply", "regenerate"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Fact(_Part):
    id: str = ""
    text: str


class _Reply(_Part):
    id: str
    text: str
    model: str | None = None
    finish_reason: str | None = None
    facts: tuple[_Fact, ...] = ()


class _User(_Part):
    id: str | None = None


class _Event(_Part):
    type: Literal["reply"]
    reply: _Reply
    user: _User = _User()
    character: dict[str, Any] | None = None
    cast: tuple[str, ...] = ()
    mode: TurnMode = "reply"
    prompt: tuple[PromptTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class LoggedReply:
    """A reply, what was sent for it, and by whom. `facts`: texts, the most relevant first.

    `prompt` is empty where none can be trained on: greetings, the operator's texts, what continues a message
    or was written for the user. `speaker` and `language` are of the member of a cast that spoke.
    """

    prompt: tuple[PromptTurn, ...]
    text: str
    user: str
    facts: tuple[str, ...]
    model: str = ""
    truncated: bool = False
    speaker: str = ""
    language: str = ""

    @property
    def is_operators(self) -> bool:
        """Whether the operator's text took the reply's place."""
        return self.model == SAFETY


def logged_replies(paths: Iterable[Path]) -> dict[str, LoggedReply]:
    """Return logged replies by id. Bad lines are the importer's to tell. Raises EvalError."""
    found: dict[str, LoggedReply] = {}
    for path in (path for path in files_of(paths) if told_kind(path) == "events"):
        for _, text in numbered_lines(path, BadLines(skip=True)):
            if event := _event(text):
                found.setdefault(event.reply.id, _logged(event))
    return found


def _logged(event: _Event) -> LoggedReply:
    speaker = Character.from_card(event.character) if event.cast and event.character else None
    return LoggedReply(
        prompt=event.prompt if event.mode in _ANSWERS else (),
        text=event.reply.text,
        user=user_hash(event.user.id),
        facts=tuple(fact.text for fact in event.reply.facts),
        model=event.reply.model or "",
        truncated=event.reply.finish_reason == "length",
        speaker=speaker.name if speaker else "",
        language=(speaker.language or "") if speaker else "",
    )


def _event(text: str) -> _Event | None:
    try:
        event = _Event.model_validate(as_object(read_json(text.strip())))
        if event.cast and event.character:
            Character.from_card(event.character)
    except (ChatError, ValidationError):
        return None  # feedback, a shadow's answer, or a line that the importer tells about
    return event
