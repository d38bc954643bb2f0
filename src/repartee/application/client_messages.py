"""A client's own messages, as they have to be for the operator's model server. Pure functions."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Literal

from repartee.application.ports import PromptMessage


def with_memories(
    messages: Sequence[PromptMessage], memories: str, role: Literal["system", "user"]
) -> tuple[PromptMessage, ...]:
    """Put the memories right after the user's last message, as `system`, or into it, as `user`.

    What the client put behind that message (its own last instructions, the start of an answer) stays behind.
    """
    last = max((place for place, message in enumerate(messages) if message.role == "user"), default=-1)
    before, after = messages[: last + 1], messages[last + 1 :]
    if role == "user" and before:
        joined = before[-1]._replace(content=f"{before[-1].content}\n\n{memories}")
        return (*before[:-1], joined, *after)
    return (*before, PromptMessage(role, memories), *after)


def system_first(messages: Sequence[PromptMessage]) -> tuple[PromptMessage, ...]:
    """Join the system messages at the start to one; later ones become the user's, joined to neighbours."""
    opening = list(takewhile(lambda message: message.role == "system", messages))
    joined = [PromptMessage("system", _paragraphs(opening))] if opening else []
    for message in messages[len(opening) :]:
        mine = message._replace(role="user", name=None) if message.role == "system" else message
        if joined and mine.role == joined[-1].role == "user":
            joined[-1] = joined[-1]._replace(content=_paragraphs([joined[-1], mine]))
        else:
            joined.append(mine)
    return tuple(joined)


def _paragraphs(messages: Sequence[PromptMessage]) -> str:
    return "\n\n".join(message.content for message in messages)
