"""What every source of training rows yields: a prompt with a good reply, a bad one, or both."""

import hashlib
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from repartee.application.keep_safe import SAFETY
from repartee.domain.text import Script, script_of

_FORMAT: Final = "repartee.example/1"
_REPLIES: Final = ("prompt", "chosen", "rejected", "margin")
CYRILLIC_LANGUAGES: Final = frozenset({"be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "tg", "uk"})
LATIN_LANGUAGES: Final = frozenset(
    {"ca", "cs", "da", "de", "en", "es", "fi", "fr", "id", "it", "nl", "no", "pl", "pt", "ro", "sv", "tr"}
)


class PromptTurn(BaseModel):
    """One message as the model gets it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str


class Example(BaseModel):
    """A prompt with `chosen`, `rejected` or both; None: there is no reply of that kind.

    `margin` is how sure the preference is, 0 to 1; `weak` marks a sign that may mean something else. `user`
    is a hash, empty where nobody is known. `flags` and `truncated` tell of the chosen reply, `score` too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: tuple[PromptTurn, ...]
    chosen: str | None = None
    rejected: str | None = None
    margin: float = Field(default=1.0, ge=0, le=1)
    source: str
    weak: bool = False
    prompt_from: Literal["logged", "composed", "given"] = "given"
    character: str = ""
    dialogue: str = ""
    user: str = ""
    language: str = ""
    run: str = ""
    case: str = ""
    reply_ids: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    chosen_model: str = ""
    rejected_model: str = ""
    chosen_prompt_version: str = ""
    rejected_prompt_version: str = ""
    score: float | None = None
    flags: tuple[str, ...] = ()
    truncated: bool = False
    emulated: bool = False

    @property
    def id(self) -> str:
        """A hash of the prompt and the replies, 16 hexadecimal digits."""
        said = self.model_dump_json(include={"prompt", "chosen", "rejected"})
        return hashlib.sha256(f"{_FORMAT}\0{said}".encode()).hexdigest()[:16]

    @property
    def replies(self) -> tuple[str, ...]:
        """The replies that are there, the chosen one first."""
        return tuple(reply for reply in (self.chosen, self.rejected) if reply is not None)

    @property
    def newest(self) -> str:
        """The user's newest message; empty where there is none."""
        return next((turn.content for turn in reversed(self.prompt) if turn.role == "user"), "")

    @property
    def conversation(self) -> str:
        """What was said before the reply, without system messages."""
        return "\n".join(turn.content for turn in self.prompt if turn.role != "system")

    @property
    def expected_scripts(self) -> frozenset[Script]:
        """The scripts that a reply may have: the user's own, and that of the character's language.

        The service tells a character to follow a user who keeps to another language.
        """
        language = self.language.lower().partition("-")[0]
        own: set[Script] = {"cyrillic"} if language in CYRILLIC_LANGUAGES else set()
        own |= {"latin"} if language in LATIN_LANGUAGES else set()
        return frozenset({script_of(self.newest), *own})

    @property
    def is_operators(self) -> bool:
        """Whether a reply is the operator's own text that took a reply's place, and no model's words."""
        return SAFETY in {self.chosen_model, self.rejected_model}

    def provenance(self) -> dict[str, Any]:
        """Return where the row comes from: every field but the prompt, the replies and the margin."""
        return {"id": self.id, **self.model_dump(mode="json", exclude=set(_REPLIES))}
