"""Facts as people read them: lines and tables, without colours where the output is not a terminal."""

import sys
from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from repartee.application.fact_stats import FactCounts
from repartee.application.retrieve_facts import RerankStatus
from repartee.application.search_facts import CandidateList, FactCandidate
from repartee.domain.fact import Fact
from repartee.domain.ranking import Verdict
from repartee.presentation.cli.load_facts import counted
from repartee.presentation.cli.reply_writer import printable

_PIPE_COLUMNS: Final = 200
_TABLE_COLUMNS: Final = 76
_VERDICTS: Final[Mapping[Verdict, str]] = {
    "kept": "used",
    "pinned": "used: pinned",
    "all": "used: all are",
    "below_threshold": "not similar enough",
    "below_rerank": "not relevant enough",
    "near_duplicate": "says it again",
    "over_limit": "over the limit",
}
_RERANKS: Final[Mapping[RerankStatus, str]] = {
    "off": "no reranker",
    "ok": "reranked",
    "skipped": "nothing to rerank",
    "failed": "the reranker failed",
}


def plain_console() -> Console:
    """Return standard output, wide where it is not a terminal, so that each row stays one line."""
    width = None if sys.stdout.isatty() else _PIPE_COLUMNS
    return Console(width=width, highlight=False, markup=False, emoji=False)


def show_candidates(console: Console, found: CandidateList, user_id: str) -> None:
    """Write why a message finds what it finds; on a narrow terminal each text has lines of its own."""
    if found.candidates:
        wide = console.width >= _TABLE_COLUMNS
        (_candidate_table if wide else _candidate_lines)(console, found.candidates)
        threshold = "none" if found.threshold is None else f"{found.threshold:.3f}"
        console.print(Text(f"threshold {threshold}, {_RERANKS[found.rerank]}", style="dim"))
    console.print(Text(_summary(found, user_id)))


def show_counts(console: Console, counts: FactCounts) -> None:
    """Write how much is remembered, one collection per row."""
    table = _table()
    table.add_column("embedder profile", overflow="fold")
    for name in ("facts", "users", "superseded", "pinned"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for one in counts.collections:
        numbers = map(str, (one.facts, one.users, one.superseded, one.pinned))
        table.add_row(Text(printable(one.profile)), *numbers, "current" if one.current else "former")
    console.print(table)


def fact_line(fact: Fact) -> str:
    """Return a fact on one line, with what is special about it."""
    marks = ", ".join(_marks(fact))
    return f"{fact.id}  {f'({marks}) ' if marks else ''}{_on_one_line(fact.text)}"


def _marks(fact: Fact) -> Iterable[str]:
    if fact.pinned:
        yield "pinned"
    if fact.invalid_at is not None:
        yield f"superseded by {fact.superseded_by}" if fact.superseded_by else "no longer true"
    if fact.owner == "character":
        yield "about the character"
    if fact.character:
        yield f"only {_on_one_line(fact.character)} knows"


def _candidate_table(console: Console, candidates: list[FactCandidate]) -> None:
    table = _table()
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for name in ("similarity", "recency", "rerank"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("text", overflow="fold")
    for place, one in enumerate(candidates, start=1):
        row = [str(place), _VERDICTS[one.verdict], *_numbers(one), _on_one_line(one.text)]
        table.add_row(*map(Text, row), style="" if one.kept else "dim")
    console.print(table)


def _candidate_lines(console: Console, candidates: list[FactCandidate]) -> None:
    for place, one in enumerate(candidates, start=1):
        style = "" if one.kept else "dim"
        similarity, recency, rerank = _numbers(one)
        numbers = f"similarity {similarity}, recency {recency}, rerank {rerank}"
        console.print(Text(f"{place}. {_VERDICTS[one.verdict]}", style=style))
        for line in (_on_one_line(one.text), numbers):
            console.print(Padding(Text(line, style=style, overflow="fold"), (0, 0, 0, 3)))


def _numbers(one: FactCandidate) -> tuple[str, str, str]:
    parts = one.scores
    rerank = "–" if parts.rerank is None else f"{parts.rerank:.3f}"
    return f"{parts.similarity:.3f}", f"{parts.recency:.2f}", rerank


def _summary(found: CandidateList, user_id: str) -> str:
    if not found.candidates:
        return f"{user_id} has no facts to choose from"
    used = sum(one.kept for one in found.candidates)
    return f"a reply would use {used} of these {counted(len(found.candidates))} of {user_id}"


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def _on_one_line(text: str) -> str:
    return " ".join(printable(text).split())
