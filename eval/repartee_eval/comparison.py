"""Judging cases: the calls of a run, all at once or in looks, and the rows that come of them."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import zip_longest
from typing import Final

from repartee_eval.analysis import Analysis
from repartee_eval.analysis.results import WinRate
from repartee_eval.cases import Case
from repartee_eval.derived import Derived, read_derived, with_earlier, write_derived
from repartee_eval.floor_checks import flagged, subjects_of
from repartee_eval.judges.pairwise import sending_order
from repartee_eval.judges.probes import Probe, probe_accuracy, probes_of
from repartee_eval.judges.rubrics import Flag
from repartee_eval.panel import Asking, Seat
from repartee_eval.policy import Policy
from repartee_eval.runs.folder import Run
from repartee_eval.runs.job import Job
from repartee_eval.runs.store_reader import StoreReader
from repartee_eval.runs.summary import RunSummary
from repartee_eval.statistics.confidence_sequence import METHOD, AnytimeInterval, ConfidenceSequence
from repartee_eval.verdict_rows import VerdictRow

LOOKS: Final = 20

Send = Callable[[Iterable[Job], int], Awaitable[RunSummary]]
"""Sends jobs, of which there are so many, through a runner with the run's limits."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run asks. `flags` empty: no floor checks. `probe_cases`: of how many cases probes are made."""

    asking: Asking
    flags: tuple[Flag, ...] = ()
    probe_cases: int = 0
    stop_early: bool = False


async def judge_cases(
    run: Run, cases: Sequence[Case], seats: Sequence[Seat], plan: Plan, policy: Policy, send: Send
) -> tuple[RunSummary, str]:
    """Make the calls of a plan that have no answer yet; return the last summary and why it stopped early.

    With `stop_early`, whole dialogues are judged in 20 looks, in an order drawn from the seed. After each the
    anytime-valid intervals are looked at; they hold however often one looks.
    """
    await run.store.put_cases((case.id, case.model_dump_json()) for case in cases)
    if not plan.stop_early:
        jobs = list(_jobs(cases, seats, plan))
        return await send(jobs, len(jobs)), ""
    done: list[Case] = []
    for look in _looks(cases, plan.asking.seed):
        done += look
        jobs = list(_jobs(look, seats, plan))
        summary = await send(jobs, len(jobs))
        if summary.stopped or summary.budget_spent:
            return summary, ""
        rows = rows_in(run.store, done, seats, plan)
        if reason := settled(rows, plan.asking.seed, policy):
            return summary, reason
    return summary, ""


async def derive(
    run: Run,
    cases: Sequence[Case],
    seats: Sequence[Seat],
    plan: Plan,
    *,
    replies: int = 0,
    unanswered: int = 0,
) -> None:
    """Read all kept answers and write what they say: verdict rows into the store, the rest beside it.

    `replies` were asked of models under test, and `unanswered` of them are missing. It costs nothing and can
    be done again at any time.
    """
    for seat in seats:
        await run.store.replace_rows(seat.judge.name, rows_in(run.store, cases, [seat], plan))
    probes = _probes(cases, plan)
    asked = [
        row for seat in seats for probe in probes for row in seat.rows(probe.case, plan.asking, run.store)
    ]
    found = flagged(cases, seats[0], plan.flags, run.store) if plan.flags else ()
    new = Derived(found, probe_accuracy(probes, asked), replies, unanswered)
    first = run.manifest.judges[0].id == seats[0].judge.name
    earlier = read_derived(run.folder) if len(run.manifest.judges) > 1 else Derived()
    write_derived(run.folder, with_earlier(new, earlier, same_floor_judge=first))


def rows_in(store: StoreReader, cases: Iterable[Case], seats: Sequence[Seat], plan: Plan) -> list[VerdictRow]:
    """Return the verdict rows of the cases by all judges."""
    return [row for case in cases for seat in seats for row in seat.rows(case, plan.asking, store)]


# --- calls --------------------------------------------------------------------------------------------


def _jobs(cases: Sequence[Case], seats: Sequence[Seat], plan: Plan) -> Iterator[Job]:
    """Yield all calls; those of several judges are mixed, so that none waits for another's limit."""
    probed = [probe.case for probe in _probes(cases, plan)]
    by_judge = [_of_judge([*cases, *probed], seat, plan) for seat in seats]
    by_judge.append(_floor_jobs(cases, seats[0], plan.flags))
    return (job for each in zip_longest(*by_judge) for job in each if job is not None)


def _of_judge(cases: Sequence[Case], seat: Seat, plan: Plan) -> Iterator[Job]:
    by_id = {case.id: case for case in cases}
    questions = (question for case in cases for question in seat.questions(case, plan.asking))
    for question in sending_order(questions, plan.asking.seed):
        yield seat.verdict_job(question, by_id[question.subject])


def _floor_jobs(cases: Sequence[Case], seat: Seat, flags: Sequence[Flag]) -> Iterator[Job]:
    for case in cases if flags else ():
        for _, subject in subjects_of(case):
            yield seat.flag_job(seat.flag_question(subject, flags), subject, flags)


def _probes(cases: Sequence[Case], plan: Plan) -> list[Probe]:
    if not plan.probe_cases:
        return []
    chosen = sorted(cases, key=lambda case: case.id)
    random.Random(plan.asking.seed).shuffle(chosen)
    return probes_of(chosen[: plan.probe_cases], plan.asking.seed)


# --- looks --------------------------------------------------------------------------------------------


def _looks(cases: Sequence[Case], seed: int) -> Iterator[list[Case]]:
    clusters: dict[str, list[Case]] = {}
    for case in cases:
        clusters.setdefault(case.cluster, []).append(case)
    names = _drawn(clusters, seed)
    size = -(-len(names) // LOOKS) or 1
    for start in range(0, len(names), size):
        yield [case for name in names[start : start + size] for case in clusters[name]]


def _drawn(clusters: Iterable[str], seed: int) -> list[str]:
    """Return the names in an order drawn from the seed, each by itself.

    So what was looked at so far is always the beginning of the whole: intervals that hold at every look need
    one order for all looks, not a new one for each.
    """
    return sorted(clusters, key=lambda name: (sha256(f"{seed}\x1f{name}".encode()).digest(), name))


def _anytime(rows: Sequence[VerdictRow], seed: int, policy: Policy) -> dict[str, AnytimeInterval]:
    """Return the interval of each criterion over the clusters in the order in which they are looked at.

    Over several criteria the error is shared equally (Bonferroni), so that all intervals hold at once.
    """
    scores: dict[str, dict[str, list[float]]] = {name: {} for name in policy.criteria}
    for row in rows:
        if row.criterion in scores and row.verdict in {"a", "b", "tie"}:
            score = {"a": 0.0, "tie": 0.5, "b": 1.0}[row.verdict]
            scores[row.criterion].setdefault(row.cluster, []).append(score)
    alpha = (1 - policy.level) / len(policy.criteria)
    intervals = {}
    for criterion, clusters in scores.items():
        sequence = ConfidenceSequence(alpha)
        for name in _drawn({row.cluster for row in rows}, seed):
            if values := clusters.get(name):
                sequence.update(sum(values) / len(values))
        intervals[criterion] = sequence.interval
    return intervals


def settled(rows: Sequence[VerdictRow], seed: int, policy: Policy) -> str:
    """Return why looking on changes nothing; empty where it may."""
    intervals = _anytime(rows, seed, policy)
    if any(one.n < policy.minimum_clusters for one in intervals.values()) or _too_few_items(rows, policy):
        return ""
    if worse := [name for name, one in intervals.items() if one.interval[1] < 0.5 - policy.margin]:
        return f"B is worse than the margin allows on {', '.join(worse)}"
    better = sum(one.interval[0] > 0.5 for one in intervals.values())
    as_good = all(one.interval[0] > 0.5 - policy.margin for one in intervals.values())
    if as_good and better >= policy.superior_on_at_least:
        return f"B is better on {better} criteria and not inferior on any"
    if policy.superior_on_at_least > sum(one.interval[1] > 0.5 + policy.margin for one in intervals.values()):
        return "no criterion can be better by more than the margin any more"
    return ""


def _too_few_items(rows: Sequence[VerdictRow], policy: Policy) -> bool:
    """Whether stopping now would leave fewer items than the policy decides on."""
    judged = {(row.criterion, row.item) for row in rows if row.verdict in {"a", "b", "tie"}}
    counts = Counter(criterion for criterion, _ in judged)
    return any(counts[criterion] < policy.minimum_items for criterion in policy.criteria)


def anytime_analysis(analysis: Analysis, rows: Sequence[VerdictRow], seed: int, policy: Policy) -> Analysis:
    """Return the analysis with the intervals that held at every look in the place of those for one look."""
    intervals = _anytime(rows, seed, policy)
    rates = (_as_anytime(rate, intervals.get(rate.criterion), policy) for rate in analysis.win_rates)
    return replace(analysis, win_rates=tuple(rates))


def _as_anytime(rate: WinRate, now: AnytimeInterval | None, policy: Policy) -> WinRate:
    if now is None:
        return rate
    low, high = now.interval
    return replace(
        rate,
        interval=now.interval,
        lower=low,
        upper=high,
        method=f"{METHOD}, Bonferroni over {len(policy.criteria)} criteria",
        p_value=None,
        p_holm=None,
        p_non_inferior=None,
        superior=low > 0.5,
        inferior=high < 0.5,
        non_inferior=low > 0.5 - policy.margin,
    )
