"""Gate 4: on the golden set the candidate is not worse than the champion, item by item."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repartee_eval.statistics.clustered_means import clustered_mean
from repartee_tune.errors import TuneError
from repartee_tune.gates.chrf import chrf
from repartee_tune.gates.policy import CanaryPolicy, GoldenPolicy
from repartee_tune.gates.responder import Reply, Responder, gather_replies
from repartee_tune.gates.result import GateResult

GATE: Final = "golden"
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Scorer = Callable[[str, Sequence[str]], float]
"""From a reply and its references to a score from 0 to 1; `chrf` where nothing better is given."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Row(_Part):
    item: str


_AnyRow = TypeVar("_AnyRow", bound=_Row)


class GoldenMessage(_Part):
    """One message of a golden item's prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class GoldenItem(_Row):
    """A prompt with replies that are good.

    Items of one `cluster` (a dialogue, a character) resemble each other.
    """

    messages: Annotated[tuple[GoldenMessage, ...], Field(min_length=1)]
    references: Annotated[tuple[str, ...], Field(min_length=1)]
    cluster: str = ""


class PairedScore(_Row):
    """What both models scored on one item, 0 to 1; lengths are of the replies, in characters."""

    candidate: Score
    champion: Score
    cluster: str = ""
    candidate_length: Annotated[int, Field(ge=0)] | None = None
    champion_length: Annotated[int, Field(ge=0)] | None = None


def load_items(path: Path) -> list[GoldenItem]:
    """Read golden items, one JSON object per line. Raises TuneError naming line and field."""
    return _distinct(path, [_valid(GoldenItem, content, where) for where, content in _json_lines(path)])


def load_scores(path: Path) -> list[PairedScore]:
    """Read paired scores from JSON lines or CSV. Raises TuneError naming line and field."""
    rows = _csv_rows(path) if path.suffix == ".csv" else _json_lines(path)
    return _distinct(path, [_valid(PairedScore, content, where) for where, content in rows])


@dataclass(frozen=True, slots=True)
class Answered:
    """Scores of the items that both models answered, and how many were not."""

    scores: tuple[PairedScore, ...]
    without_reply: int


async def answer_items(
    items: Sequence[GoldenItem],
    candidate: Responder,
    champion: Responder,
    policy: CanaryPolicy,
    scorer: Scorer = chrf,
) -> Answered:
    """Let both models answer every item and score the replies against the item's references."""
    prompts = [[message.model_dump() for message in item.messages] for item in items]
    ours = await gather_replies(candidate, prompts, policy.concurrency)
    theirs = await gather_replies(champion, prompts, policy.concurrency)
    scores = tuple(
        _scored(item, one, other, scorer)
        for item, one, other in zip(items, ours, theirs, strict=True)
        if one is not None and other is not None
    )
    return Answered(scores, len(items) - len(scores))


def check_golden(
    scores: Sequence[PairedScore], policy: GoldenPolicy, inputs: dict[str, str], without_reply: int = 0
) -> GateResult:
    """Pass where the interval of the mean paired difference lies above minus the margin; fail where it lies
    below.

    The interval is cluster-robust (`clustered_mean`), on (difference + 1) / 2, which is from 0 to 1.
    """
    clusters = [score.cluster or score.item for score in scores]
    halves = [(score.candidate - score.champion + 1) / 2 for score in scores]
    found = clustered_mean(halves, clusters, level=policy.level)
    if found.value is None or found.interval is None:
        return GateResult(
            GATE, "inconclusive", "no golden items: give --golden or --golden-scores", inputs=inputs
        )
    low, high = (2 * bound - 1 for bound in found.interval)
    value = 2 * found.value - 1
    thin = found.n < policy.least or found.clusters < policy.least_clusters or without_reply > 0
    if high < -policy.margin:
        decision, reason = "fail", f"the candidate scores {-value:.3f} lower"
    elif thin:
        decision = "inconclusive"
        reason = (
            f"{found.n} items in {found.clusters} clusters, {without_reply} without a reply; "
            f"{policy.least} in {policy.least_clusters} are needed"
        )
    elif low < -policy.margin:
        decision, reason = (
            "inconclusive",
            f"the interval reaches {low:.3f}, below -{policy.margin}: add items",
        )
    else:
        decision, reason = "pass", f"not worse than {policy.margin} ({value:+.3f})"
    return GateResult(
        GATE,
        decision,  # type: ignore[arg-type]
        reason,
        found.n,
        value,
        (low, high),
        f"lower bound >= -{policy.margin}",
        f"mean paired difference, {found.method}, two-sided {policy.level:.0%}",
        numbers={
            "clusters": found.clusters,
            "candidate": sum(score.candidate for score in scores) / len(scores),
            "champion": sum(score.champion for score in scores) / len(scores),
            "without_reply": without_reply,
        },
        inputs=inputs,
    )


def _scored(item: GoldenItem, one: Reply, other: Reply, scorer: Scorer) -> PairedScore:
    return PairedScore(
        item=item.item,
        candidate=scorer(one.text, item.references),
        champion=scorer(other.text, item.references),
        cluster=item.cluster,
        candidate_length=len(one.text),
        champion_length=len(other.text),
    )


def _json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(_text(path).split("\n"), 1):  # JSON strings may hold U+2028 and the like
        if line.strip():
            try:
                yield f"{path}:{number}", orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise TuneError(f"{path}:{number} is no JSON: {error}") from None


def _csv_rows(path: Path) -> Iterator[tuple[str, Any]]:
    reader = csv.DictReader(StringIO(_text(path), newline=""))  # a quoted cell may hold line breaks
    for row in reader:
        yield f"{path}:{reader.line_num}", {name: value for name, value in row.items() if value != ""}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise TuneError(f"{path} cannot be read: {type(error).__name__}") from None


def _valid(kind: type[_AnyRow], content: Any, where: str) -> _AnyRow:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise TuneError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _distinct(path: Path, rows: list[_AnyRow]) -> list[_AnyRow]:
    seen: set[str] = set()
    for row in rows:
        if row.item in seen:
            raise TuneError(f"{path}: item {row.item!r} stands there twice: one item is one observation")
        seen.add(row.item)
    return rows
