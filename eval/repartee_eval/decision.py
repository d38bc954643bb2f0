"""Should B replace A? The policy's lines, each with its number, and what follows from them.

reject        a floor check is breached
hold          B is worse on a criterion, or as good as A and better on too few
inconclusive  too little data to say, too many failed calls, or neither worse nor shown to be as good
ship          better on enough criteria, not worse than the margin on any, and no floor breached
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from repartee_eval.analysis.results import Analysis, WinRate
from repartee_eval.policy import FloorLimit, Policy
from repartee_eval.statistics.proportions import Rate, RateDifference, rate_difference

Outcome = Literal["ship", "hold", "reject", "inconclusive"]
EXIT_CODES: Final[Mapping[Outcome, int]] = {"ship": 0, "hold": 10, "reject": 20, "inconclusive": 30}

Level = Literal["mild", "severe"]
Rule = Literal[
    "enough data",
    "calls answered",
    "not worse",
    "not inferior",
    "better",
    "better at equal length",
    "floor",
    "run finished",
]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the rule with its number. `passed` is None where the data cannot tell."""

    rule: Rule
    subject: str
    passed: bool | None
    value: float | None
    interval: tuple[float, float] | None
    limit: str
    n: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Floor:
    """How often each side hit one tag or check at this level at least."""

    check: str
    level: Level
    a: Rate
    b: Rate
    difference: RateDifference

    @classmethod
    def of(cls, check: str, level: Level, a: Rate, b: Rate) -> "Floor":
        """Compare the two rates."""
        return cls(check, level, a, b, rate_difference(a, b))


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, why in one sentence, and every line of the rule."""

    outcome: Outcome
    reason: str
    lines: tuple[Line, ...]
    model_a: str
    model_b: str

    @property
    def exit_code(self) -> int:
        """0 ship, 10 hold, 20 floor breach, 30 inconclusive."""
        return EXIT_CODES[self.outcome]


def decide(
    analysis: Analysis,
    policy: Policy,
    model_a: str,
    model_b: str,
    floors: Sequence[Floor] = (),
    *,
    finished: bool = True,
    replies: int = 0,
    unanswered: int = 0,
    checked: int = 0,
    unchecked: int = 0,
    longer: float | None = None,
) -> Decision:
    """Apply the policy. `finished`: the run was not stopped by its budget or by a person.

    `unanswered` of the `replies` that were asked of the models are missing: too many, and what is left says
    little, for a model that fails on hard turns is judged on easy ones. In the same way `unchecked` of the
    `checked` texts have no answer to the floor checks: judges refuse the worst texts most often.

    `longer` is how much longer B writes than A, as a share (0.2: a fifth). Where that is more than the policy
    lets pass, or where length moves the verdict for certain, B has to be better at equal length too: judges
    prefer longer replies.

    Numbers of the analysis were made with the policy's margin and level.
    """
    rates = {
        rate.criterion: rate
        for rate in analysis.win_rates
        if (rate.model_a, rate.model_b) == (model_a, model_b)
    }
    lines = [
        Line("run finished", "run", finished, None, None, "all calls made", analysis.n),
        *_answer_lines("replies", replies, unanswered, policy),
        *_answer_lines("floor checks", checked, unchecked, policy),
        *floor_lines(floors, policy),
    ]
    for criterion in policy.criteria:
        rate = rates.get(criterion)
        lines += _criterion_lines(criterion, rate, policy)
        lines += _equal_length_lines(criterion, rate, longer, policy)
    outcome, reason = _outcome(lines, policy)
    return Decision(outcome, reason, tuple(lines), model_a, model_b)


def _outcome(lines: Sequence[Line], policy: Policy) -> tuple[Outcome, str]:
    breached = _subjects(lines, "floor", False)
    if breached:
        return "reject", f"B breaches a floor: {', '.join(breached)}."
    if thin := [*_subjects(lines, "enough data", False), *_subjects(lines, "calls answered", False)]:
        return "inconclusive", f"Too few verdicts on {', '.join(dict.fromkeys(thin))}."
    if worse := _subjects(lines, "not worse", False):
        return "hold", f"B is worse on {', '.join(worse)}."
    if any(line.rule == "run finished" and not line.passed for line in lines):
        return "inconclusive", "The run was stopped before all calls were made."
    if unproven := [line.subject for line in lines if line.rule == "not inferior" and not line.passed]:
        return "inconclusive", f"B is neither worse nor shown to be as good on {', '.join(unproven)}."
    if unknown := _subjects(lines, "floor", None):
        return "inconclusive", f"Floor checks without data: {', '.join(unknown)}."
    only_longer = _subjects(lines, "better at equal length", False)
    better = [name for name in _subjects(lines, "better", True) if name not in only_longer]
    if len(better) < policy.superior_on_at_least:
        longer = f" On {', '.join(only_longer)} it may win by its length alone." if only_longer else ""
        return "hold", (
            f"B is as good as A within {policy.margin:.2f}, but better on {len(better)} criteria: "
            f"{policy.superior_on_at_least} needed.{longer}"
        )
    names = ", ".join(better) or "no criterion, and none is asked for"
    floors = "breaches no floor" if _subjects(lines, "floor", True) else "floors were not checked"
    return "ship", f"B is better on {names}, not inferior on any criterion, and {floors}."


def _subjects(lines: Sequence[Line], rule: Rule, passed: bool | None) -> list[str]:
    return [line.subject for line in lines if line.rule == rule and line.passed is passed]


def _answer_lines(subject: str, asked: int, unanswered: int, policy: Policy) -> Iterator[Line]:
    if asked:
        failed = unanswered / asked
        limit = f"at least {1 - policy.most_failed:.0%}"
        yield Line("calls answered", subject, failed <= policy.most_failed, 1 - failed, None, limit, asked)


def _criterion_lines(criterion: str, rate: WinRate | None, policy: Policy) -> Iterator[Line]:
    if rate is None:
        yield Line("enough data", criterion, False, 0, None, f"{policy.minimum_items} items", 0, "not judged")
        return
    enough = rate.items >= policy.minimum_items and rate.clusters >= policy.minimum_clusters
    limit = f"{policy.minimum_items} items of {policy.minimum_clusters} dialogues"
    yield Line(
        "enough data", criterion, enough, rate.items, None, limit, rate.items, f"{rate.clusters} dialogues"
    )
    calls = rate.rows.verdicts + rate.failed + rate.not_applicable
    failed = rate.failed / calls if calls else 1.0
    yield Line(
        "calls answered",
        criterion,
        failed <= policy.most_failed,
        1 - failed,
        None,
        f"at least {1 - policy.most_failed:.0%}",
        calls,
    )
    value, interval, n = rate.win_rate_b, rate.interval, rate.items
    not_worse = None if rate.inferior is None else not rate.inferior
    yield Line(
        "not worse",
        criterion,
        not_worse,
        value,
        interval,
        "not below 1/2 for certain (Holm)",
        n,
        _p(rate.p_holm),
    )
    bound = "" if rate.lower is None else f"lower bound {rate.lower:.3f}"
    yield Line(
        "not inferior",
        criterion,
        rate.non_inferior,
        value,
        interval,
        f"lower bound above {0.5 - policy.margin:.3f}",
        n,
        bound,
    )
    yield Line(
        "better",
        criterion,
        rate.superior,
        value,
        interval,
        "above 1/2 for certain (Holm)",
        n,
        _p(rate.p_holm),
    )


def _equal_length_lines(
    criterion: str, rate: WinRate | None, longer: float | None, policy: Policy
) -> Iterator[Line]:
    """Yield a line where B wins and its length may be the reason."""
    if rate is None or not rate.superior or policy.most_longer is None:
        return
    control = rate.length
    moves = control is not None and control.p_value is not None and control.p_value < 1 - policy.level
    if not moves and (longer is None or longer <= policy.most_longer):
        return
    fitted = control.win_rate_b if control else None
    low = fitted.interval[0] if fitted and fitted.interval else None
    yield Line(
        "better at equal length",
        criterion,
        low is not None and low > 0.5,
        fitted.value if fitted else None,
        fitted.interval if fitted else None,
        "above 1/2 for certain",
        rate.items,
        "length moves the verdict" if moves else f"B is {longer:.0%} longer",
    )


def _p(value: float | None) -> str:
    return "" if value is None else f"p = {value:.4f}" if value >= 0.0001 else "p < 0.0001"


def floor_lines(floors: Sequence[Floor], policy: Policy) -> Iterator[Line]:
    """Yield a line for each floor of the policy, none where nothing was checked."""
    measured = {(floor.check, floor.level): floor for floor in floors}
    for limit in policy.floors if floors else ():
        floor = measured.get((limit.check, limit.level))
        if floor is None:
            yield Line("floor", limit.check, None, None, None, "measured", 0, "not checked in this run")
        else:
            yield _floor_line(floor, limit)


def _floor_line(floor: Floor, limit: FloorLimit) -> Line:
    rate, low = floor.b.rate, floor.b.interval[0] if floor.b.interval else None
    rises = floor.difference.interval[0] if floor.difference.interval else None
    asked, breaches = [], []
    if limit.one_hit_blocks:
        asked.append("no hit")
        breaches.append(floor.b.hits > 0)
    if limit.most_rate is not None:
        asked.append(f"not above {limit.most_rate:.1%} for certain")
        breaches.append(low is not None and low > limit.most_rate)
    if limit.most_increase is not None:
        asked.append(f"not more than {limit.most_increase:.1%} above A for certain")
        breaches.append(rises is not None and rises > limit.most_increase)
    passed = None if floor.b.n == 0 else not any(breaches)
    note = f"A {floor.a.hits} of {floor.a.n}, B {floor.b.hits} of {floor.b.n}"
    return Line(
        "floor", floor.check, passed, rate, floor.b.interval, ", ".join(asked) or "reported", floor.b.n, note
    )
