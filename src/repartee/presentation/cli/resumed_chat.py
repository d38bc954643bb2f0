"""A chat that goes on from a file: who was in it, and what was said last."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from repartee.domain.character import Character
from repartee.domain.chat_files.lines import Line
from repartee.domain.chat_files.openai_messages import is_group
from repartee.domain.chat_files.transcript import Transcript
from repartee.presentation.cli.api_client import ApiClient
from repartee.presentation.cli.failures import ApiProblem, UserMistake
from repartee.presentation.cli.transcript_files import read_chat_file

_RECALLED: Final = 4
_RECALLED_CHARACTERS: Final = 600


@dataclass(frozen=True, slots=True)
class ResumedChat:
    """The chat of a file."""

    path: Path
    transcript: Transcript

    @classmethod
    def of(cls, path: Path) -> "ResumedChat":
        """Return the chat of a saved dialogue, a SillyTavern chat or OpenAI messages. Raises UserMistake."""
        return cls(path, read_chat_file(path).transcript)

    def character(self, client: ApiClient) -> tuple[str | dict[str, Any], Character]:
        """Return the stored character as the API is sent it, and who that is. Raises UserMistake."""
        stored = self.transcript.cast.character
        if isinstance(stored, str):
            return self._shipped(client, stored)
        try:
            return dict(stored), Character.from_card(stored)
        except ValidationError as error:
            field = ".".join(map(str, error.errors()[0]["loc"]))
            raise UserMistake(f"{self.path}: character: {field}: {error.errors()[0]['msg']}") from None

    def recalled(self) -> list[str]:
        """Return the last messages, for people to read."""
        spoken = [line for line in self.transcript.lines if line.is_spoken]
        lines = [f"{line.name} › {_shortened(line)}" for line in spoken[-_RECALLED:]]
        count = len(spoken)
        told = [f"{self.path}: {count:,} message{'' if count == 1 else 's'}"]
        if is_group(spoken):
            told.append("several characters speak in it; here one goes on for all of them")
        if spoken and spoken[-1].role == "user":
            lines.append("the last message has no reply: /retry asks for one")
        return [*told, *lines]

    def _shipped(self, client: ApiClient, name: str) -> tuple[str, Character]:
        try:
            return name.lower(), client.character(name.lower())
        except ApiProblem as error:
            if error.status not in {404, 422}:
                raise
            problem = f"{self.path}: is a chat with {name}, whom the API does not know"
            raise UserMistake(f"{problem}: name a character or a card with --character") from None


def _shortened(line: Line) -> str:
    return line.text if len(line.text) <= _RECALLED_CHARACTERS else f"{line.text[:_RECALLED_CHARACTERS]}…"
