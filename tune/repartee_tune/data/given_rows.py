"""Rows that are there already: TRL's formats, and `{"input", "output"}` of exported tasks."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from repartee_eval.preferences.example import Example, user_hash
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.reply_records import json_lines
from repartee_tune.errors import TuneError

_KEPT = (
    "character",
    "dialogue",
    "language",
    "case",
    "run",
    "chosen_model",
    "rejected_model",
    "judges",
    "criteria",
)


def given_examples(path: Path, funnel: Funnel) -> list[Example]:
    """Return the rows of a JSON Lines file. Raises TuneError naming line and field.

    Rows may say `character`, `dialogue`, `language` and `user`, by themselves or in `provenance`; what has no
    dialogue is one of its own.
    """
    found = [_example(where, row) for where, row in json_lines([path])]
    funnel.add(found)
    return found


def _example(where: str, row: Mapping[str, Any]) -> Example:
    told = row.get("provenance") if isinstance(row.get("provenance"), dict) else {}
    said = {**(told or {}), **{name: row[name] for name in (*_KEPT, "user", "score") if name in row}}
    fields: dict[str, Any] = {name: said[name] for name in _KEPT if said.get(name)}
    if isinstance(row.get("margin"), int | float) and not isinstance(row.get("margin"), bool):
        fields["margin"] = min(1.0, max(0.0, float(row["margin"])))
    try:
        return Example.model_validate(
            {
                **fields,
                **_replies(where, row),
                "source": "given",
                "user": _user(said),
                "score": said.get("score"),
            }
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the row"
        raise TuneError(f"{where}: {field}: {first['msg']}") from None


def _user(said: Mapping[str, Any]) -> str:
    user = str(said.get("user") or "")
    return user if len(user) == 64 and set(user) <= set("0123456789abcdef") else user_hash(user)


def _replies(where: str, row: Mapping[str, Any]) -> dict[str, Any]:
    if "input" in row and "output" in row:
        return {
            "prompt": _turns(where, "input", row["input"]),
            "chosen": _text(where, "output", row["output"]),
        }
    prompt = {"prompt": _turns(where, "prompt", row.get("prompt"))}
    if "chosen" in row:
        return prompt | {name: _text(where, name, row.get(name)) for name in ("chosen", "rejected")}
    label = row.get("label", True)
    if not isinstance(label, bool):
        raise TuneError(f"{where}: label: must be true or false")
    return prompt | {"chosen" if label else "rejected": _text(where, "completion", row.get("completion"))}


def _turns(where: str, name: str, value: Any) -> list[dict[str, Any]]:
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    return list(_messages(where, name, value))


def _messages(where: str, name: str, value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise TuneError(f"{where}: {name}: must be text, or a list of messages with role and content")
    for one in value:
        yield {"role": one.get("role"), "content": one.get("content")}


def _text(where: str, name: str, value: Any) -> str:
    turns = [value] if isinstance(value, str) else [one["content"] for one in _messages(where, name, value)]
    if len(turns) != 1 or not isinstance(turns[0], str):
        raise TuneError(f"{where}: {name}: must be one reply, as text or as one message of the assistant")
    return turns[0]
