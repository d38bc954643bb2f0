"""Rows in, numbers out: the one function that puts the statistics together."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from repartee_eval.analysis import rankings as ranked
from repartee_eval.analysis.agreement import agreement
from repartee_eval.analysis.bias import bias_report
from repartee_eval.analysis.columns import Columns, columns
from repartee_eval.analysis.correction import corrected
from repartee_eval.analysis.judge_quality import by_criterion, judge_quality, order_report
from repartee_eval.analysis.labels import Labels, match
from repartee_eval.analysis.notes import notes, ranking_notes
from repartee_eval.analysis.options import AnalysisOptions
from repartee_eval.analysis.results import Analysis, JudgeAnalysis
from repartee_eval.analysis.win_rates import judged_items, win_rates
from repartee_eval.verdict_rows import LabelRow, VerdictRow

MOST_JUDGES: Final = 20


def analyse(
    rows: Sequence[VerdictRow], labels: Sequence[LabelRow] = (), options: AnalysisOptions | None = None
) -> Analysis:
    """Return every number about the verdicts, and with labels about their quality.

    The order of the rows matters for Elo only, and for which way round a pair of models is written when both
    are as frequent. No input raises: what cannot be computed is None, and `notes` says why. Rows that compare
    a model with itself are left out, with a note.
    """
    chosen = options or AnalysisOptions()
    kept = [row for row in rows if row.model_a != row.model_b]
    found = columns(kept, chosen)
    matched = match(labels, found)
    judged = judged_items(found, chosen)
    bias = bias_report(found, judged, matched, chosen.seed, chosen.level)
    by_method, unsettled = ranked.rankings(found)
    said = [
        *notes(kept, found, judged, matched, chosen),
        *ranking_notes(by_method, len(found.models), unsettled),
        *_left_out(len(rows) - len(kept)),
    ]
    judges, remark = _judges(found, matched, chosen)
    return Analysis(
        n=len(rows),
        failed=sum(row.verdict == "failed" for row in rows),
        not_applicable=sum(row.verdict == "not_applicable" for row in rows),
        items=len(judged.by_unit.key),
        clusters=len(np.unique(found.unit_cluster[judged.by_unit.key])),
        win_rates=win_rates(found, judged, chosen),
        rankings=by_method,
        criterion_rankings=ranked.by_criterion(found),
        rank_sets=ranked.places(found, chosen),
        judge_quality=judge_quality(found, judged, matched, bias.first_share, chosen.level),
        quality_by_criterion=by_criterion(found, judged, matched, chosen.level),
        order=order_report(found, judged, matched, chosen.level),
        bias=bias,
        agreement=agreement(judged, matched),
        corrected=corrected(found, judged, matched, chosen.level),
        judges=judges,
        options=chosen,
        notes=(*said, *remark),
    )


def _left_out(count: int) -> tuple[str, ...]:
    return (f"{count} rows compare a model with itself: left out",) if count else ()


def _judges(
    found: Columns, labels: Labels, options: AnalysisOptions
) -> tuple[tuple[JudgeAnalysis, ...], tuple[str, ...]]:
    """Return each of several judges by itself, and a note where there are too many."""
    present = np.unique(found.judge).tolist()
    if len(present) < 2:
        return (), ()
    if len(present) > MOST_JUDGES:
        return (), (f"{len(present)} judges: single judges are shown for {MOST_JUDGES} at most",)
    return tuple(_judge(found, number, labels, options) for number in present), ()


def _judge(found: Columns, number: int, labels: Labels, options: AnalysisOptions) -> JudgeAnalysis:
    part = found.take(found.judge == number)
    judged = judged_items(part, options)
    bias = bias_report(part, judged, labels, options.seed, options.level)
    return JudgeAnalysis(
        judge=found.judges[number],
        n=len(part.unit),
        failed=int((part.verdict == 3).sum()),
        win_rates=win_rates(part, judged, options),
        judge_quality=judge_quality(part, judged, labels, bias.first_share, options.level),
        order=order_report(part, judged, labels, options.level),
        bias=bias,
    )
