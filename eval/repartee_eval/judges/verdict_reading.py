"""A judge's raw answer to a pairwise question, read into verdicts about sides A and B."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from repartee.domain.text import without_controls
from repartee_eval.cases import Order
from repartee_eval.judges.answers import Content, Found, content_of, object_in
from repartee_eval.judges.logprobs import first_is_better
from repartee_eval.judges.question import Question, Unreadable
from repartee_eval.judges.reading import Reading

_MOST_REASON: Final = 4_000
Said = Literal["a", "b", "tie", "not_applicable"]


def read_verdict(question: Question, raw: str) -> tuple[Reading, ...] | Unreadable:
    """Return one reading per criterion, in the question's order, or why there is none.

    Pure; raises nothing for any `raw`. All criteria of a joint question are read, or none.
    """
    content = content_of(raw)
    if isinstance(content, Unreadable):
        return content
    wanted = question.criteria if question.joint else ("",)
    found = object_in(
        content, question, lambda value: _matches(value, question, wanted), _keys(question, wanted)
    )
    if isinstance(found, Unreadable):
        return found
    shares = _shares(content, found, question, wanted)
    return tuple(
        _reading(question, name, _part(found.value, part), found, share)
        for name, part, share in zip(question.criteria, wanted, shares, strict=True)
    )


def side_of(label: str, order: Order) -> Said:
    """Return whom a label names: 1 is the side shown first.

    An involution: what 1 names in one order, 2 names in the other.
    """
    if label == "1":
        return "a" if order == "ab" else "b"
    if label == "2":
        return "b" if order == "ab" else "a"
    return "tie" if label == "tie" else "not_applicable"


def _keys(question: Question, wanted: Sequence[str]) -> dict[str, int]:
    named = {name: 1 for name in wanted if name}
    reasons = {"reason": len(wanted)} if question.mode == "reasoned" else {}
    return {**named, **reasons, "verdict": len(wanted)}


def _matches(value: Mapping[str, Any], question: Question, wanted: Sequence[str]) -> bool:
    if wanted != ("",) and set(value) != set(wanted):
        return False
    return all(_is_verdict(_part(value, name), question) for name in wanted)


def _part(value: Mapping[str, Any], name: str) -> Any:
    return value[name] if name else value


def _is_verdict(value: Any, question: Question) -> bool:
    fields = {"reason", "verdict"} if question.mode == "reasoned" else {"verdict"}
    if not isinstance(value, dict) or set(value) != fields:
        return False
    return _label(value["verdict"], question) is not None and isinstance(value.get("reason", ""), str)


def _label(value: Any, question: Question) -> str | None:
    """Return the label that was meant: a number or another letter case is as clear as the label itself."""
    text = str(value) if type(value) is int else value
    label = text.strip().casefold() if isinstance(text, str) else None
    return label if label in question.labels else None


def _reading(question: Question, name: str, value: Any, found: Found, share: float | None) -> Reading:
    label, order = _label(value["verdict"], question), question.order or "ab"
    if share is not None and order == "ab":
        share = 1.0 - share
    return Reading(
        criterion=name,
        verdict=side_of(label or "", order),
        p_b=share,
        reason=without_controls(str(value.get("reason", "")))[:_MOST_REASON],
        repaired=found.repaired or value["verdict"] != label,
    )


def _shares(content: Content, found: Found, question: Question, wanted: Sequence[str]) -> list[float | None]:
    """Return P(first) for each criterion; none of a repaired answer, whose places are not certain."""
    if found.repaired or not content.logprobs:
        return [None] * len(wanted)
    written = first_is_better(content.text, content.logprobs, question.labels)
    if len(written) != len(wanted):
        return [None] * len(wanted)
    at = dict(zip(found.value if question.joint else wanted, written, strict=True))
    return [at[name] for name in wanted]
