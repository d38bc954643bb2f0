"""The conversation: what was said, and getting the next reply."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypedDict

from repartee.application.generate_reply import Reply, ReplyDelta, ReplyStarted, UsedFact
from repartee.domain.character import Character
from repartee.domain.chat_files.cast import Cast
from repartee.domain.chat_files.lines import Said as SaidLine
from repartee.domain.chat_files.transcript import Transcript
from repartee.domain.user import User
from repartee.presentation.cli.api_connection import ApiConnection
from repartee.presentation.cli.failures import UserMistake
from repartee.presentation.cli.line_input import Stopped
from repartee.presentation.cli.screens import Screen

_SENT_MESSAGES: Final = 500  # the API takes 1,000; what a model can read is far less


class Said(TypedDict):
    """A message as the API takes it."""

    role: Literal["user", "character"]
    text: str


@dataclass(slots=True)
class _Draft:
    """A reply on its way."""

    text: str = ""
    facts: list[UsedFact] = field(default_factory=list)
    note: str | None = None
    begun: bool = False


@dataclass(slots=True)
class Chat:
    """One character and one user. `card` is a shipped character's name, or a card that is sent along.

    `messages` holds what was shown, a stopped reply as far as it came. A message that got no reply is not in
    it but `unanswered`, until it is sent again or something else is said. `resumed` is the chat that this one
    goes on from, with all that its file says.
    """

    connection: ApiConnection
    screen: Screen
    card: str | dict[str, Any]
    character: Character
    user: User
    messages: list[Said] = field(default_factory=list)
    unanswered: str | None = None
    resumed: Transcript | None = None
    _seed: int = 0

    def greet(self) -> None:
        """Let the character speak first."""
        self._answer([])

    def say(self, text: str) -> None:
        """Say something and show the reply."""
        self.unanswered = text
        self._answer([*self.messages, Said(role="user", text=text)])

    def retry(self) -> None:
        """Ask for another reply to the same words; it takes the place of the last one."""
        if self.unanswered is not None:
            self.say(self.unanswered)
        elif self.messages and self.messages[-1]["role"] == "user":
            self._answer(self.messages)
        elif len(self.messages) < 2 or self.messages[-2]["role"] != "user":
            raise UserMistake("there is no reply to try again yet")
        else:
            self._seed += 1
            self._answer(self.messages[:-1], seed=self._seed)

    def resume(self, transcript: Transcript) -> None:
        """Go on where another chat ended."""
        self.resumed = transcript
        self.messages = [Said(role=said.role, text=said.text) for said in transcript.messages]

    def transcript(self) -> Transcript:
        """Return the chat so far, to be saved."""
        cast = Cast(self.card, self.user)
        messages = [SaidLine(said["role"], said["text"]) for said in self.messages]
        before = Transcript(cast, ()) if self.resumed is None else replace(self.resumed, cast=cast)
        return before.with_messages(messages, self.character.display_name)

    def _answer(self, history: Sequence[Said], seed: int | None = None) -> None:
        """Show the reply to `history`; if there is one, `history` and it are what was said."""
        draft = _Draft()
        try:
            self._stream(draft, self._request(history, seed))
        except Stopped:
            draft.note = "stopped"
        finally:
            if draft.text.strip():
                self.messages = [*history, Said(role="character", text=draft.text)]
                self.unanswered = None
            if draft.begun:
                self.screen.end_reply(draft.facts, draft.note)

    def _stream(self, draft: _Draft, request: dict[str, Any]) -> None:
        with closing(self.connection.client.generate_stream(request)) as events:
            for event in events:
                if isinstance(event, ReplyStarted):
                    self.screen.begin_reply(self.character.display_name)
                    draft.begun = True
                    draft.facts = event.facts
                    if event.retrieval.status == "error":
                        draft.note = "the facts could not be searched"
                elif isinstance(event, ReplyDelta):
                    draft.text += event.text
                    self.screen.piece(event.text)
                elif isinstance(event, Reply):
                    draft.text = event.text

    def _request(self, history: Sequence[Said], seed: int | None) -> dict[str, Any]:
        return {
            "messages": history[-_SENT_MESSAGES:],
            "user": self.user.model_dump(exclude_none=True),
            "character": self.card,
            "generation": {} if seed is None else {"seed": seed},
        }
