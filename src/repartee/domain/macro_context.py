"""What macros without an argument stand for in one place of a chat."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from repartee.domain.macro_values import in_words, moment

_MOMENTS: Final = frozenset({"time", "date", "weekday", "isodate", "isotime"})


@dataclass(frozen=True, slots=True)
class MacroContext:
    """The values of macros. None leaves a macro as it is written.

    `seed` is the request's: it decides `{{random}}` and `{{roll}}`; `chat_seed` is the chat's: it decides
    `{{pick}}`. `now` is in the user's time zone, `idle` the time since the user's last message. `group` holds
    the names of a group chat's characters, also of those that are `muted`, and is empty where there is one.
    """

    char: str
    user: str
    group: tuple[str, ...] = ()
    muted: tuple[str, ...] = ()
    persona: str | None = None
    description: str | None = None
    personality: str | None = None
    scenario: str | None = None
    mes_examples: str | None = None
    original: str | None = None
    last_message: str | None = None
    last_user_message: str | None = None
    last_char_message: str | None = None
    now: datetime | None = None
    idle: timedelta | None = None
    seed: int | str | None = None
    chat_seed: int | str | None = None


_Read = Callable[[MacroContext], str | None]


def plain_values(context: MacroContext) -> dict[str, str]:
    """Return every value that the caller gave, by the macro's name."""
    given = {name: read(context) for name, read in _READERS.items()}
    return {name: value for name, value in given.items() if value is not None}


def plain_value(name: str, context: MacroContext) -> str | None:
    """Return the value of one macro; None where it is not known or not given."""
    read = _READERS.get(name)
    return None if read is None else read(context)


def _everybody(context: MacroContext) -> str:
    return ", ".join(context.group) or context.char


def _all_but_char(context: MacroContext) -> str:
    return ", ".join((*(name for name in context.group if name != context.char), context.user))


def _not_muted(context: MacroContext) -> tuple[str, ...]:
    return tuple(name for name in context.group or (context.char,) if name not in context.muted)


def _moment(name: str) -> _Read:
    return lambda context: None if context.now is None else moment(name, context.now)


_READERS: Final[Mapping[str, _Read]] = {
    "newline": lambda _: "\n",
    "noop": lambda _: "",
    "char": lambda context: context.char,
    "user": lambda context: context.user,
    "group": _everybody,
    "charifnotgroup": _everybody,
    "groupnotmuted": lambda context: ", ".join(_not_muted(context)),
    "notchar": _all_but_char,
    "persona": lambda context: context.persona,
    "description": lambda context: context.description,
    "personality": lambda context: context.personality,
    "scenario": lambda context: context.scenario,
    "mesexamples": lambda context: context.mes_examples,
    "original": lambda context: context.original,
    "lastmessage": lambda context: context.last_message,
    "lastusermessage": lambda context: context.last_user_message,
    "lastcharmessage": lambda context: context.last_char_message,
    "idle_duration": lambda context: None if context.idle is None else in_words(context.idle),
    **{name: _moment(name) for name in _MOMENTS},
}
