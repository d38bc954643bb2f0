"""How good each judge of a run is: against people, against itself, in both ways of asking, and its price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

import numpy as np

from repartee_eval.analysis import Analysis, AnalysisOptions, analyse
from repartee_eval.analysis.results import (
    Agreement,
    BiasReport,
    CorrectedWinRate,
    JudgeQuality,
    OrderReport,
)
from repartee_eval.judges.juries import Consistency, consistency
from repartee_eval.judges.probes import ProbeAccuracy
from repartee_eval.runs.manifest import Manifest
from repartee_eval.statistics.agreement import alpha
from repartee_eval.verdict_rows import LabelRow, VerdictRow

Mode = Literal["direct", "reasoned"]
ALL: Final = ""
_ANSWERS: Final = ("a", "b", "tie")


@dataclass(frozen=True, slots=True)
class Calls:
    """What verdicts cost. Latencies in seconds, costs in US dollars; None where nobody said them."""

    verdicts: int
    failed: int
    latency_p50: float | None
    latency_p95: float | None
    cost: float | None
    cost_per_verdict: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A judge on one criterion, or on all (`criterion` is empty). `alpha`: of the judge and the people."""

    criterion: str
    quality: JudgeQuality
    alpha: float | None
    calls: Calls


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """One judge of the run."""

    judge: str
    model: str
    mode: Mode
    is_language_model: bool
    overall: Measured
    criteria: tuple[Measured, ...]
    order: OrderReport
    repeats: Consistency
    bias: BiasReport
    probes: tuple[ProbeAccuracy, ...]
    corrected: tuple[CorrectedWinRate, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ways:
    """One model asked directly and for a reason first. `same`: share of items with the same outcome."""

    model: str
    direct: str
    reasoned: str
    same: float | None
    accuracy_gain: float | None
    """Accuracy with a reason minus without, each over its own labelled items."""
    cost_factor: float | None
    latency_factor: float | None


@dataclass(frozen=True, slots=True)
class PanelQuality:
    """All judges of a run; `labels` of `annotators` people on `labelled` items."""

    judges: tuple[JudgeReport, ...]
    ways: tuple[Ways, ...]
    agreement: Agreement
    labels: int
    labelled: int
    annotators: int


def panel_quality(
    manifest: Manifest,
    rows: Sequence[VerdictRow],
    labels: Sequence[LabelRow],
    probes: Sequence[ProbeAccuracy],
    options: AnalysisOptions,
) -> PanelQuality:
    """Return every judge's report. Pure: all is in the rows that the run keeps."""
    by_judge = {judge.id: [row for row in rows if row.judge == judge.id] for judge in manifest.judges}
    reports = tuple(
        _report(manifest, name, found, labels, probes, options) for name, found in by_judge.items() if found
    )
    return PanelQuality(
        judges=reports,
        ways=tuple(_ways(reports, by_judge, options)),
        agreement=analyse(rows, labels, options).agreement,
        labels=len(labels),
        labelled=len({label.item for label in labels}),
        annotators=len({label.annotator for label in labels}),
    )


def _report(
    manifest: Manifest,
    name: str,
    rows: Sequence[VerdictRow],
    labels: Sequence[LabelRow],
    probes: Sequence[ProbeAccuracy],
    options: AnalysisOptions,
) -> JudgeReport:
    found = analyse(rows, labels, options)
    section = manifest.judge(name)
    settings = section.settings if section else {}
    return JudgeReport(
        judge=name,
        model=section.model if section else name,
        mode="reasoned" if settings.get("mode") == "reasoned" else "direct",
        is_language_model=bool(settings.get("is_language_model", True)),
        overall=_measured(ALL, found.judge_quality, rows),
        criteria=tuple(_by_criterion(found, rows)),
        order=found.order,
        repeats=consistency(rows)[0],
        bias=found.bias,
        probes=tuple(probe for probe in probes if probe.judge == name),
        corrected=found.corrected,
        notes=found.notes,
    )


def _by_criterion(found: Analysis, rows: Sequence[VerdictRow]) -> list[Measured]:
    quality = {one.criterion: one.quality for one in found.quality_by_criterion}
    unlabelled = analyse([]).judge_quality
    names = dict.fromkeys(row.criterion for row in rows)
    return [
        _measured(name, quality.get(name, unlabelled), [row for row in rows if row.criterion == name])
        for name in names
    ]


def _measured(criterion: str, quality: JudgeQuality, rows: Sequence[VerdictRow]) -> Measured:
    return Measured(criterion, quality, _alpha(quality.confusion), _calls(rows))


def _alpha(confusion: Mapping[str, Mapping[str, int]]) -> float | None:
    """Return alpha of the judge's answers and the people's: a unit per labelled item, two ratings each."""
    units = []
    for row, label in enumerate(_ANSWERS):
        for column, answer in enumerate(_ANSWERS):
            counts = np.zeros(len(_ANSWERS), np.int64)
            counts[row] += 1
            counts[column] += 1
            units += [counts] * confusion[label][answer]
    return alpha(np.array(units, np.int64).reshape(-1, len(_ANSWERS)))


def _calls(rows: Sequence[VerdictRow]) -> Calls:
    latencies = [row.latency for row in rows if row.latency is not None]
    costs = [row.cost for row in rows if row.cost is not None]
    verdicts = sum(row.verdict != "failed" for row in rows)
    p50, p95 = (float(np.quantile(latencies, share)) if latencies else None for share in (0.5, 0.95))
    total = sum(costs) if costs else None
    each = total / verdicts if total is not None and verdicts else None
    return Calls(verdicts, len(rows) - verdicts, p50, p95, total, each)


def _ways(
    reports: Sequence[JudgeReport],
    by_judge: Mapping[str, Sequence[VerdictRow]],
    options: AnalysisOptions,
) -> list[Ways]:
    found = []
    for pair in combinations(reports, 2):
        if pair[0].model == pair[1].model and {one.mode for one in pair} == {"direct", "reasoned"}:
            direct, reasoned = sorted(pair, key=lambda one: one.mode)
            both = [*by_judge[direct.judge], *by_judge[reasoned.judge]]
            same = analyse(both, (), options).agreement.judges_pair_agreement
            found.append(_way(direct, reasoned, same))
    return found


def _way(direct: JudgeReport, reasoned: JudgeReport, same: float | None) -> Ways:
    accuracies = reasoned.overall.quality.accuracy, direct.overall.quality.accuracy
    gain = None if None in accuracies else float(accuracies[0] or 0) - float(accuracies[1] or 0)
    calls = direct.overall.calls, reasoned.overall.calls
    return Ways(
        model=direct.model,
        direct=direct.judge,
        reasoned=reasoned.judge,
        same=same,
        accuracy_gain=gain,
        cost_factor=_factor(*(one.cost_per_verdict for one in calls)),
        latency_factor=_factor(*(one.latency_p50 for one in calls)),
    )


def _factor(before: float | None, after: float | None) -> float | None:
    return after / before if before and after is not None else None
