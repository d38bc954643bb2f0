"""How the calls to the judges went: latency, cost, and why some gave no verdict."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from repartee_eval.run_result import RunResult
from repartee_eval.verdict_rows import VerdictRow


@dataclass(frozen=True, slots=True)
class JudgeCalls:
    """One judge's calls for verdicts. Latencies in seconds: percentiles of the calls with an answer.

    `seconds` is their sum, whatever ran at once. `cost` in US dollars, None where no answer said it. `failed`
    counts rows by reason: a call about three criteria that fails is three rows.
    """

    judge: str
    is_language_model: bool
    rows: int
    calls: int
    failed: Mapping[str, int]
    p50: float | None
    p90: float | None
    p99: float | None
    seconds: float
    cost: float | None


def judge_calls(result: RunResult) -> tuple[JudgeCalls, ...]:
    """Return the calls of every judge whose rows count."""
    by_judge: dict[str, list[VerdictRow]] = {}
    for row in result.rows:
        by_judge.setdefault(row.judge, []).append(row)
    return tuple(_calls(name, rows, result) for name, rows in by_judge.items())


def _calls(name: str, rows: list[VerdictRow], result: RunResult) -> JudgeCalls:
    section = result.manifest.judge(name)
    settings = section.settings if section else {}
    answered = list(_answered(rows, joint=bool(settings.get("joint"))))
    costs = [row.cost for row in rows if row.cost is not None]
    latencies = np.array(answered) if answered else None
    p50, p90, p99 = (
        (None, None, None) if latencies is None else map(float, np.percentile(latencies, (50, 90, 99)))
    )
    failed = Counter(row.failure for row in rows if row.failure)
    return JudgeCalls(
        judge=name,
        is_language_model=bool(settings.get("is_language_model", True)),
        rows=len(rows),
        calls=len(answered),
        failed=dict(sorted(failed.items())),
        p50=p50,
        p90=p90,
        p99=p99,
        seconds=sum(answered),
        cost=sum(costs) if costs else None,
    )


def _answered(rows: Iterable[VerdictRow], *, joint: bool) -> Iterable[float]:
    """Return the latency of every answered call; one call about all criteria has a row for each."""
    found = {
        (row.item, "" if joint else row.criterion, row.first, row.replicate): row.latency
        for row in rows
        if row.latency is not None
    }
    return found.values()
