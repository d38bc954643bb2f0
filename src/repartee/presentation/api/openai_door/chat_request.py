"""What clients send: OpenAI's chat completion request, read leniently, and our own fields, read strictly."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from repartee.application.reply_options import RetrievalOptions
from repartee.application.session_fields import SessionFields
from repartee.domain.scenario import Scenario
from repartee.domain.turn_mode import TurnMode
from repartee.domain.user import User

_TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text"})
_MEDIA_PARTS: Final = frozenset({"image_url", "input_image", "input_audio", "file", "video_url"})
_CHANGES_ANSWERS: Final = (
    "tools", "tool_choice", "functions", "function_call", "response_format", "logit_bias", "logprobs",
    "top_logprobs", "modalities", "audio", "prediction", "web_search_options", "reasoning_effort", "top_k",
    "min_p", "repetition_penalty",
)  # fmt: skip
_STOP_STRINGS: Final = 4
_LONGEST_STOP: Final = 64
_LONGEST_REPLY: Final = 8_192


@dataclass(frozen=True, slots=True)
class Content:
    """The text of a message, None where it has none, and the kinds of parts that were left out."""

    text: str | None = None
    left_out: frozenset[str] = frozenset()


def _content(value: Any) -> Content:
    if isinstance(value, Content):
        return value
    if value is None or isinstance(value, str):
        return Content(value)
    if isinstance(value, list) and all(isinstance(part, str | dict) for part in value):
        texts = [text for part in value if (text := _text_of(part)) is not None]
        return Content("\n".join(texts) if texts else None, frozenset(filter(None, map(_media_of, value))))
    raise ValueError("must be a text, or a list of parts such as {'type': 'text', 'text': …}")


def _text_of(part: str | dict[str, Any]) -> str | None:
    if isinstance(part, str):
        return part
    if _kind_of(part) not in _TEXT_PARTS:
        return None
    if not isinstance(text := part.get("text"), str):
        raise ValueError("a text part must have a text")  # noqa: TRY004  # pydantic's way to say so
    return text


def _kind_of(part: dict[str, Any]) -> str | None:
    """Return the type of a part, None where it is no text: such a type cannot be looked up in a set."""
    return kind if isinstance(kind := part.get("type"), str) else None


def _media_of(part: str | dict[str, Any]) -> str:
    if isinstance(part, str) or (kind := _kind_of(part)) in _TEXT_PARTS:
        return ""
    return f"{kind} parts" if kind in _MEDIA_PARTS else "other parts"


_PARTS: Final = {"type": "array", "items": {"type": "object", "properties": {"type": {"type": "string"}}}}
_AnyContent = Annotated[
    Content,
    PlainValidator(_content),
    PlainSerializer(lambda content: content.text, return_type=str | None),
    WithJsonSchema({"anyOf": [{"type": "string"}, _PARTS, {"type": "null"}]}),
]


class ChatMessage(BaseModel):
    """One message, in any order of roles."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: _AnyContent = Field(default_factory=Content)
    name: str | None = None


class StreamOptions(BaseModel):
    """What a stream holds besides the text."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    include_usage: bool | None = None


class OurFields(SessionFields):
    """What OpenAI's API has no place for. Unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: User = User()
    scenario: Scenario | None = None
    retrieval: RetrievalOptions = RetrievalOptions()
    mode: TurnMode | None = Field(
        default=None, description="What a character is to write, as in `POST /generate`."
    )
    arm: str | None = Field(
        default=None, max_length=64, description="Which arm answers, where requests may choose."
    )


def _list_of_stops(value: Any) -> Any:
    stops = [value] if isinstance(value, str) else value or []
    # a tuple, for a list that somebody sends cannot be looked up in a set
    return [stop for stop in stops if stop not in ("", None)] if isinstance(stops, list) else stops


def _id_of_user(value: Any) -> Any:
    """Return the id of a user that came as an object, as Open WebUI sends it to its pipelines."""
    return value.get("id") if isinstance(value, dict) else value


class ChatCompletionRequest(BaseModel):
    """OpenAI's request. Fields that are not listed are accepted and ignored."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    model: str = Field(
        min_length=1, max_length=300, description="An id of `GET /v1/models`: a model or a character."
    )
    messages: tuple[ChatMessage, ...] = Field(max_length=10_000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, ge=1, le=8)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    stop: Annotated[tuple[str, ...], BeforeValidator(_list_of_stops)] = Field(
        default=(),
        max_length=256,
        description="A text or a list; the first four of at most 64 characters are used.",
    )
    user: Annotated[str | None, BeforeValidator(_id_of_user)] = None
    repartee: OurFields = OurFields()

    @property
    def longest_reply(self) -> int | None:
        """How many tokens a reply may have."""
        wanted = self.max_completion_tokens or self.max_tokens
        return wanted and min(wanted, _LONGEST_REPLY)

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings that are used."""
        return tuple(stop for stop in self.stop if len(stop) <= _LONGEST_STOP)[:_STOP_STRINGS]

    @property
    def ignored(self) -> tuple[str, ...]:
        """What was sent and makes no difference, in words of ours."""
        given = self.model_extra or {}
        parts = {kind for message in self.messages for kind in message.content.left_out}
        too_long = any(len(stop) > _LONGEST_STOP for stop in self.stop)
        tools = any(message.role in {"tool", "function"} for message in self.messages)
        return (
            *(name for name in _CHANGES_ANSWERS if given.get(name)),
            *sorted(parts),
            *(["tool messages"] if tools else []),
            *(["stop strings after the fourth"] if len(self.stop) > _STOP_STRINGS else []),
            *([f"stop strings above {_LONGEST_STOP} characters"] if too_long else []),
        )
