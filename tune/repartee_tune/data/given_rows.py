"""Rows that are there already: TRL's formats, and `{"input", "output"}` of exported tasks."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from repartee_eval.dialogues.fingerprints import user_hash
from repartee_eval.preferences.example import Example
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.reply_records import json_lines
from repartee_eval.preferences.user_hashes import is_hash
from repartee_tune.errors import TuneError

_KEPT = (
    "character",
    "dialogue",
    "language",
    "case",
    "run",
    "reply_ids",
    "judges",
    "criteria",
    "orders",
    "chosen_model",
    "rejected_model",
    "chosen_prompt_version",
    "rejected_prompt_version",
    "prompt_from",
    "weak",
    "flags",
    "truncated",
    "emulated",
    "score",
)


def given_examples(path: Path, funnel: Funnel) -> list[Example]:
    """Return the rows of a JSON Lines file. Raises TuneError naming line and field.

    Rows may say `character`, `dialogue`, `language`, `user`, `model` and what else `provenance` holds, by
    themselves or there; what has no dialogue is one of its own.
    """
    found = [_example(where, row) for where, row in json_lines([path])]
    funnel.add(found)
    return found


def _example(where: str, row: Mapping[str, Any]) -> Example:
    told = row.get("provenance") if isinstance(row.get("provenance"), dict) else {}
    said = {**(told or {}), **{name: row[name] for name in (*_KEPT, "user", "finish_reason") if name in row}}
    fields: dict[str, Any] = {name: said[name] for name in _KEPT if said.get(name)}
    replies = _replies(where, row)
    fields |= _models(where, row, replies)
    if said.get("finish_reason") == "length":
        fields["truncated"] = True
    if row.get("margin") is not None:
        fields["margin"] = min(1.0, max(0.0, _number(f"{where}: margin", row["margin"])))
    if said.get("score") is not None:
        fields["score"] = _number(f"{where}: score", said["score"])
        if not 0 <= fields["score"] <= 1:
            raise TuneError(f"{where}: score: must be from 0 to 1")
    try:
        return Example.model_validate(
            {**fields, **replies, "source": "given", "user": _user(where, said.get("user"))}
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the row"
        raise TuneError(f"{where}: {field}: {first['msg']}") from None


def _user(where: str, user: Any) -> str:
    if not isinstance(user, str | None):
        raise TuneError(f"{where}: user: must be an id, or its hash")
    return user or "" if is_hash(user or "") else user_hash(user)


def _models(where: str, row: Mapping[str, Any], replies: Mapping[str, Any]) -> dict[str, Any]:
    """Return whose words the one reply of a row is, where it says `model`."""
    if "model" not in row or {"chosen", "rejected"} <= replies.keys():
        return {}
    if not isinstance(row["model"], str | None):
        raise TuneError(f"{where}: model: must be a name")
    return {"chosen_model" if "chosen" in replies else "rejected_model": row["model"] or ""}


def _number(where: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TuneError(f"{where}: must be a number")
    try:
        return float(value)
    except OverflowError:
        raise TuneError(f"{where}: must be a number of a usual size") from None


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


def _replied(where: str, name: str, value: Any) -> Iterator[Any]:
    """Yield the contents of the assistant's messages; None for what is somebody else's."""
    for one in _messages(where, name, value):
        yield one["content"] if one["role"] == "assistant" else None


def _text(where: str, name: str, value: Any) -> str:
    turns = [value] if isinstance(value, str) else list(_replied(where, name, value))
    if len(turns) != 1 or not isinstance(turns[0], str):
        raise TuneError(f"{where}: {name}: must be one reply, as text or as one message of the assistant")
    return turns[0]
