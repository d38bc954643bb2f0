"""The conversation: what was said, and getting the next reply."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypedDict

from repartee.application.generate_reply import Reply, ReplyDelta, ReplyStarted, UsedFact
from repartee.application.safety_report import Notice
from repartee.domain.character import Character
from repartee.domain.chat_files.cast import Cast
from repartee.domain.chat_files.lines import Said as SaidLine
from repartee.domain.chat_files.transcript import Transcript
from repartee.domain.user import User
from repartee.presentation.cli.api_connection import ApiConnection
from repartee.presentation.cli.failures import UserMistake
from repartee.presentation.cli.line_input import Stopped
from repartee.presentation.cli.screens import Screen
from repartee.presentation.cli.sitting import Sitting

_SENT_MESSAGES: Final = 500  # the API takes 1,000; what a model can read is far less
_AVOIDED: Final = 8
_A_REPLY: Final[Mapping[str, Any]] = {}


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
    shown: list[Notice] = field(default_factory=list)
    late: list[Notice] = field(default_factory=list)


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
    _sitting: Sitting = field(default_factory=Sitting)
    _seed: int = 0
    _given: list[str] = field(default_factory=list)

    def greet(self) -> None:
        """Let the character speak first."""
        self._answer([])

    def say(self, text: str) -> None:
        """Say something and show the reply."""
        self.unanswered = text
        self._given = []
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
            self._given = [*self._given, self.messages[-1]["text"]][-_AVOIDED:]
            asked = {"mode": "regenerate", "avoid": self._given, "generation": {"seed": self._seed}}
            self._answer(self.messages[:-1], asked)

    def go_on(self) -> None:
        """Let the character say more; it becomes a part of the last reply."""
        if not self.messages or self.messages[-1]["role"] != "character":
            raise UserMistake("there is no reply to continue yet")
        self._answer(self.messages, {"mode": "continue"})

    def suggest(self) -> None:
        """Show what the user might say next; nothing is said yet."""
        if not self.messages:
            raise UserMistake("there is nothing to answer yet")
        self._answer(self.messages, {"mode": "impersonate"})

    def resume(self, transcript: Transcript) -> None:
        """Go on where another chat ended."""
        self.resumed, self._given = transcript, []
        self.messages = [Said(role=said.role, text=said.text) for said in transcript.messages]

    def transcript(self) -> Transcript:
        """Return the chat so far, to be saved."""
        cast = Cast(self.card, self.user)
        messages = [SaidLine(said["role"], said["text"]) for said in self.messages]
        before = Transcript(cast, ()) if self.resumed is None else replace(self.resumed, cast=cast)
        return before.with_messages(messages, self.character.display_name)

    def _answer(self, history: Sequence[Said], asked: Mapping[str, Any] = _A_REPLY) -> None:
        """Show the reply to `history`; if there is one, it is kept as its mode has it."""
        draft = _Draft()
        try:
            self._stream(draft, {**self._request(history), **asked})
        except Stopped:
            draft.note = "stopped"
        finally:
            if draft.text.strip():
                self._keep(history, draft.text, asked.get("mode"))
            if draft.begun:
                self.screen.end_reply(draft.facts, draft.note)
            self._notify(draft.late)

    def _keep(self, history: Sequence[Said], text: str, mode: str | None) -> None:
        if mode == "impersonate":
            return
        if mode == "continue":
            history, text = history[:-1], f"{history[-1]['text']} {text}"
        self.messages = [*history, Said(role="character", text=text)]
        self.unanswered = None

    def _stream(self, draft: _Draft, request: dict[str, Any]) -> None:
        speaker = self.user.name if request.get("mode") == "impersonate" else self.character.display_name
        with closing(self.connection.client.generate_stream(request)) as events:
            for event in events:
                if isinstance(event, ReplyStarted):
                    self._notify(event.notices)
                    draft.shown = event.notices
                    self.screen.begin_reply(speaker)
                    draft.begun = True
                    draft.facts = event.facts
                    if event.retrieval.status == "error":
                        draft.note = "the facts could not be searched"
                elif isinstance(event, ReplyDelta):
                    draft.text += event.text
                    self.screen.piece(event.text)
                elif isinstance(event, Reply):
                    draft.text = event.text
                    draft.late = [notice for notice in event.notices if notice not in draft.shown]

    def _notify(self, notices: Sequence[Notice]) -> None:
        for line in self._sitting.lines(notices):
            self.screen.notice(line)

    def _request(self, history: Sequence[Said]) -> dict[str, Any]:
        return {
            "messages": history[-_SENT_MESSAGES:],
            "user": self.user.model_dump(exclude_none=True),
            "character": self.card,
            "generation": {},
            **self._sitting.fields(),
        }
