"""ShareGPT's conversations, as messages of OpenAI's form.

Format: `{"id": …, "conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}]}`.
"""

from collections.abc import Mapping
from typing import Any, Final

from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.strict_json import as_object

FIELD: Final = "conversations"
_ROLES: Final[Mapping[str, str]] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "char": "assistant",
    "system": "system",
}


def as_openai(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the conversation as `{"messages": […]}`, with what else is said about it. Raises ChatError."""
    rows = fields.get(FIELD)
    if not isinstance(rows, list):
        raise ChatError(f"{FIELD}: must be a list of messages")
    messages = []
    for number, row in enumerate(rows, start=1):
        try:
            messages.append(_message(as_object(row)))
        except ChatError as error:
            raise error.within(f"message {number}") from None
    return {**{key: fields[key] for key in ("id", "model") if key in fields}, "messages": messages}


def _message(row: Mapping[str, Any]) -> dict[str, Any]:
    speaker, text = row.get("from"), row.get("value")
    role = _ROLES.get(speaker.lower()) if isinstance(speaker, str) else None
    if role is None:
        raise ChatError(f"from: must be {', '.join(_ROLES)}")
    if not isinstance(text, str):
        raise ChatError("value: must be a text")
    return {"role": role, "content": text}
