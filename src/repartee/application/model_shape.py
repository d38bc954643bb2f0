"""Messages as a model's profile wants them. Pure: no text is lost or moved."""

from collections.abc import Sequence
from typing import Final

from repartee.application.model_profile import ModelProfile
from repartee.application.ports import PromptMessage

OPENING: Final = "(The chat begins.)"
_BETWEEN: Final = "\n\n"


def shaped(messages: Sequence[PromptMessage], profile: ModelProfile) -> tuple[PromptMessage, ...]:
    """Return the messages in the profile's shape. A system message at the end counts as the tail.

    Where system messages may stand first only, later ones become the user's and join the user's message
    before them. Where turns must alternate, neighbours of one role are joined, and a chat that the assistant
    opens gets a turn of the user before it.
    """
    first_only, strict = profile.system == "first_only", profile.alternation == "strict"
    if not first_only and not strict and profile.tail_role == "system":
        return _without_marks(messages, profile)
    sent: list[PromptMessage] = []
    for place, message in enumerate(messages):
        is_tail = profile.tail_role == "user" and 0 < place == len(messages) - 1
        is_late = first_only and any(one.role != "system" for one in sent)
        if message.role == "system" and (is_tail or is_late):
            _add(sent, message._replace(role="user"), join=True)
        else:
            _add(sent, message, join=strict or (first_only and message.role == "system"))
    if strict:
        _open(sent)
    return _without_marks(sent, profile)


def _without_marks(messages: Sequence[PromptMessage], profile: ModelProfile) -> tuple[PromptMessage, ...]:
    """Take away the marks that the model's server is not to be sent."""
    if profile.cache_control:
        return tuple(messages)
    return tuple([one if one.cache_until is None else _unmarked(one) for one in messages])


def _unmarked(message: PromptMessage) -> PromptMessage:
    return PromptMessage(message.role, message.content, message.name)


def _add(sent: list[PromptMessage], message: PromptMessage, *, join: bool) -> None:
    if join and sent and sent[-1].role == message.role:
        sent[-1] = _together(sent[-1], message)
    else:
        sent.append(message)


def _together(before: PromptMessage, after: PromptMessage) -> PromptMessage:
    start = f"{before.content}{_BETWEEN}"
    mark = before.cache_until if after.cache_until is None else len(start) + after.cache_until
    return before._replace(content=start + after.content, cache_until=mark)


def _open(sent: list[PromptMessage]) -> None:
    """Let the user have the first turn."""
    first = next((place for place, one in enumerate(sent) if one.role != "system"), None)
    if first is not None and sent[first].role == "assistant":
        sent.insert(first, PromptMessage("user", OPENING))
