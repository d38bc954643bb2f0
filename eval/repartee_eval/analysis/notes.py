"""What a reader has to know about the data: what was missing, and what that switched off."""

from collections.abc import Iterator, Sequence

import numpy as np

from repartee_eval.analysis.bias import one_order_only
from repartee_eval.analysis.columns import Columns
from repartee_eval.analysis.labels import Labels
from repartee_eval.analysis.options import AnalysisOptions
from repartee_eval.analysis.results import RankedModel
from repartee_eval.analysis.win_rates import Judged
from repartee_eval.verdict_rows import VerdictRow


def notes(
    rows: Sequence[VerdictRow], found: Columns, judged: Judged, labels: Labels, options: AnalysisOptions
) -> Iterator[str]:
    """Yield the notes, one sentence each."""
    if not rows:
        yield "no rows: nothing to analyse"
        return
    yield from _about_rows(found, judged, options)
    yield from _about_clusters(rows, options)
    yield from _about_order(found)
    if np.isnan(found.len_a - found.len_b).all():
        yield "no lengths (len_a, len_b): no length control and no length slope"
    yield from _about_labels(labels)


def ranking_notes(
    rankings: dict[str, tuple[RankedModel, ...]], models: int, unsettled: Sequence[str]
) -> Iterator[str]:
    """Yield what is missing of the rankings."""
    missing = [method for method, ranked in rankings.items() if not ranked]
    if missing and len(missing) < len(rankings):
        yield f"{models} models: not computed, for their size: {', '.join(missing)}"
    if unsettled:
        yield (
            "stopped at the library's limit of iterations, as where a model never won: "
            f"{', '.join(unsettled)}"
        )


def _about_rows(found: Columns, judged: Judged, options: AnalysisOptions) -> Iterator[str]:
    total, with_verdict = len(found.unit), int(found.judged.sum())
    if with_verdict < total:
        yield f"{total - with_verdict} of {total} rows have no verdict: they are in no rate"
    if options.score == "probability" and not judged.weighted and with_verdict:
        yield "not every verdict has a probability p_b: rates are from verdicts"
    if judged.weighted:
        yield "win rates are mean probabilities p_b; discrete_win_rate_b is from verdicts"
    judges = len(np.unique(found.judge))
    if judges > 1:
        yield f"{judges} judges: the rates are of their jury, the strict plurality of the judges on each item"


def _about_clusters(rows: Sequence[VerdictRow], options: AnalysisOptions) -> Iterator[str]:
    if options.cluster == "character" and not all(row.character for row in rows):
        yield "rows without a character are clustered by cluster or item"
    missing = sum(not row.cluster for row in rows)
    if missing and not (options.cluster == "character" and all(row.character for row in rows)):
        yield f"{missing} of {len(rows)} rows have no cluster: each of their items is its own cluster"


def _about_order(found: Columns) -> Iterator[str]:
    known = found.order < 2
    if not known.any():
        yield "no order (first): no position share, no flips and no consistency"
    elif not known.all():
        yield f"{int((~known).sum())} rows do not say which was shown first"
    elif one_order_only(found):
        yield "always shown in the same order: position cannot be told from quality, and is not flagged"


def _about_labels(labels: Labels) -> Iterator[str]:
    if not len(labels.people):
        yield "no labels: no judge quality and no corrected win rates"
        return
    if labels.unmatched:
        yield f"{labels.unmatched} labelled items are in no verdict row"
    if labels.ambiguous:
        yield (
            f"{labels.ambiguous} labels are on items of several pairs of models: "
            "left out, give model_a and model_b in the labels"
        )
