"""The table that a small model's run prints and keeps: before, after, difference."""

from collections.abc import Sequence

from repartee_eval.statistics.intervals import Interval
from repartee_tune.retrieval.measuring import Change, MeasuredChange


def change_tables(rows: Sequence[MeasuredChange]) -> str:
    """Return Markdown: one table per language and split."""
    return "\n".join(_table(row) for row in rows)


def _table(row: MeasuredChange) -> str:
    users = ", ".join(sorted(row.users))
    lines = [f"{row.language}, {row.split} ({users}; {row.messages} messages)", ""]
    lines += ["| measure | before | after | difference |", "|---|---|---|---|"]
    lines += [_line(name, change) for name, change in row.measures.items()]
    return "\n".join([*lines, ""])


def _line(name: str, change: Change) -> str:
    return f"| {name} | {_shown(change.before)} | {_shown(change.after)} | {_shown(change.difference, '+')} |"


def _shown(found: Interval, sign: str = "") -> str:
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.value:{sign}.3f} ({found.unknown})"
    return f"{found.value:{sign}.3f} [{found.low:{sign}.3f}, {found.high:{sign}.3f}]"
