"""What people said outside of the service: A/B votes and reviews, as CSV files."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from repartee_eval.preferences.example import Example, PromptTurn, user_hash
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.logged_prompts import LoggedReply
from repartee_tune.data.sources import REVIEW_COLUMNS, VOTE_COLUMNS
from repartee_tune.errors import TuneError

_PROMPT: Final = TypeAdapter(tuple[PromptTurn, ...])
_VOTES: Final = {"a": 0.0, "tie": 0.5, "b": 1.0}


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a CSV file with what it is called in errors."""

    where: str
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name) or ""


def vote_examples(
    path: Path, logged: Mapping[str, LoggedReply], least: float, funnel: Funnel
) -> list[Example]:
    """Return one pair per item whose winner has a share of `least` of the votes, ties counted half.

    Each voter counts once per item, with the last vote. Raises TuneError naming line and column.
    """
    items: dict[str, list[_Line]] = defaultdict(list)
    for line in _lines(path, VOTE_COLUMNS):
        items[line["item"]].append(line)
    found = []
    for lines in items.values():
        votes = {line["voter"] or line.where: _vote(line) for line in lines}
        p_b = sum(votes.values()) / len(votes)
        if max(p_b, 1 - p_b) < least or p_b == 0.5:
            funnel.count("below_margin", "vote")
        else:
            found.append(_voted(lines[0], p_b, len(votes), logged))
    funnel.add(found)
    return found


def review_examples(
    path: Path, logged: Mapping[str, LoggedReply], funnel: Funnel, *, pairs: bool
) -> list[Example]:
    """Return accepted replies as good, rejected ones as bad, and edits as good.

    With `pairs` an edit stands against the reply that it replaced, and nothing else gives a pair.
    Raises TuneError naming line and column.
    """
    found = [one for line in _lines(path, REVIEW_COLUMNS) for one in _reviewed(line, logged, pairs=pairs)]
    funnel.add(found)
    return found


def _vote(line: _Line) -> float:
    if line["vote"] not in _VOTES:
        raise TuneError(f"{line.where}: vote: must be a, b or tie")
    return _VOTES[line["vote"]]


def _voted(line: _Line, p_b: float, votes: int, logged: Mapping[str, LoggedReply]) -> Example:
    good, bad = ("b", "a") if p_b > 0.5 else ("a", "b")
    return Example(
        **_common(line, logged),
        source="vote",
        margin=round(abs(2 * p_b - 1), 6),
        chosen=_required(line, f"reply_{good}"),
        rejected=_required(line, f"reply_{bad}"),
        chosen_model=line[f"model_{good}"],
        rejected_model=line[f"model_{bad}"],
        judges=(f"people:{votes}",),
    )


def _reviewed(line: _Line, logged: Mapping[str, LoggedReply], *, pairs: bool) -> Iterator[Example]:
    verdict = line["verdict"]
    if verdict not in {"accept", "reject", "edit"}:
        raise TuneError(f"{line.where}: verdict: must be accept, reject or edit")
    known = logged.get(line["reply_id"])
    reply = line["reply"] or (known.text if known else "") or _required(line, "reply")
    common = {**_common(line, logged), "source": f"review-{verdict}", "judges": ("people:1",)}
    model = line["model"]
    if verdict == "edit":
        edited = _required(line, "edited")
        bad = {"rejected": reply, "rejected_model": model} if pairs else {}
        yield Example(**common, chosen=edited, chosen_model="person", **bad)
    elif not pairs:
        side = "chosen" if verdict == "accept" else "rejected"
        yield Example(**{**common, side: reply, f"{side}_model": model})


def _common(line: _Line, logged: Mapping[str, LoggedReply]) -> dict[str, Any]:
    known = logged.get(line["reply_id"])
    return {
        "prompt": known.prompt if known else _prompt(line),
        "prompt_from": "logged" if known else "given",
        "character": line["character"],
        "dialogue": line["dialogue"] or f"item:{line['item']}",
        "user": known.user if known else user_hash(line["user"]),
        "case": line["item"],
        "language": line["language"],
        "reply_ids": (line["reply_id"],) if line["reply_id"] else (),
    }


def _prompt(line: _Line) -> tuple[PromptTurn, ...]:
    text = line["prompt"].strip()
    if not text:
        why = "is not in the event log among the sources" if line["reply_id"] else "or reply_id is needed"
        raise TuneError(f"{line.where}: {'reply_id' if line['reply_id'] else 'prompt'}: {why}")
    if not text.startswith("["):
        return (PromptTurn(role="user", content=text),)
    try:
        return _PROMPT.validate_python(json.loads(text))
    except (ValueError, ValidationError):
        raise TuneError(f"{line.where}: prompt: must be text, or a JSON list of role and content") from None


def _required(line: _Line, name: str) -> str:
    if not line[name].strip():
        raise TuneError(f"{line.where}: {name}: must not be empty")
    return line[name]


def _lines(path: Path, columns: Iterable[str]) -> Iterator[_Line]:
    csv.field_size_limit(1 << 24)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            double = [name for name, count in Counter(reader.fieldnames or ()).items() if count > 1]
            if missing := [*double, *sorted(set(columns) - set(reader.fieldnames or ()))]:
                raise TuneError(f"{path}: the column {missing[0]} must be there once")
            for values in reader:
                where = f"{path} line {reader.line_num}"
                if None in values:
                    raise TuneError(f"{where}: has more values than there are columns")
                yield _required_item(_Line(where, values))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TuneError(f"{path} cannot be read as CSV: {type(error).__name__}") from None


def _required_item(line: _Line) -> _Line:
    _required(line, "item")
    return line
