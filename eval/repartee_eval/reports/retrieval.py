"""The retrieval report as JSON and as Markdown, which is also what the terminal shows."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Final

from repartee.application.ports import EmbedderProfile
from repartee.domain.text import Script
from repartee_eval.reports.reranking import NOTE, rerank_conditions, rerank_tables
from repartee_eval.reports.tables import Table, cell
from repartee_eval.reranking import RerankReport
from repartee_eval.retrieval import Context, Measured, Resampling
from repartee_eval.statistics.intervals import METHOD
from repartee_eval.sweep import Chosen, Curve

FORMAT: Final = 1
SWEPT: Final = ("precision", "recall", "F1", "FPR")
_TAG: Final = re.compile(r"<(?=[a-zA-Z/!?])")
NOTES: Final = (
    (
        "Relevant is grade 1 or more. recall@k, nDCG@k, hit rate@k and MRR are means over the messages with "
        "a relevant fact. precision, recall and F1 count facts over all messages, FPR is the share of the "
        "messages without a relevant fact for which a fact was used. n is the messages that count in it."
    ),
    (
        "Where a cell has no interval, none is honest: one user cannot tell how much users differ, and "
        "values that are all alike cannot tell how much they could differ. Intervals of a few "
        "users who differ much are too narrow."
    ),
)
SIZED_NOTE: Final = (
    "FPR@n is the chance that a user with n facts gets one on a message without a relevant fact: the mean "
    "over these messages of 1 - C(N - k, n) / C(N, n), where k of the user's N facts are above the "
    "threshold. Users with fewer than n facts are left out."
)


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """All that was measured, and what made it. Without a `threshold` each message had the embedder's own."""

    embedder: EmbedderProfile
    fingerprint: str
    limit: int
    threshold: float | None
    own_thresholds: Mapping[Script, float]
    resampling: Resampling
    rows: Sequence[Measured]
    curves: Sequence[Curve]
    chosen: Sequence[Chosen]
    reranking: RerankReport | None = None
    context: Context | None = None


def conditions(report: RetrievalReport) -> list[str]:
    """Return in words what the numbers were made with."""
    embedder, how = report.embedder, report.resampling
    single = [row for row in report.rows if row.split != "all"]
    counted = f"{sum(len(row.users) for row in single)} users, {sum(row.messages for row in single)} messages"
    return [
        f"Embedder: {embedder.model}, profile {embedder.id}, {embedder.dimension} dimensions",
        *(rerank_conditions(report.reranking) if report.reranking else ()),
        f"Used: the first {report.limit} facts with a score above {_threshold(report)}",
        *((_placed(report.context),) if report.context else ()),
        f"Data: {counted}, sha256 {report.fingerprint}…",
        f"Intervals: {how.level:.0%}, {METHOD}; seed {how.seed}, {how.resamples} resamples",
    ]


def _placed(context: Context) -> str:
    mixed = f"{context.turns} turns before mixed in, decay {context.decay:g}" if context.turns else "alone"
    return f"Messages: {context.placement}; the query is the message, {mixed}"


def _threshold(report: RetrievalReport) -> str:
    if report.threshold is not None:
        return f"{report.threshold:g} (as given)"
    own = (f"{script} {threshold:g}" for script, threshold in report.own_thresholds.items())
    return f"the embedder's own thresholds: {', '.join(own)}"


def tables(report: RetrievalReport) -> list[Table]:
    """Return one table per language, one per comparison with the reranker, and one of the sweep."""
    found = [_language(list(rows)) for _, rows in groupby(report.rows, lambda row: row.language)]
    compared = rerank_tables(report.reranking) if report.reranking else []
    return [*found, *compared, *([_swept(report.chosen)] if report.chosen else [])]


def notes(report: RetrievalReport) -> tuple[str, ...]:
    """Return what a reader of the tables has to know."""
    sized = (SIZED_NOTE,) if _sized(report.chosen) else ()
    return (*NOTES, *sized, *((NOTE,) if report.reranking else ()))


def _language(rows: Sequence[Measured]) -> Table:
    return Table(
        title=rows[0].language,
        header=("measure", *(f"{row.split}: {', '.join(row.users)}" for row in rows)),
        rows=tuple((name, *(cell(row.measures[name]) for row in rows)) for name in rows[0].measures),
    )


def _sized(chosen: Iterable[Chosen]) -> list[str]:
    """Return the FPR@n that goals ask for."""
    return [f"FPR@{n}" for n in sorted({n for choice in chosen for n in choice.goal.sizes})]


def _swept(chosen: Sequence[Chosen]) -> Table:
    rows: list[tuple[str, ...]] = []
    names = (*SWEPT, *_sized(chosen))
    for choice in chosen:
        start = (choice.language, str(choice.goal))
        if choice.threshold is None:
            rows.append((*start, "none meets it", *[""] * (len(names) + 1)))
        for row in (choice.tune, choice.test):
            if row:
                cells = (cell(row.measures[name]) if name in row.measures else "" for name in names)
                rows.append((*start, f"{choice.threshold:g}", row.split, *cells))
    title = "Thresholds chosen on tune, and what they give on test"
    return Table(title, ("language", "goal", "threshold", "split", *names), tuple(rows))


# --- Markdown and terminal ----------------------------------------------------------------------------


def as_markdown(report: RetrievalReport) -> str:
    """Return the report as Markdown that reads well unrendered, too."""
    parts = [
        f"# Retrieval: {_plain(report.embedder.model)}",
        "\n".join(f"- {_plain(line)}" for line in conditions(report)),
        *(_markdown(table) for table in tables(report)),
        *notes(report),
    ]
    return "\n\n".join(parts) + "\n"


def _markdown(table: Table) -> str:
    rows = [tuple(map(_plain, row)) for row in (table.header, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"| {' | '.join(text.ljust(width) for text, width in zip(row, widths, strict=True))} |"
        for row in rows
    ]
    lines.insert(1, f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    return "\n".join([f"## {_plain(table.title)}", "", *lines])


def _plain(text: str) -> str:
    """Return the text on one line, with nothing that a table, HTML or a terminal would act on."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return _TAG.sub("&lt;", clean.replace("|", "\\|"))


# --- JSON ---------------------------------------------------------------------------------------------


def as_json(report: RetrievalReport) -> str:
    """Return the report as JSON, numbers rounded to six places."""
    content = {
        "format": FORMAT,
        "embedder": asdict(report.embedder),
        "data": report.fingerprint,
        "limit": report.limit,
        "threshold": report.threshold,
        "own_thresholds": report.own_thresholds,
        "intervals": {"method": METHOD, **asdict(report.resampling)},
        "groups": [asdict(row) for row in report.rows],
        "curves": [asdict(curve) for curve in report.curves],
        "reranking": asdict(report.reranking) if report.reranking else None,
        "sweep": [{**asdict(choice), "goal": str(choice.goal)} for choice in report.chosen],
    }
    return json.dumps(_rounded(content), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value
