"""From OpenAI's request to ours: who asks, what was said, and what is wanted."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal
from urllib.parse import unquote

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from repartee.application.augment_chat import AugmentRequest
from repartee.application.generate_reply import GenerateRequest
from repartee.application.ports import PromptMessage
from repartee.application.reply_options import GenerationOptions
from repartee.application.session_fields import SessionFields
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput
from repartee.domain.scenario import Scenario
from repartee.domain.story import AuthorNote
from repartee.domain.text import MESSAGE_CHARACTERS, Name, without_controls
from repartee.domain.turn_mode import TurnMode
from repartee.domain.user import User, checked_user_id
from repartee.presentation.api.openai_door.chat_request import ChatCompletionRequest, ChatMessage
from repartee.presentation.api.own_user import own_user

USER_HEADER: Final = "X-Repartee-User"
USER_NAME_HEADER: Final = "X-Repartee-User-Name"
OPEN_WEBUI_USER_HEADER: Final = "X-OpenWebUI-User-Id"
OPEN_WEBUI_NAME_HEADER: Final = "X-OpenWebUI-User-Name"
_NOBODY: Final = "the user"
_SETTING_CHARACTERS: Final = 65_536
_KEPT_TURNS: Final = 1_000
_SMALLEST_TOP_P: Final = 0.001  # 0 means the likeliest token; most servers refuse it
_NAME: Final = TypeAdapter(Name)
_ROLES: Final[dict[str, Literal["system", "user", "assistant"]]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


def read_user(request: Request, asked: ChatCompletionRequest, nameless: str | None = None) -> User:
    """Return who chats. A header comes before `repartee.user`, and that before OpenAI's own fields.

    Raises Forbidden for a user whom the caller's key does not belong to, InvalidInput.
    """
    told = asked.repartee.user
    name = (
        _name_in_header(request, USER_NAME_HEADER)
        or _told_name(asked)
        or _name_of(asked, "user")
        or _name_in_header(request, OPEN_WEBUI_NAME_HEADER)
        or nameless
    )
    return told.model_copy(update={"id": _user_id(request, asked), "name": name or told.name})


def to_generate(asked: ChatCompletionRequest, user: User, name: str, card: Character) -> GenerateRequest:
    """Return the request for a shipped character.

    The client's system text becomes part of the scene; what it says after the last turn stays there, as the
    author's note: a text that changes with each turn must not move the prompt's beginning.
    """
    before, after = _around_the_last_turn(asked)
    return GenerateRequest(
        messages=tuple(_dialogue(asked))[-_KEPT_TURNS:],
        user=user,
        character=name,
        scenario=_scenario(asked, card, before),
        author_note=_note(after),
        mode=_mode(asked),
        generation=_generation(asked, None),
        retrieval=asked.repartee.retrieval,
        arm=asked.repartee.arm,
        **_sitting(asked).model_dump(),
    )


def to_augment(
    asked: ChatCompletionRequest, user: User, model: str | None, arm: str | None = None
) -> AugmentRequest:
    """Return the request for the model itself. Raises InvalidInput where nothing was said."""
    messages = tuple(
        PromptMessage(_ROLES[message.role], message.content.text, message.name)
        for message in asked.messages
        if message.role in _ROLES and message.content.text is not None
    )
    if not messages:
        raise InvalidInput("messages: must hold at least one with a text", "messages")
    return AugmentRequest(
        messages=messages,
        user=user,
        character=_name_of(asked, "assistant"),
        generation=_generation(asked, model),
        retrieval=asked.repartee.retrieval,
        arm=arm or asked.repartee.arm,
        sitting=_sitting(asked),
    )


def _sitting(asked: ChatCompletionRequest) -> SessionFields:
    told = asked.repartee
    return SessionFields.model_construct(**{name: getattr(told, name) for name in SessionFields.model_fields})


def read_augmented_user(request: Request, asked: ChatCompletionRequest) -> User:
    """Return who chats where the client's own prompt may know a name that we do not."""
    return read_user(request, asked, nameless=_NOBODY)


def _user_id(request: Request, asked: ChatCompletionRequest) -> str | None:
    given = {
        USER_HEADER: request.headers.get(USER_HEADER),
        "repartee.user.id": asked.repartee.user.id,
        "user": asked.user,
        OPEN_WEBUI_USER_HEADER: request.headers.get(OPEN_WEBUI_USER_HEADER),
    }
    allowed = [(field, own_user(request, value, field)) for field, value in given.items() if value]
    if not allowed:
        return own_user(request, None, "user")
    field, user_id = allowed[0]
    try:
        return user_id and checked_user_id(user_id)
    except ValueError as error:
        raise InvalidInput(f"{field}: {error}", field) from None


def _name_in_header(request: Request, header: str) -> str | None:
    """Return the name; it may be percent-encoded, because headers hold ASCII only."""
    given = unquote(request.headers.get(header, "").encode("latin-1").decode(errors="replace"))
    if given and not _is_name(given):
        raise InvalidInput(f"{header}: must be a name of at most 128 characters on one line", header)
    return given.strip() or None


def _told_name(asked: ChatCompletionRequest) -> str | None:
    told = asked.repartee.user
    return told.name if "name" in told.model_fields_set else None


def _name_of(asked: ChatCompletionRequest, role: str) -> str | None:
    """Return the name on that role's last message, where it has a usable one."""
    last = next((message for message in reversed(asked.messages) if message.role == role), None)
    return last.name.strip() if last and last.name and _is_name(last.name) else None


def _is_name(text: str) -> bool:
    try:
        _NAME.validate_python(text)
    except ValidationError:
        return False
    return True


def _dialogue(asked: ChatCompletionRequest) -> Iterator[Message]:
    for place, message in enumerate(asked.messages):
        text = without_controls(message.content.text or "")
        if message.role not in {"user", "assistant"} or not text.strip():
            continue
        if len(text) > MESSAGE_CHARACTERS:
            field = f"messages.{place}.content"
            raise InvalidInput(f"{field}: must have at most {MESSAGE_CHARACTERS} characters", field)
        yield Message(role="user" if message.role == "user" else "character", text=text)


def _mode(asked: ChatCompletionRequest) -> TurnMode:
    """Return what is to be written. A conversation that ends with the assistant is to be continued.

    So ask Open WebUI ("Continue response") and SillyTavern (continue with prefill).
    """
    if asked.repartee.mode:
        return asked.repartee.mode
    last = asked.messages[-1] if asked.messages else None
    return "continue" if last and last.role == "assistant" and _said(last) else "reply"


def _said(message: ChatMessage) -> str:
    """Return a message's text, empty where it has none."""
    return without_controls(message.content.text or "").strip()


def _around_the_last_turn(asked: ChatCompletionRequest) -> tuple[str, str]:
    """Return the client's system text before the last turn, and after it. Without a turn all is before."""
    turns = [
        place
        for place, message in enumerate(asked.messages)
        if message.role in {"user", "assistant"} and _said(message)
    ]
    end = turns[-1] if turns else len(asked.messages)
    return _system_text(asked.messages[:end]), _system_text(asked.messages[end:])


def _system_text(messages: Sequence[ChatMessage]) -> str:
    texts = (_said(message) for message in messages if _ROLES.get(message.role) == "system")
    text = "\n\n".join(filter(None, texts))
    if len(text) > _SETTING_CHARACTERS:
        raise InvalidInput(
            f"messages: those of the system must have at most {_SETTING_CHARACTERS} characters together",
            "messages",
        )
    return text


def _note(text: str) -> AuthorNote | None:
    return AuthorNote(text=text, depth=0) if text else None


def _scenario(asked: ChatCompletionRequest, card: Character, added: str) -> Scenario | None:
    """Append the client's system text to the scene: to the one it tells, else to the card's own."""
    given = asked.repartee.scenario
    if not added:
        return given
    scene = (given and given.setting) or card.scenario
    setting = f"{scene.strip()}\n\n{added}".strip()
    if len(setting) > _SETTING_CHARACTERS:
        raise InvalidInput(
            f"messages: those of the system must have at most {_SETTING_CHARACTERS} characters together",
            "messages",
        )
    return (given or Scenario()).model_copy(update={"setting": setting})


def _generation(asked: ChatCompletionRequest, model: str | None) -> GenerationOptions:
    return GenerationOptions(
        model=model,
        temperature=asked.temperature,
        top_p=max(asked.top_p, _SMALLEST_TOP_P) if asked.top_p is not None else None,
        max_tokens=asked.longest_reply,
        seed=asked.seed,
        stop=asked.stops,
        presence_penalty=asked.presence_penalty or None,
        frequency_penalty=asked.frequency_penalty or None,
    )
