"""A chat as every format of chat files sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from repartee.domain.chat_files.cast import Cast
from repartee.domain.chat_files.lines import Line, Said, continued

ChatFormat = Literal["sillytavern", "openai", "repartee"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A chat with all that its file said. `header` holds what `origin` says about the whole chat."""

    cast: Cast
    lines: tuple[Line, ...]
    origin: ChatFormat = "repartee"
    header: Mapping[str, Any] = field(default_factory=dict)

    @property
    def messages(self) -> tuple[Said, ...]:
        """The dialogue: what was said and may be read by a model."""
        return tuple(line.message for line in self.lines if line.is_spoken)

    def as_new(self, origin: ChatFormat) -> "Transcript":
        """Return the chat without what only the format that it comes from can say."""
        return Transcript(self.cast, tuple(replace(line, kept=None) for line in self.lines), origin)

    def with_messages(self, messages: Sequence[Said], character_name: str) -> "Transcript":
        """Return the chat with this dialogue; its lines stay what they were as far as they are in it."""

        def added(message: Said) -> Line:
            name = self.cast.user.name if message.role == "user" else character_name
            return Line(message.role, message.text, name)

        return replace(self, lines=continued(self.lines, messages, added))
