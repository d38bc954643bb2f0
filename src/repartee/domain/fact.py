"""Facts: what is remembered about a user, and whose they are."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from repartee.domain.errors import InvalidInput
from repartee.domain.text import FactText, ShortText
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


class Fact(BaseModel):
    """One statement worth remembering. `owner` says whom it is about: the user or the character."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    owner: FactOwner = "user"
    text: FactText
    created_at: AwareDatetime
    source: ShortText = ""


class RetrievedFact(BaseModel):
    """A fact that was found for a message. `score` is the cosine similarity, -1 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    owner: FactOwner
    text: str
    score: float
    created_at: datetime


def fact_id(scope: TenantScope, owner: FactOwner, text: str, attempt: int = 0) -> str:
    """Return the id of a fact: the same for the same user, owner and text (UUIDv5).

    `attempt` > 0 gives further ids for the rare case that an edited fact already holds the first one.
    """
    parts = [scope.user_id, owner, text, *([str(attempt)] if attempt else [])]
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))
