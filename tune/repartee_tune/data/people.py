"""What people said outside of the service: A/B votes and reviews, as CSV files."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.strict_json import read_json
from repartee_eval.dialogues.fingerprints import normalised, user_hash
from repartee_eval.preferences.example import Example, PromptTurn
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.logged_prompts import LoggedReply
from repartee_tune.data.csv_tables import Line, read_table
from repartee_tune.errors import TuneError

_PROMPT: Final = TypeAdapter(tuple[PromptTurn, ...])
_VOTES: Final = {"a": 0.0, "tie": 0.5, "b": 1.0}
_VERDICTS: Final = ("accept", "reject", "edit")

Logged = Mapping[str, LoggedReply]


def vote_examples(path: Path, logged: Logged, least: float, funnel: Funnel) -> list[Example]:
    """Return one pair per item whose winner has a share of `least` of the votes, ties counted half.

    Each voter counts once per item, with the last vote. Lines of an item may show its replies in either
    order. Raises TuneError naming line and column.
    """
    items: dict[str, list[Line]] = defaultdict(list)
    for line in _lines(path):
        items[line.told("item")].append(line)
    found = []
    for lines in items.values():
        votes = {line.told("voter") or line.where: _vote(line, lines[0]) for line in lines}
        p_b = sum(votes.values()) / len(votes)
        if not _prompt(lines[0], logged):
            funnel.count(_why_no_prompt(lines[0], logged), "vote")
        elif max(p_b, 1 - p_b) < least or p_b == 0.5:
            funnel.count("below_margin", "vote")
        else:
            found.append(_voted(lines[0], p_b, len(votes), logged))
    funnel.add(found)
    return found


def review_examples(path: Path, logged: Logged, funnel: Funnel, *, pairs: bool) -> list[Example]:
    """Return accepted replies as good, rejected ones as bad, and edits as good.

    With `pairs` an edit stands against the reply that it replaced, and nothing else gives a pair.
    Raises TuneError naming line and column.
    """
    found: list[Example] = []
    for line in _lines(path):
        if _prompt(line, logged):
            found += _reviewed(line, logged, pairs=pairs)
        else:
            funnel.count(_why_no_prompt(line, logged), "review")
    funnel.add(found)
    return found


def _vote(line: Line, first: Line) -> float:
    """Return 1 for a vote for what the item's first line calls B, 0 for A."""
    vote = line.told("vote").lower()
    if vote not in _VOTES:
        raise TuneError(f"{line.where}: vote: must be a, b or tie")
    shown, known = (
        tuple(normalised(each.required(name)) for name in ("reply_a", "reply_b")) for each in (line, first)
    )
    if shown not in {known, known[::-1]}:
        raise TuneError(
            f"{line.where}: item: has other replies than on {first.where}: give it an id of its own"
        )
    return _VOTES[vote] if shown == known else 1 - _VOTES[vote]


def _voted(line: Line, p_b: float, votes: int, logged: Logged) -> Example:
    good, bad = ("b", "a") if p_b > 0.5 else ("a", "b")
    known = logged.get(line.told("reply_id"))
    models = {
        side: line.told(f"model_{side}") or _model_of(known, line[f"reply_{side}"]) for side in (good, bad)
    }
    return Example(
        **_common(line, logged),
        source="vote",
        margin=round(abs(2 * p_b - 1), 6),
        chosen=line[f"reply_{good}"],
        rejected=line[f"reply_{bad}"],
        chosen_model=models[good],
        rejected_model=models[bad],
        truncated=_was_cut(known, line[f"reply_{good}"]),
        judges=(f"people:{votes}",),
    )


def _reviewed(line: Line, logged: Logged, *, pairs: bool) -> Iterator[Example]:
    verdict = line.told("verdict").lower()
    if verdict not in _VERDICTS:
        raise TuneError(f"{line.where}: verdict: must be accept, reject or edit")
    known = logged.get(line.told("reply_id"))
    reply = line["reply"] if line["reply"].strip() else known.text if known else line.required("reply")
    common = {**_common(line, logged), "source": f"review-{verdict}", "judges": ("people:1",)}
    model = line.told("model") or _model_of(known, reply)
    if verdict == "edit":
        edited = line.required("edited")
        bad = {"rejected": reply, "rejected_model": model} if pairs else {}
        yield Example(**common, chosen=edited, chosen_model="person", **bad)
    elif not pairs:
        side = "chosen" if verdict == "accept" else "rejected"
        yield Example(**{**common, side: reply, f"{side}_model": model}, truncated=_was_cut(known, reply))


def _model_of(known: LoggedReply | None, reply: str) -> str:
    return known.model if known is not None and normalised(known.text) == normalised(reply) else ""


def _was_cut(known: LoggedReply | None, reply: str) -> bool:
    return known is not None and known.truncated and normalised(known.text) == normalised(reply)


def _common(line: Line, logged: Logged) -> dict[str, Any]:
    known = logged.get(line.told("reply_id"))
    item = line.told("item")
    return {
        "prompt": _prompt(line, logged),
        "prompt_from": "logged" if known and known.prompt else "given",
        "character": line.told("character"),
        "dialogue": line.told("dialogue") or f"item:{item}",
        "user": known.user if known else user_hash(line.told("user")),
        "case": item,
        "language": line.told("language") or (known.language if known else ""),
        "reply_ids": (line.told("reply_id"),) if line.told("reply_id") else (),
    }


def _prompt(line: Line, logged: Logged) -> Sequence[PromptTurn]:
    """Return the prompt: of the log where the reply is in it, else the line's own.

    Empty for logged replies that answer no prompt of a user, as greetings. Raises TuneError.
    """
    known, text = logged.get(line.told("reply_id")), line["prompt"].strip()
    if known is not None and (known.prompt or not text):
        return known.prompt
    if not text:
        if line.told("reply_id"):
            raise TuneError(f"{line.where}: reply_id: is not in the event log among the sources")
        raise TuneError(f"{line.where}: prompt: or reply_id is needed")
    if "".join(text[:20].split())[:2] != "[{":
        return (PromptTurn(role="user", content=text),)
    try:
        return _PROMPT.validate_python(read_json(text))
    except (ChatError, ValidationError):
        raise TuneError(f"{line.where}: prompt: must be text, or a JSON list of role and content") from None


def _why_no_prompt(line: Line, logged: Logged) -> str:
    return "operator_text" if logged[line.told("reply_id")].is_operators else "no_prompt"


def _lines(path: Path) -> Iterator[Line]:
    for line in read_table(path).lines():
        line.required("item")
        yield line
