"""The prompts that the service really sent, from its event log."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.strict_json import as_object, read_json
from repartee.domain.turn_mode import TurnMode
from repartee_eval.dialogues.bad_lines import BadLines
from repartee_eval.dialogues.importing.import_files import files_of, told_kind
from repartee_eval.dialogues.jsonl import numbered_lines
from repartee_eval.preferences.example import PromptTurn, user_hash

_ANSWERS: Final = frozenset({"reply", "regenerate"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Fact(_Part):
    id: str = ""
    text: str


class _Reply(_Part):
    id: str
    text: str
    facts: tuple[_Fact, ...] = ()


class _User(_Part):
    id: str | None = None


class _Event(_Part):
    reply: _Reply
    user: _User = _User()
    mode: TurnMode = "reply"
    prompt: tuple[PromptTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class LoggedReply:
    """What was sent for a reply. `facts` are the texts of those in the prompt, the most relevant first."""

    prompt: tuple[PromptTurn, ...]
    text: str
    user: str
    facts: tuple[str, ...]


def logged_replies(paths: Iterable[Path]) -> dict[str, LoggedReply]:
    """Return logged replies by id: those that answer a user, with the prompt that was sent.

    What continues a message, or was written for the user, answers another prompt than a reply does and is
    left out; so are greetings, which have none. Bad lines are the importer's to tell. Raises EvalError.
    """
    found: dict[str, LoggedReply] = {}
    for path in (path for path in files_of(paths) if told_kind(path) == "events"):
        for _, text in numbered_lines(path, BadLines(skip=True)):
            event = _event(text)
            if event and event.prompt and event.mode in _ANSWERS:
                facts = tuple(fact.text for fact in event.reply.facts)
                found.setdefault(
                    event.reply.id,
                    LoggedReply(event.prompt, event.reply.text, user_hash(event.user.id), facts),
                )
    return found


def _event(text: str) -> _Event | None:
    try:
        return _Event.model_validate(as_object(read_json(text.strip())))
    except (ChatError, ValidationError):
        return None  # feedback, or a line that the importer tells about
