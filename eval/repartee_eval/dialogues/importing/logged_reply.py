"""Events of the service's event log: replies, and what people thought of them."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from repartee.domain.chat_files.limits import ChatError
from repartee.domain.dialogue import Message
from repartee.domain.scenario import Scenario
from repartee.domain.text import Name
from repartee.domain.turn_mode import TurnMode
from repartee.domain.user import User
from repartee_eval.dialogues.dialogue import Feedback, Id
from repartee_eval.dialogues.jsonl import problem_of


class Speaker(BaseModel):
    """Who of a cast replied."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Name


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    text: str
    request_id: str = ""
    model: str | None = None
    finish_reason: str | None = None
    speaker: Speaker | None = None


class ReplyEvent(BaseModel):
    """A reply with the request that it answers. Fields that evaluation has no use for are not kept."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["reply"]
    at: AwareDatetime = datetime(1970, 1, 1, tzinfo=UTC)
    reply: _Reply
    user: User = User()
    character: dict[str, Any] | None = None
    cast: tuple[str, ...] = ()
    scenario: Scenario | None = None
    messages: tuple[Message, ...]
    mode: TurnMode = "reply"
    templates: str | None = None

    @cached_property
    def card_hash(self) -> bytes:
        """A hash of the card, whatever the order of its keys."""
        return card_key(self.character)

    @property
    def chat_key(self) -> bytes:
        """What the requests of one chat have in common: user, character (or cast) and scenario, as a hash."""
        user = self.user.id or self.user.model_dump()
        scenario = self.scenario.model_dump() if self.scenario else None
        parts = orjson.dumps([user, scenario], option=orjson.OPT_SORT_KEYS)
        who = orjson.dumps(sorted(self.cast)) if self.cast else self.card_hash
        return hashlib.sha256(parts + who).digest()


class FeedbackEvent(BaseModel):
    """What somebody thought of a reply."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["feedback"]
    reply_id: str
    verdict: Feedback


_EVENT: TypeAdapter[ReplyEvent | FeedbackEvent] = TypeAdapter(
    Annotated[ReplyEvent | FeedbackEvent, Field(discriminator="type")]
)


def read_event(fields: Mapping[str, Any]) -> ReplyEvent | FeedbackEvent:
    """Return the event of an object. Raises ChatError."""
    try:
        return _EVENT.validate_python(fields)
    except ValidationError as error:
        raise ChatError(problem_of(error)) from None


def card_key(card: Mapping[str, Any] | None) -> bytes:
    """Return a hash of a card, whatever the order of its keys."""
    try:
        said = orjson.dumps(card, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # a number in a card that is larger than 64 bits
        said = repr(card).encode()
    return hashlib.sha256(said).digest()
