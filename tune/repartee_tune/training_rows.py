"""The rows a trainer reads: JSON Lines in TRL's conversational formats; other columns are left out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from repartee_tune.errors import TuneError


class Message(BaseModel):
    """One turn."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


Messages: TypeAlias = tuple[Message, ...]
Rewrite: TypeAlias = Callable[[str], str]


class Row(BaseModel):
    """A prompt and the replies that are trained on."""

    model_config = ConfigDict(frozen=True)

    @property
    def context(self) -> Messages:
        """The turns before the reply."""
        raise NotImplementedError

    @property
    def replies(self) -> tuple[Messages, ...]:
        """Each reply, to be read behind the context."""
        raise NotImplementedError

    def with_context(self, context: Messages) -> Self:
        """Return the same replies behind other turns."""
        raise NotImplementedError

    def columns(self) -> dict[str, Any]:
        """Return the row as TRL reads it."""
        return self.model_dump(exclude_none=True)


class _Prompted(Row):
    prompt: Messages = Field(min_length=1)

    @property
    def context(self) -> Messages:
        """The prompt."""
        return self.prompt

    def with_context(self, context: Messages) -> Self:
        """Return the same replies behind another prompt."""
        return self.model_copy(update={"prompt": context})

    @model_validator(mode="after")
    def _the_reply_is_the_assistants(self) -> Self:
        if self.prompt[-1].role == "assistant":
            raise ValueError("prompt must end with the user's turn")
        if any(message.role != "assistant" for reply in self.replies for message in reply):
            raise ValueError("replies must have the role assistant")
        return self


class PreferenceRow(_Prompted):
    """A pair: DPO and reward models. `margin` is how much better the judge found `chosen`."""

    chosen: Messages = Field(min_length=1)
    rejected: Messages = Field(min_length=1)
    margin: float | None = Field(default=None, allow_inf_nan=False)

    @property
    def replies(self) -> tuple[Messages, ...]:
        """Chosen, then rejected."""
        return self.chosen, self.rejected


class CompletionRow(_Prompted):
    """A reply to imitate: SFT."""

    completion: Messages = Field(min_length=1)

    @property
    def replies(self) -> tuple[Messages, ...]:
        """The one reply."""
        return (self.completion,)


class FeedbackRow(CompletionRow):
    """A reply that was liked or not: KTO."""

    label: bool


class ConversationRow(Row):
    """A whole conversation of which every reply is imitated: SFT."""

    messages: Messages = Field(min_length=2)

    @property
    def context(self) -> Messages:
        """All turns but the last."""
        return self.messages[:-1]

    @property
    def replies(self) -> tuple[Messages, ...]:
        """The last reply; earlier replies are trained on too."""
        return (self.messages[-1:],)

    def with_context(self, context: Messages) -> Self:
        """Return the last reply behind other turns."""
        return self.model_copy(update={"messages": (*context, self.messages[-1])})

    @model_validator(mode="after")
    def _ends_with_a_reply(self) -> Self:
        if self.messages[-1].role != "assistant":
            raise ValueError("messages must end with the assistant's reply")
        return self


def read_rows(path: Path, kinds: Sequence[type[Row]]) -> list[Row]:
    """Read a JSON Lines file of the first of `kinds` that its first row fits.

    Raises TuneError naming file, line and field; never a row's text.
    """
    if not path.is_file():
        raise TuneError(
            f"{path} is missing: a dataset folder holds train.jsonl, eval.jsonl and manifest.json"
        )
    try:
        lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except UnicodeDecodeError as error:
        raise TuneError(f"{path} is not UTF-8 at byte {error.start}") from None
    if not lines:
        raise TuneError(f"{path} has no rows")
    kind = next((kind for kind in kinds if _error(kind, lines[0]) is None), kinds[0])
    return [_parse(kind, line, path, number) for number, line in enumerate(lines, start=1)]


def _parse(kind: type[Row], line: str, path: Path, number: int) -> Row:
    if error := _error(kind, line):
        raise TuneError(f"{path} line {number}: {error}")
    return kind.model_validate_json(line)


def _error(kind: type[Row], line: str) -> str | None:
    try:
        kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc']) or 'row'}: {first['msg']}"
    return None
