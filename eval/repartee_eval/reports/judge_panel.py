"""How good the judges of a run are: tables for the screen, and JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from repartee_eval.judge_panel_quality import JudgeReport, Measured, PanelQuality
from repartee_eval.reports.tables import Table
from repartee_eval.statistics.estimate import Estimate

FORMAT: Final = "repartee.judges/1"


def as_json(found: PanelQuality) -> str:
    """Return everything, full precision; keys are documented in docs/evaluation.md."""
    content = {"format": FORMAT, **asdict(found)}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False, default=dict) + "\n"


def tables(found: PanelQuality) -> list[Table]:
    """Return the tables of the screen; those that would be empty are left out."""
    made = [
        Table(
            "Judges against people",
            ("judge", "criterion", "n", "accuracy", "precision", "recall", "F1", "kappa", "alpha"),
            tuple(row for judge in found.judges for row in _quality(judge)),
        ),
        Table(
            "By answer",
            ("judge", "criterion", "answer", "precision", "recall", "F1", "labels", "verdicts"),
            tuple(row for judge in found.judges for row in _classes(judge)),
        ),
        Table(
            "Calls",
            ("judge", "criterion", "verdicts", "failed", "p50 s", "p95 s", "US$", "US$ each"),
            tuple(row for judge in found.judges for row in _calls(judge)),
        ),
        Table(
            "Direct and reasoned",
            ("model", "same outcome", "accuracy gain", "cost ×", "latency ×"),
            tuple(
                (
                    one.model,
                    _number(one.same),
                    _number(one.accuracy_gain, "+"),
                    _number(one.cost_factor),
                    _number(one.latency_factor),
                )
                for one in found.ways
            ),
        ),
        Table(
            "Bias and consistency",
            ("judge", "measure", "value", "n"),
            tuple(row for judge in found.judges for row in _bias(judge)),
        ),
        Table(
            "Known losers: how often the real reply won",
            ("judge", "criterion", "probe", "right", "right in both orders", "no verdict"),
            tuple(
                (
                    judge.judge,
                    probe.criterion,
                    probe.kind,
                    f"{probe.right}/{probe.n}",
                    _number(probe.both_right),
                    str(probe.failed),
                )
                for judge in found.judges
                for probe in judge.probes
            ),
        ),
        Table(
            "Win rates of B corrected with the labels",
            ("judge", "criterion", "labelled", "raw", "labels only", "Rogan–Gladen", "PPI++"),
            tuple(
                (
                    judge.judge,
                    one.criterion,
                    str(one.labelled),
                    _number(one.raw),
                    *map(_estimate, (one.labels_only, one.rogan_gladen, one.ppi)),
                )
                for judge in found.judges
                for one in judge.corrected
            ),
        ),
    ]
    return [table for table in made if table.rows]


def _quality(judge: JudgeReport) -> Iterator[tuple[str, ...]]:
    for one in (judge.overall, *judge.criteria):
        quality = one.quality
        if quality.n:
            values = (quality.precision, quality.recall, quality.f1, quality.kappa, one.alpha)
            accuracy = _value(quality.accuracy, quality.interval)
            yield (judge.judge, one.criterion or "all", str(quality.n), accuracy, *map(_number, values))


def _classes(judge: JudgeReport) -> Iterator[tuple[str, ...]]:
    for one in (judge.overall, *judge.criteria):
        for answer in one.quality.classes if one.quality.n else ():
            values = map(_number, (answer.precision, answer.recall, answer.f1))
            counts = (str(answer.support), str(answer.predicted))
            yield (judge.judge, one.criterion or "all", answer.label, *values, *counts)


def _calls(judge: JudgeReport) -> Iterator[tuple[str, ...]]:
    parts: tuple[Measured, ...] = (judge.overall, *judge.criteria)
    for one in parts:
        calls = one.calls
        numbers: tuple[float | None, ...] = (
            calls.latency_p50,
            calls.latency_p95,
            calls.cost,
            calls.cost_per_verdict,
        )
        counts = (str(calls.verdicts), str(calls.failed))
        yield (judge.judge, one.criterion or "all", *counts, *map(_number, numbers))


def _bias(judge: JudgeReport) -> Iterator[tuple[str, ...]]:
    one, repeats = judge.bias, judge.repeats
    rows: list[tuple[str, Any, int]] = [
        ("winner shown first", _estimate(one.first), one.first.n),
        ("order flips", _estimate(one.flip_rate), one.flip_rate.n),
        ("ties", _estimate(one.tie_rate), one.tie_rate.n),
        ("winner is longer", _estimate(one.prefers_longer), one.prefers_longer.n),
        ("length slope (log odds)", _estimate(one.length_slope), one.length_slope.n),
        *(
            (f"own family ({own.family})", _estimate(own.win_rate), own.win_rate.n)
            for own in one.self_preference
        ),
        *(
            (f"own family ({own.family}) over people", _estimate(own.excess), own.excess.n)
            for own in one.self_preference
        ),
        ("same verdict when asked again", _number(repeats.agreement), repeats.groups),
    ]
    yield from ((judge.judge, name, value, str(n)) for name, value, n in rows if n)
    yield from ((judge.judge, "flag", flag, "") for flag in one.flags)


def _estimate(one: Estimate) -> str:
    return (one.unknown or "–") if one.value is None else _value(one.value, one.interval)


def _value(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return _number(value)
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


def _number(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{value:{sign}.3g}"
