"""Facts: what is remembered about a user, and whose they are."""

import unicodedata
import uuid
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from repartee.domain.errors import InvalidInput
from repartee.domain.text import FactText, OptionalName, ShortText
from repartee.domain.user import checked_user_id

FactOwner = Literal["user", "character"]

_NAMESPACE = uuid.UUID("6f0a3a3e-0f2b-5c55-9f0e-9b1f5f0f8d11")


@dataclass(frozen=True, slots=True)
class TenantScope:
    """The one user whose facts may be touched. Every call of a fact store takes one.

    Raises InvalidInput for an id that is not one (see `checked_user_id`).
    """

    user_id: str

    def __post_init__(self) -> None:
        try:
            checked_user_id(self.user_id)
        except ValueError as error:
            raise InvalidInput(f"user id {error}", field="user_id") from None


@dataclass(frozen=True, slots=True)
class FactView:
    """Which of the tenant's facts are looked at.

    `character` hides what only other characters know; None hides nothing. Facts that no longer hold are
    hidden unless `superseded`.
    """

    character: str | None = None
    superseded: bool = False


class Fact(BaseModel):
    """One statement worth remembering.

    `owner` says whom it is about, the user or the character; `character` which character knows it (empty: all
    of them). A pinned fact is used for every reply. One that no longer holds is kept with the time at which
    that became known (`invalid_at`) and, where a newer fact says otherwise, its id (`superseded_by`).
    `source` says where it came from, `evidence` holds the words that say so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    owner: FactOwner = "user"
    character: OptionalName = ""
    text: FactText
    pinned: bool = False
    created_at: AwareDatetime
    invalid_at: AwareDatetime | None = None
    superseded_by: str | None = None
    source: ShortText = ""
    evidence: ShortText = ""

    @property
    def key(self) -> "FactKey":
        """What makes it a duplicate of another one."""
        return fact_key(self.owner, self.character, self.text)


class RetrievedFact(Fact):
    """A fact that was found for a message. `score` is the cosine similarity, -1 to 1."""

    score: float


FactKey = tuple[FactOwner, str, str]


def fact_key(owner: FactOwner, character: str, text: str) -> FactKey:
    """Return what two facts share that are the same: case, spaces and final marks make no difference."""
    return owner, character_key(character), text_key(text)


def character_key(name: str) -> str:
    """Return a character's name as it is compared."""
    return " ".join(name.casefold().split())


def text_key(text: str) -> str:
    """Return a fact's text as it is compared."""
    return " ".join(folded(text).split()).rstrip(".!… ") or text


def folded(text: str) -> str:
    """Return a text without its case, its compatibility forms and the dots of ё."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")


def fact_id(scope: TenantScope, key: FactKey, attempt: int = 0) -> str:
    """Return the id of a fact: the same for the same user and key (UUIDv5).

    `attempt` > 0 gives further ids for the rare case that another fact already holds the first one: an edited
    one, or one that no longer held until it was said again.
    """
    parts = [scope.user_id, *key, *([str(attempt)] if attempt else [])]
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))
