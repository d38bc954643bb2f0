"""Facts and users from files that people write by hand. Errors name the file and the place in it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from repartee.application.add_facts import NewFact
from repartee.domain.user import User
from repartee.presentation.cli.failures import UserMistake

Model = TypeVar("Model", bound=BaseModel)

_WRITTEN_BY_US: Final = frozenset(
    {"id", "created_at", "invalid_at", "superseded_by"}
)  # what `facts list --json` adds to a fact


@dataclass(frozen=True, slots=True)
class UserFile:
    """Somebody who chats, and what is to be remembered about them."""

    user: User
    facts: tuple[NewFact, ...]


def read_facts(path: Path) -> list[NewFact]:
    """Return the facts of a .json, .jsonl or .txt file, each once. Raises UserMistake.

    JSON is a list of strings or of `{"text": …, "owner": "user" | "character"}`, or an object with such a
    list under `facts`. JSON Lines has one of those per line. In a text file each line is a fact; blank lines
    and lines that start with `#` are skipped.
    """
    text = read_text(path)
    kind = path.suffix.lower()
    if kind == ".json":
        found = _from_json(path, parsed(path, text))
    elif kind == ".jsonl":
        found = [valid_fact(f"{path}, line {line}", parsed(path, row, line)) for line, row in _rows(text)]
    elif kind == ".txt":
        found = [
            valid_fact(f"{path}, line {line}", row) for line, row in _rows(text) if not row.startswith("#")
        ]
    else:
        raise UserMistake(f"{path}: name it .json, .jsonl or .txt, so that its format is known")
    if not found:
        raise UserMistake(f"{path} holds no facts")
    return list({(fact.owner, fact.text): fact for fact in found}.values())


def read_user_file(path: Path) -> UserFile:
    """Return the user of a `{"user": {…}, "facts": […]}` file. Raises UserMistake."""
    content = parsed(path, read_text(path))
    if not isinstance(content, Mapping) or "user" not in content:
        raise UserMistake(
            f'{path}: a user file looks like {{"user": {{"id": "…", "name": "…"}}, "facts": […]}}'
        )
    user = valid(f"{path}: user", User, content["user"])
    return UserFile(user=user, facts=tuple(_from_json(path, content)) if "facts" in content else ())


def user_of(path: Path) -> User | None:
    """Return the user whom a file of facts names, if it does."""
    if path.suffix.lower() != ".json":
        return None
    content = parsed(path, read_text(path))
    return read_user_file(path).user if isinstance(content, Mapping) and "user" in content else None


def valid_fact(place: str, item: Any) -> NewFact:
    """Return a fact given as a text or as an object. Raises UserMistake that starts with `place`."""
    if isinstance(item, str):
        return valid(place, NewFact, {"text": item})
    if isinstance(item, Mapping):
        return valid(place, NewFact, {key: item[key] for key in item if key not in _WRITTEN_BY_US})
    raise UserMistake(f'{place}: must be a text or {{"text": "…", "owner": "user"}}')


def read_text(path: Path) -> str:
    """Return a file's text, with or without a byte order mark, line ends as `\\n`. Raises UserMistake."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserMistake(f"{path}: {error.strerror or error}") from None
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UserMistake(f"{path}, line {line}: is not UTF-8 text: save the file as UTF-8") from None


def _rows(text: str) -> Iterator[tuple[int, str]]:
    rows = ((line, row.strip()) for line, row in enumerate(text.split("\n"), start=1))
    return ((line, row) for line, row in rows if row)


def _from_json(path: Path, content: Any) -> list[NewFact]:
    items = content.get("facts") if isinstance(content, Mapping) else content
    if not isinstance(items, list):
        raise UserMistake(f'{path}: must be a list of facts, or an object with such a list under "facts"')
    return list(_numbered(path, items))


def _numbered(path: Path, items: Iterable[Any]) -> Iterator[NewFact]:
    for number, item in enumerate(items, start=1):
        yield valid_fact(f"{path}, fact {number}", item)


def valid(place: str, model: type[Model], value: Any) -> Model:
    """Return `value` as the model. Raises UserMistake that starts with `place` and names the field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = "".join(f" {part}:" for part in first["loc"][:1])
        raise UserMistake(f"{place}:{field} {first['msg'].removeprefix('Value error, ')}") from None


def parsed(path: Path, text: str, line: int = 1) -> Any:
    """Return what JSON says that starts in this line of the file. Raises UserMistake."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{path}, line {line + error.lineno - 1}, column {error.colno}"
        raise UserMistake(f"{place}: is not JSON: {error.msg}") from None
    except RecursionError:
        raise UserMistake(f"{path}: is nested too deeply") from None
