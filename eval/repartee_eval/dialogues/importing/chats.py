"""Chats as `repartee.domain.chat_files` reads them become dialogues."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.lines import Line
from repartee.domain.chat_files.strict_json import write_json
from repartee.domain.chat_files.transcript import Transcript
from repartee_eval.dialogues.dialogue import Dialogue, Discarded, Turn
from repartee_eval.dialogues.importing.casting import Cast, Casting
from repartee_eval.dialogues.jsonl import problem_of

_ID: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,150}")
_SPOKEN_DATES: Final = ("%B %d, %Y %I:%M%p", "%Y-%m-%d @%Hh %Mm %Ss %fms")


def dialogue_of(transcript: Transcript, casting: Casting, source: str) -> Dialogue:
    """Return the dialogue of a chat. Raises ChatError."""
    lines = [line for line in transcript.lines if line.is_spoken and _is_told(line, source)]
    if not any(line.speaker == "user" for line in lines):
        raise ChatError("has no message of the user")
    chat_id = f"{source}-{_chat_key(transcript, lines)}"
    cast = _cast(transcript, casting)
    try:
        return Dialogue(
            id=chat_id,
            character_id=cast.character_id,
            character=cast.character,
            user=transcript.cast.user,
            messages=tuple(_turns(lines, chat_id, transcript.header.get("model"))),
            source=source,
        )
    except ValidationError as error:
        raise ChatError(problem_of(error)) from None


def _is_told(line: Line, source: str) -> bool:
    """Whether a narrator's line is part of the story; later system messages are instructions to the model."""
    return line.speaker != "narrator" or source == "sillytavern"


def _cast(transcript: Transcript, casting: Casting) -> Cast:
    who = transcript.cast.character
    if isinstance(who, Mapping):
        return casting.given or casting.of_card(who)
    prompt = [
        line.text for line in transcript.lines if line.hidden and line.text and line.speaker == "narrator"
    ]
    return casting.named(who, "\n\n".join(prompt) if transcript.origin == "openai" else "")


def _chat_key(transcript: Transcript, lines: list[Line]) -> str:
    """Return what stays the same when a chat grows: its own id, or its start where a file is one chat."""
    own = transcript.header.get("id")
    if isinstance(own, str) and _ID.fullmatch(own):
        return own
    if transcript.origin == "sillytavern":
        header = transcript.header
        metadata = header.get("chat_metadata")
        integrity = metadata.get("integrity") if isinstance(metadata, Mapping) else None
        parts = [integrity] if integrity else [header.get("create_date"), _start(lines)]
    else:
        parts = [[line.speaker, line.text] for line in transcript.lines]
    return hashlib.sha256(write_json(parts).encode()).hexdigest()[:24]


def _start(lines: list[Line]) -> list[Any]:
    first = lines[0].kept or {}
    return [lines[0].name, lines[0].text if lines[0].speaker == "user" else first.get("send_date")]


def _turns(lines: list[Line], chat_id: str, model: Any) -> Iterator[Turn]:
    group = len({line.name for line in lines if line.speaker != "user"}) > 1
    for place, line in enumerate(lines, start=1):
        turn_id = f"{chat_id}.{place}"
        replied = line.speaker == "character"
        yield Turn(
            id=turn_id,
            role=line.role,
            text=line.text,
            speaker=line.name if group and line.role == "character" else "",
            model=_model(line, model) if replied else None,
            at=_date((line.kept or {}).get("send_date")),
            discarded=tuple(_swipes(line, turn_id)) if replied else (),
        )


def _swipes(line: Line, turn_id: str) -> Iterable[Discarded]:
    """Yield what SillyTavern's user swiped away. A chat's first line has other greetings there."""
    swipes = (line.kept or {}).get("swipes") or ()
    for place, text in enumerate(swipes):
        if turn_id.endswith(".1") or not text.strip() or text == line.text:
            continue
        yield Discarded(id=f"{turn_id}.swipe-{place}", text=text, feedback=("regenerate",))


def _model(line: Line, model: Any) -> str | None:
    extra = (line.kept or {}).get("extra")
    own = extra.get("model") if isinstance(extra, Mapping) else None
    return next((name for name in (own, model) if isinstance(name, str) and name), None)


def _date(value: Any) -> datetime | None:
    """Return when a message was sent; dates in a form that is not known are left out."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 4e12:
        return datetime.fromtimestamp(value / 1_000, UTC)
    if not isinstance(value, str):
        return None
    for read in (datetime.fromisoformat, *(_reader(form) for form in _SPOKEN_DATES)):
        try:
            date: datetime = read(value)
        except ValueError:
            continue
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    return None


def _reader(form: str) -> Any:
    return lambda value: datetime.strptime(value, form)  # noqa: DTZ007  # the zone is put in by the caller
