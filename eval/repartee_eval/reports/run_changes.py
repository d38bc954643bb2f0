"""What changed between two runs: the decision, the policy's lines, the win rates."""

from collections.abc import Mapping
from dataclasses import dataclass

from repartee_eval.analysis.results import Interval, WinRate
from repartee_eval.decision import Line, Outcome
from repartee_eval.run_result import RunResult


@dataclass(frozen=True, slots=True)
class RateChange:
    """One criterion's win rate of B before and now."""

    criterion: str
    before: float | None
    before_interval: Interval | None
    before_items: int
    now: float | None
    now_interval: Interval | None
    now_items: int

    @property
    def difference(self) -> float | None:
        """Now minus before. The runs may share dialogues, so that it has no interval."""
        return None if self.before is None or self.now is None else self.now - self.before


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line of the rule that reads otherwise now; None is unknown or not there."""

    rule: str
    subject: str
    before: bool | None
    now: bool | None


@dataclass(frozen=True, slots=True)
class Changes:
    """The run before against this one. `differences`: what made the two runs and is not the same."""

    run: str
    models: tuple[str, str]
    outcome_before: Outcome
    outcome_now: Outcome
    reason_before: str
    rates: tuple[RateChange, ...]
    lines: tuple[LineChange, ...]
    differences: tuple[str, ...]


def changes(before: RunResult, now: RunResult) -> Changes:
    """Compare two runs; criteria are matched by name, models need not be the same."""
    return Changes(
        run=before.folder.name,
        models=(before.decision.model_a, before.decision.model_b),
        outcome_before=before.decision.outcome,
        outcome_now=now.decision.outcome,
        reason_before=before.decision.reason,
        rates=_rates(_by_criterion(before), _by_criterion(now)),
        lines=_lines(before.decision.lines, now.decision.lines),
        differences=_differences(before, now),
    )


def _by_criterion(result: RunResult) -> dict[str, WinRate]:
    return {rate.criterion: rate for rate in result.win_rates}


def _rates(before: Mapping[str, WinRate], now: Mapping[str, WinRate]) -> tuple[RateChange, ...]:
    names = dict.fromkeys([*now, *before])
    return tuple(_rate(name, before.get(name), now.get(name)) for name in names)


def _rate(name: str, before: WinRate | None, now: WinRate | None) -> RateChange:
    return RateChange(
        name,
        before.win_rate_b if before else None,
        before.interval if before else None,
        before.items if before else 0,
        now.win_rate_b if now else None,
        now.interval if now else None,
        now.items if now else 0,
    )


def _lines(before: tuple[Line, ...], now: tuple[Line, ...]) -> tuple[LineChange, ...]:
    old = {(line.rule, line.subject, line.limit): line.passed for line in before}
    new = {(line.rule, line.subject, line.limit): line.passed for line in now}
    return tuple(
        LineChange(key[0], key[1], old.get(key), new.get(key))
        for key in dict.fromkeys([*new, *old])
        if old.get(key) is not new.get(key)
    )


def _differences(before: RunResult, now: RunResult) -> tuple[str, ...]:
    old, new = before.manifest, now.manifest
    pairs = {
        "A": (before.decision.model_a, now.decision.model_a),
        "B": (before.decision.model_b, now.decision.model_b),
        "judges": (", ".join(one.id for one in old.judges), ", ".join(one.id for one in new.judges)),
        "seed": (old.seed, new.seed),
        "margin": (before.policy.margin, now.policy.margin),
        "code": (old.git_revision, new.git_revision),
    }
    said = [f"{name}: {first}, now {second}" for name, (first, second) in pairs.items() if first != second]
    said += [f"{name} is not the same" for name, same in _same(before, now).items() if not same]
    return tuple(said)


def _same(before: RunResult, now: RunResult) -> dict[str, bool]:
    old, new = before.manifest, now.manifest
    return {
        "data": sorted(old.data.values()) == sorted(new.data.values()),
        "policy": before.policy == now.policy,
        "judge prompts": {one.id: one.prompts for one in old.judges}
        == {one.id: one.prompts for one in new.judges},
        "criteria": {one.id: one.criteria for one in old.judges}
        == {one.id: one.criteria for one in new.judges},
    }
