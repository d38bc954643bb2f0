"""What a speaker's prompt says of the others in the scene, and how their lines stand in it."""

from collections.abc import Callable
from typing import Final, Literal

from repartee.application.ports import PromptMessage, Turn
from repartee.domain.cast import Cast, Member, label
from repartee.domain.control_tokens import all_neutralised, neutralised
from repartee.domain.dialogue import Message, Role
from repartee.domain.macros import MacroContext, expand

MOST_TOKENS_EACH: Final = 64
_SHARE_OF_ALL: Final = 16
_READ_CHARACTERS: Final = 2_000
_ROLES: Final[dict[Role, Literal["user", "assistant"]]] = {"user": "user", "character": "assistant"}
_SENTENCE_ENDS: Final = ".!?…。！？।"


def company_of(turn: Turn, count: Callable[[str], int], context_tokens: int) -> tuple[str, ...]:
    """Return one line about each of the others: the name and the beginning of the description.

    A description takes 64 tokens at most, and all together a sixteenth of the context.
    """
    if turn.cast is None:
        return ()
    others = turn.cast.others
    most = min(MOST_TOKENS_EACH, context_tokens // _SHARE_OF_ALL // max(len(others), 1))
    return tuple(_line(member, turn, count, most) for member in others)


def other_names(turn: Turn) -> tuple[str, ...]:
    """Return the names of the others, as they stand before their lines."""
    return tuple(label(member.name) for member in turn.cast.others) if turn.cast else ()


def as_sent(turn: Turn) -> tuple[PromptMessage, ...]:
    """Return the history. In a scene only the speaker's own lines are the assistant's.

    All others are the user's, each with its name in front: no model's template knows a third role, and
    without the names nobody could tell who said what.
    """
    texts = all_neutralised([message.text for message in turn.messages])
    if turn.cast is None:
        return tuple(
            [PromptMessage(_ROLES[one.role], text) for one, text in zip(turn.messages, texts, strict=True)]
        )
    pairs = zip(turn.messages, texts, strict=True)
    return tuple(_in_scene(message, text, turn.cast, turn.user.name) for message, text in pairs)


def _in_scene(message: Message, text: str, cast: Cast, user_name: str) -> PromptMessage:
    if cast.is_own(message):
        return PromptMessage("assistant", text)
    return PromptMessage("user", f"{neutralised(label(message.speaker or user_name))}: {text}")


def _line(member: Member, turn: Turn, count: Callable[[str], int], most: int) -> str:
    names = MacroContext(char=member.name, user=turn.user.name)
    card = member.character
    written = card.description.strip() or card.personality
    about = _shortened(" ".join(expand(written[:_READ_CHARACTERS], names).text.split()), count, most)
    return f"{label(member.name)}: {about}" if about else label(member.name)


def _shortened(text: str, count: Callable[[str], int], most: int) -> str:
    """Return the sentences that fit, else the words that do."""
    least, longest = 0, len(text)
    while least < longest:
        middle = (least + longest + 1) // 2
        least, longest = (middle, longest) if count(text[:middle]) <= most else (least, middle - 1)
    if least == len(text):
        return text
    cut = text[:least]
    sentence = max(cut.rfind(mark) for mark in _SENTENCE_ENDS) + 1
    if sentence:
        return cut[:sentence]
    words = cut.rpartition(" ")[0] or cut
    return f"{words}…" if words else ""
