"""How sure the judge was: the probability of each label at the place where the verdict's value begins.

The token that covers the value's first sign decides. Each of its alternatives is stripped of white space and
quotes before it, and its first run of letters and digits is compared: `1`, ` 1`, `"1` and `1"}` all mean 1; a
start of `tie` or `not_applicable` (`t`, `ti`, `not`) means that label. Alternatives that mean no label are
left out, as is not_applicable. P(first) = (m1 + m_tie / 2) / (m1 + m2 + m_tie), where m are the sums of the
probabilities; None where the labels hold less than half of the mass that is known, since the token then was
not where the verdict was decided. AlpacaEval 2 takes its weighted preference from the same place.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeGuard

import regex

_VALUE: Final = regex.compile(rb'"verdict"\s*:\s*"?\s*(?=[^"\s])')
_RUN: Final = regex.compile(r"[\s:\"'“”]*([A-Za-z0-9_]+)")
_LEAST_MASS: Final = 0.5


def first_is_better(
    text: str, tokens: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> list[float | None]:
    """Return P(the first shown is better) for each `verdict` in `text`, in the order in which they stand.

    `tokens`: `logprobs.content` of a chat completion. Empty where the tokens do not spell `text`.
    """
    pieces = [_bytes(token) for token in tokens]
    spelled = b"".join(pieces)
    if spelled.strip() != text.strip().encode():
        return []
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + len(piece))
    places = [match.end() for match in _VALUE.finditer(spelled)]
    return [_share(tokens[_covering(starts, place)], labels) for place in places]


def _bytes(token: Mapping[str, Any]) -> bytes:
    given = token.get("bytes")
    if isinstance(given, list) and all(type(byte) is int and 0 <= byte < 256 for byte in given):
        return bytes(given)
    return str(token.get("token", "")).encode(errors="replace")


def _covering(starts: Sequence[int], place: int) -> int:
    return next(index for index in range(len(starts) - 1) if starts[index] <= place < starts[index + 1])


def _share(token: Mapping[str, Any], labels: Sequence[str]) -> float | None:
    mass = dict.fromkeys(labels, 0.0)
    known = 0.0
    for text, probability in _alternatives(token):
        known += probability
        if (label := _meant(text, labels)) is not None:
            mass[label] += probability
    first, second, tie = mass["1"], mass["2"], mass.get("tie", 0.0)
    if not known or (total := first + second + tie) < _LEAST_MASS * known or not total:
        return None
    return (first + tie / 2) / total


def _alternatives(token: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield each alternative once, the chosen token included."""
    seen: set[str] = set()
    others = token.get("top_logprobs")
    for entry in [token, *(others if isinstance(others, list) else [])]:
        text = entry.get("token") if isinstance(entry, dict) else None
        logprob = entry.get("logprob") if isinstance(entry, dict) else None
        if isinstance(text, str) and text not in seen and _is_number(logprob):
            seen.add(text)
            yield text, math.exp(max(-1_000.0, min(0.0, logprob)))


def _is_number(value: Any) -> TypeGuard[float]:
    """Tell a number from anything else; NaN is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # noqa: PLR0124


def _meant(text: str, labels: Sequence[str]) -> str | None:
    match = _RUN.match(text)
    run = match[1].casefold() if match else ""
    return next((label for label in labels if run == label or (run and label.startswith(run))), None)
