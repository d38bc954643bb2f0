"""What a reranker changes, as lines and tables of the retrieval report."""

from collections.abc import Iterator
from typing import Final

from repartee_eval.reports.tables import Table, cell
from repartee_eval.reranking import Compared, RerankReport

NOTE: Final = (
    "Reranked: the first facts in the reranker's order, the others behind them as they were; precision, "
    "recall, F1 and FPR count what a reply would use. A difference is reranked minus as found, on the same "
    "messages, so its interval says more than those of the two columns. For FPR less is better."
)


def rerank_conditions(report: RerankReport) -> Iterator[str]:
    """Yield in words what was reranked."""
    least = "" if report.threshold is None else f", used where the relevance is above {report.threshold:g}"
    yield f"Reranker: {report.reranker}, the first {report.candidates} facts per message{least}"


def rerank_tables(report: RerankReport) -> list[Table]:
    """Return one table per language and split."""
    return [_table(row) for row in report.rows]


def _table(row: Compared) -> Table:
    return Table(
        title=f"{row.language}, {row.split}, reranked: {', '.join(row.users)}",
        header=("measure", "as found", "reranked", "difference"),
        rows=tuple(
            (name, cell(found.dense), cell(found.reranked), cell(found.difference, "+"))
            for name, found in row.measures.items()
        ),
    )
