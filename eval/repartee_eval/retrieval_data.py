"""Labelled messages: which facts of a user matter for what they said. One JSON file per user."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SHIPPED: Final = Path(__file__).parents[1] / "data" / "retrieval"
"""The project's own set, in a checkout."""

Split = Literal["tune", "test"]
SPLITS: Final[tuple[Split, ...]] = ("tune", "test")
Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$")]
Text = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S")]
Grade = Annotated[int, Field(strict=True, ge=1, le=2)]


class RetrievalDataError(Exception):
    """The labelled data cannot be used: the message names the file and the field."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelledPerson(_Model):
    """Whose facts and messages they are."""

    id: Identifier
    name: str
    age: int | None = None


class LabelledFact(_Model):
    """A fact as the service would store it."""

    id: Identifier
    text: Text


class LabelledTurn(_Model):
    """Something said before a message; the assistant is the character."""

    role: Literal["user", "assistant"]
    text: Text


class LabelledMessage(_Model):
    """A message with the grades of the facts that matter for it; `relevant` is empty where none does.

    `before` are the turns it needs to be understood, oldest first; it is empty for a message on its own.
    """

    id: Identifier
    before: tuple[LabelledTurn, ...] = ()
    text: Text
    relevant: dict[str, Grade]


class LabelledUser(_Model):
    """One file."""

    user: LabelledPerson
    language: str = Field(pattern=r"^[a-z]{2,3}$")
    split: Split
    facts: tuple[LabelledFact, ...] = Field(min_length=1)
    messages: tuple[LabelledMessage, ...] = Field(min_length=1)

    @property
    def standing_alone(self) -> list[LabelledMessage]:
        """The messages that need no turn before them."""
        return [message for message in self.messages if not message.before]

    @property
    def following_up(self) -> list[LabelledMessage]:
        """The messages that continue a talk."""
        return [message for message in self.messages if message.before]


@dataclass(frozen=True, slots=True)
class RetrievalData:
    """All files of a folder; `fingerprint` changes when any of them does."""

    users: tuple[LabelledUser, ...]
    fingerprint: str


def load_retrieval_data(folder: Path) -> RetrievalData:
    """Read every `*.json` of a folder. Raises RetrievalDataError."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise RetrievalDataError(f"{folder}: no *.json file with labelled messages there")
    digest, users = hashlib.sha256(), []
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RetrievalDataError(f"{path.name}: cannot be read ({error.strerror})") from None
        digest.update(hashlib.sha256(content).digest())
        users.append(_user(path.name, content))
    for identifier in _repeated(user.user.id for user in users):
        raise RetrievalDataError(f"{folder}: two files have the user.id {identifier!r}")
    return RetrievalData(tuple(users), digest.hexdigest()[:16])


def _user(name: str, content: bytes) -> LabelledUser:
    try:
        user = LabelledUser.model_validate(json.loads(content, object_pairs_hook=_unique))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise RetrievalDataError(f"{name}: {field}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or a name twice in one object
        raise RetrievalDataError(f"{name}: is not JSON: {error}") from None
    for problem in _problems(user):
        raise RetrievalDataError(f"{name}: {problem}")
    return user


def _problems(user: LabelledUser) -> Iterator[str]:
    """Yield what a schema cannot see."""
    facts = {fact.id for fact in user.facts}
    yield from (f"facts: two have the id {one!r}" for one in _repeated(fact.id for fact in user.facts))
    yield from (f"messages: two have the id {one!r}" for one in _repeated(said.id for said in user.messages))
    for number, message in enumerate(user.messages):
        for unknown in sorted(message.relevant.keys() - facts):
            yield f"messages.{number}.relevant: there is no fact {unknown!r}"


def _repeated(identifiers: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for identifier in identifiers:
        if identifier in seen:
            yield identifier
        seen.add(identifier)


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    for name in _repeated(name for name, _ in pairs):
        raise ValueError(f"{name!r} stands twice in one object")
    return dict(pairs)
