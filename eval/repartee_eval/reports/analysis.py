"""An analysis on the screen, and as JSON."""

from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from repartee_eval.analysis.results import (
    Analysis,
    BiasReport,
    CorrectedWinRate,
    JudgeQuality,
    OrderReport,
    WinRate,
)
from repartee_eval.reports.tables import Table
from repartee_eval.statistics.estimate import Estimate

FORMAT: Final = 1
MOST_ROWS: Final = 30


def as_json(found: Analysis, notes: Sequence[str] = ()) -> str:
    """Return the analysis as JSON, full precision; `notes` come before its own. Unknown numbers are null."""
    fields = {name: getattr(found, name) for name in Analysis.__slots__}
    content = {"format": FORMAT, **fields, "notes": [*notes, *found.notes]}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def tables(found: Analysis) -> list[Table]:
    """Return the tables of the screen; those that would be empty are left out."""
    made = [
        _win_rates("Win rates", found.win_rates),
        _lengths(found.win_rates),
        _rankings(found),
        _quality(found),
        _corrected(found),
        _order(found.order),
        _bias(found.bias),
        _agreement(found),
        *(_win_rates(f"Win rates of judge {one.judge or 'unnamed'}", one.win_rates) for one in found.judges),
    ]
    return [table for table in made if table.rows]


def summary(found: Analysis) -> list[str]:
    """Return the first lines of the screen."""
    counted = f"{found.n} rows, {found.failed} failed, {found.not_applicable} not applicable"
    options = found.options
    return [
        f"{counted}; {found.items} items in {found.clusters} clusters",
        (
            f"Intervals: {options.level:.0%}, clustered by {options.cluster}; margin {options.margin:g}; "
            f"seed {options.seed}, {options.resamples} resamples"
        ),
    ]


def _win_rates(title: str, rates: Sequence[WinRate]) -> Table:
    header = (
        "A",
        "B",
        "criterion",
        "B/A/tie/flip",
        "failed",
        "win rate of B",
        "clusters",
        "p (Holm)",
        "B is",
    )
    rows = (
        (
            *_names(one),
            "/".join(str(count) for count in (one.wins_b, one.wins_a, one.ties, one.flips)),
            str(one.failed),
            _value(one.win_rate_b, one.interval),
            str(one.clusters),
            _number(one.p_holm),
            _verdict(one),
        )
        for one in rates
    )
    return Table(title, header, _first(rows, len(header)))


def _names(one: WinRate | CorrectedWinRate) -> tuple[str, str, str]:
    return one.model_a, one.model_b, one.criterion or "–"


def _verdict(rate: WinRate) -> str:
    if rate.superior:
        return "better"
    if rate.inferior:
        return "worse"
    if rate.non_inferior:
        return f"not worse by {rate.margin:g}"
    return "–" if rate.superior is None else "undecided"


def _lengths(rates: Sequence[WinRate]) -> Table:
    header = ("A", "B", "criterion", "win rate of B", "at equal length", "slope", "mean difference")
    rows = (
        (
            *_names(one),
            _value(one.win_rate_b, one.interval),
            _estimate(one.length.win_rate_b),
            _value(one.length.slope.value, one.length.slope.interval),
            _number(one.length.mean_difference),
        )
        for one in rates
        if one.length
    )
    return Table("Length control", header, _first(rows, len(header)))


def _rankings(found: Analysis) -> Table:
    places = {one.model: f"{one.best}–{one.worst}" for one in found.rank_sets.models}
    methods = [method for method, ranked in found.rankings.items() if ranked]
    scores = {method: {one.model: one.score for one in found.rankings[method]} for method in methods}
    order = "bradley_terry" if "bradley_terry" in methods else next(iter(methods), "")
    models = [one.model for one in found.rankings.get(order, ())]
    header = ("model", "places", *methods)
    rows = (
        (model, places.get(model, "–"), *(_number(scores[method].get(model)) for method in methods))
        for model in models
    )
    return Table("Rankings", header, _first(rows, len(header)))


def _quality(found: Analysis) -> Table:
    header = ("verdicts", "n", "accuracy", "precision", "recall", "F1", "kappa", "decisive accuracy")
    parts = [("all", found.judge_quality)]
    if len(found.quality_by_criterion) > 1:
        parts += [(one.criterion or "–", one.quality) for one in found.quality_by_criterion]
    parts += [(one.judge or "unnamed", one.judge_quality) for one in found.judges]
    rows = tuple(_quality_row(name, one) for name, one in parts if one.n)
    return Table("Judge against labels", header, rows)


def _quality_row(name: str, one: JudgeQuality) -> tuple[str, ...]:
    decisive = f"{_value(one.decisive_accuracy, one.decisive_interval)} n={one.decisive_n}"
    means = (one.precision, one.recall, one.f1, one.kappa)
    return (name, str(one.n), _value(one.accuracy, one.interval), *map(_number, means), decisive)


def _corrected(found: Analysis) -> Table:
    header = ("A", "B", "criterion", "labelled", "raw", "labels only", "Rogan–Gladen", "PPI++", "λ")
    rows = (
        (
            *_names(one),
            str(one.labelled),
            _number(one.raw),
            *map(_estimate, (one.labels_only, one.rogan_gladen, one.ppi)),
            _number(one.ppi_lambda),
        )
        for one in found.corrected
    )
    return Table("Win rates of B corrected with the labels", header, _first(rows, len(header)))


def _order(one: OrderReport) -> Table:
    named = (
        ("items in both orders", str(one.n)),
        ("consistency", _value(one.consistency, one.consistency_interval)),
        ("opposite winners", _number(one.reversal_rate)),
        ("accuracy, A first", _number(one.accuracy_first_a)),
        ("accuracy, B first", _number(one.accuracy_first_b)),
        ("accuracy, mean of both", _number(one.accuracy_mean)),
        ("accuracy, right in both", _number(one.accuracy_both)),
        ("accuracy, more right than wrong", _number(one.accuracy_counter)),
        ("consistency of repeats", _number(one.repeat_consistency)),
    )
    known = tuple(row for row in named if row[1] not in {"–", "0"})
    return Table("Order and repeats", ("measure", "value"), known)


def _bias(one: BiasReport) -> Table:
    named = (
        ("winner shown first", one.first),
        ("order flips", one.flip_rate),
        ("ties", one.tie_rate),
        ("winner is longer", one.prefers_longer),
        ("length slope (log odds)", one.length_slope),
        *((f"own family ({own.family}) over labels", own.excess) for own in one.self_preference),
    )
    rows = [(name, _estimate(value), str(value.n)) for name, value in named if value.value is not None]
    rows += [("flag", flag, "") for flag in one.flags]
    return Table("Bias", ("measure", "value", "n"), tuple(rows))


def _agreement(found: Analysis) -> Table:
    one = found.agreement
    rows = (
        ("judges", one.judges_alpha, one.judges_fleiss_kappa, one.judges_pair_agreement),
        ("people", one.annotators_alpha, one.annotators_fleiss_kappa, one.annotators_pair_agreement),
    )
    header = ("between", "Krippendorff's alpha", "Fleiss' kappa", "same answer")
    kept = tuple((name, *map(_number, values)) for name, *values in rows if values != [None] * 3)
    return Table("Agreement", header, kept)


def _first(rows: Iterable[tuple[str, ...]], width: int) -> tuple[tuple[str, ...], ...]:
    """Return the first rows, and how many more there are."""
    made = list(rows)
    if len(made) <= MOST_ROWS:
        return tuple(made)
    rest = (f"… {len(made) - MOST_ROWS} more, see --json", *[""] * (width - 1))
    return (*made[:MOST_ROWS], rest)


def _estimate(one: Estimate) -> str:
    return (one.unknown or "–") if one.value is None else _value(one.value, one.interval)


def _value(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if interval is None else f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
