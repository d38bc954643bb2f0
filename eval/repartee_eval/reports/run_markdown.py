"""A decision in Markdown, short enough for a comment on a pull request."""

from collections.abc import Iterator
from typing import Final

from repartee_eval.decision import Line
from repartee_eval.reports import run_tables
from repartee_eval.reports.run_changes import Changes
from repartee_eval.reports.run_facts import WORDS, headline, title
from repartee_eval.reports.tables import Table
from repartee_eval.reports.visible_text import markdown_cell
from repartee_eval.run_result import RunResult

_SIGNS: Final = {"ship": "✅", "hold": "⏸️", "reject": "⛔", "inconclusive": "❔"}


def as_markdown(result: RunResult, changes: Changes | None = None) -> str:
    """Return the decision, what is against it, and the win rates. Text from outside is escaped."""
    return "\n".join([*_head(result), *_body(result), *_changes(changes), *_foot(result)]) + "\n"


def _head(result: RunResult) -> Iterator[str]:
    first = headline(result)
    word = f"{first.word} (rehearsal)" if first.rehearsal else first.word
    yield f"## {_SIGNS[first.outcome]} {word}: {markdown_cell(title(result))}"
    yield ""
    if first.rehearsal:
        yield f"> **Rehearsal.** {markdown_cell(first.rehearsal)}"
        yield ""
    yield f"{markdown_cell(first.reason)} {markdown_cell(first.next_step)}"
    yield ""
    if first.cautions:
        yield from (f"- {markdown_cell(caution)}" for caution in first.cautions)
        yield ""


def _body(result: RunResult) -> Iterator[str]:
    yield from _table(run_tables.win_rates(result), 8)
    lines = result.decision.lines
    open_lines = [line for line in lines if not line.passed and not run_tables.does_no_harm(line, result)]
    if open_lines:
        yield "Lines of the policy that do not hold:"
        yield ""
        yield from map(_line, open_lines)
        yield ""


def _line(line: Line) -> str:
    said = f"{line.rule}, {line.subject}: {run_tables.policy_value(line)}, asked for: {line.limit}"
    note = f" ({line.note})" if line.note else ""
    return f"- {run_tables.passed(line)}: {markdown_cell(said + note)}"


def _changes(changes: Changes | None) -> Iterator[str]:
    if changes is None:
        return
    yield f"Before: **{WORDS[changes.outcome_before]}**. {markdown_cell(changes.reason_before)}"
    yield ""
    yield from _table(run_tables.changed(changes), 4)
    for difference in changes.differences:
        yield f"- {markdown_cell(difference)}"
    yield ""


def _foot(result: RunResult) -> Iterator[str]:
    judges = ", ".join(judge.id for judge in result.manifest.judges)
    spending, found = result.spending, result.analysis
    yield (
        f"{found.items} judged items in {found.clusters} dialogues; judged by {markdown_cell(judges)}; "
        f"{spending.calls} calls, US$ {spending.money:.4f}; seed {result.manifest.seed}. "
        f"Intervals: {result.policy.level:.0%}, clustered by dialogue."
    )


def _table(table: Table, columns: int) -> Iterator[str]:
    if not table.rows:
        return
    yield f"| {' | '.join(table.header[:columns])} |"
    yield f"|{' --- |' * columns}"
    for row in table.rows:
        yield f"| {' | '.join(map(markdown_cell, row[:columns]))} |"
    yield ""
