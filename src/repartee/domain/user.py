"""The person who chats."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from repartee.domain.text import CardText, Name

USER_ID_PATTERN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@|+=~-]{0,127}", re.ASCII)


def checked_user_id(user_id: str) -> str:
    """Return `user_id` as it is, or raise ValueError.

    Nothing is folded or trimmed: two ids that differ in any character are two users.
    """
    if not USER_ID_PATTERN.fullmatch(user_id):
        raise ValueError(
            "must be 1 to 128 ASCII letters, digits or _ . : @ | + = ~ -, starting with a letter, digit or _"
        )
    return user_id


UserId = Annotated[str, AfterValidator(checked_user_id)]


class User(BaseModel):
    """Who talks to the character, as the upstream context service knows them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UserId | None = Field(
        default=None, description="Owner of the facts. Without it nothing is retrieved."
    )
    name: Name = "User"
    age: int | None = Field(default=None, ge=0, le=150)
    description: CardText = Field(default="", description="Who the user is in the story (a persona).")
