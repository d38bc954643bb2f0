"""Tables of texts: what every form of a report is made from."""

from dataclasses import dataclass

from repartee_eval.statistics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts under a title."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def cell(interval: Interval, sign: str = "") -> str:
    """Return a value with its interval, or with why it has none, and n; sign `+` for differences."""
    if interval.value is None:
        return "–"
    value = f"{interval.value:{sign}.3f}"
    if interval.low is None or interval.high is None:
        reason = "one user" if interval.unknown == "one cluster" else interval.unknown
        return f"{value} ({reason}) n={interval.n}"
    return f"{value} [{interval.low:{sign}.2f}, {interval.high:{sign}.2f}] n={interval.n}"
