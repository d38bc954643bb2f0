"""A decision on the screen: coloured at a terminal, plain anywhere else."""

from typing import Final

from rich.console import Console
from rich.table import Table as ScreenTable
from rich.text import Text

from repartee_eval.decision import Outcome
from repartee_eval.reports import run_tables
from repartee_eval.reports.run_changes import Changes
from repartee_eval.reports.run_facts import WORDS, headline, title
from repartee_eval.reports.tables import Table
from repartee_eval.reports.visible_text import one_line
from repartee_eval.run_result import RunResult

_STYLES: Final[dict[Outcome, str]] = {
    "ship": "bold black on green",
    "hold": "bold black on yellow",
    "reject": "bold white on red",
    "inconclusive": "bold black on cyan",
}
_HOLDS: Final = {"pass": "green", "fail": "red", "unknown": "yellow"}
_PLAIN_WIDTH: Final = 160


def show_decision(result: RunResult, changes: Changes | None = None) -> None:
    """Print the decision, why, what to do next, and the numbers that it was made of."""
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH, color_system=None)
    first = headline(result)
    console.print(_text(title(result)), style="bold")
    if first.rehearsal:
        console.print(Text.assemble((" REHEARSAL ", "bold black on yellow"), " ", _text(first.rehearsal)))
    for caution in first.cautions:
        console.print(Text.assemble(("! ", "bold yellow"), _text(caution)))
    console.print()
    console.print(
        Text.assemble((f" {first.word.upper()} ", _STYLES[first.outcome]), " ", _text(first.reason))
    )
    console.print(_text(first.next_step))
    if changes is not None:
        console.print(_text(f"Before: {WORDS[changes.outcome_before]}. {changes.reason_before}"))
    found = [run_tables.win_rates(result), run_tables.policy_lines(result)]
    for table in [*([run_tables.changed(changes)] if changes else []), *found]:
        if table.rows:
            console.print()
            console.print(_table(table))
    console.print(_cost(result))


def _cost(result: RunResult) -> Text:
    spending = result.spending
    return _text(f"{spending.calls} calls, US$ {spending.money:.4f}; {result.analysis.failed} rows failed")


def _table(table: Table) -> ScreenTable:
    shown = ScreenTable(title=table.title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for name in table.header:
        shown.add_column(_text(name), overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(one_line(cell), style=_HOLDS.get(cell, "")) for cell in row))
    return shown


def _text(text: str) -> Text:
    """Return the text without anything that a terminal or rich would act on."""
    return Text(one_line(text))
