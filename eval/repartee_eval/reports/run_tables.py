"""The tables of a run's report as texts: what Markdown, the screen and the page are filled with."""

from typing import Final

from repartee_eval.analysis.results import Interval
from repartee_eval.decision import Floor, Line
from repartee_eval.reports.run_changes import Changes
from repartee_eval.reports.tables import Table
from repartee_eval.run_result import RunResult
from repartee_eval.statistics.estimate import Estimate
from repartee_eval.statistics.proportions import Rate

UNKNOWN: Final = "–"
FEW: Final = 30
"""Items below which a part's win rate is shown greyed: its interval is wide."""


def passed(line: Line) -> str:
    """Return whether the line holds, in a word."""
    return "unknown" if line.passed is None else "pass" if line.passed else "fail"


def does_no_harm(line: Line, result: RunResult) -> bool:
    """Return whether the line does not hold and need not: B is better on enough other criteria."""
    better = sum(one.rule == "better" and bool(one.passed) for one in result.decision.lines)
    return line.rule == "better" and not line.passed and better >= result.policy.superior_on_at_least


def worst_first(result: RunResult) -> tuple[Line, ...]:
    """Return the lines of the rule: those that fail and must not, the unknown ones, the others."""
    return tuple(
        sorted(
            result.decision.lines,
            key=lambda line: (bool(line.passed) or does_no_harm(line, result), line.passed is None),
        )
    )


def number(value: float | None, places: int = 3) -> str:
    """Return the number, a dash where it is unknown."""
    return UNKNOWN if value is None else f"{value:.{places}f}"


def share(value: float | None) -> str:
    """Return a share in percent."""
    return UNKNOWN if value is None else f"{value:.1%}"


def span(interval: Interval | None, places: int = 3) -> str:
    """Return the interval in brackets, nothing where there is none."""
    return f"[{interval[0]:.{places}f}, {interval[1]:.{places}f}]" if interval else ""


def policy_value(line: Line) -> str:
    """Return a line's number in the form that fits its rule."""
    match line.rule:
        case "enough data":
            return f"{line.n} items"
        case "calls answered" | "floor":
            interval = line.interval
            return share(line.value) + (f" [{interval[0]:.1%}, {interval[1]:.1%}]" if interval else "")
        case "run finished":
            return "yes" if line.passed else "no"
        case _:
            return f"{number(line.value)} {span(line.interval)}".rstrip()


def policy_lines(result: RunResult) -> Table:
    """Return every line of the rule with its number."""
    header = ("line", "about", "holds", "number", "asked for", "n", "note")
    rows = tuple(
        (line.rule, line.subject, passed(line), policy_value(line), line.limit, str(line.n), line.note)
        for line in result.decision.lines
    )
    return Table("Policy", header, rows)


def win_rates(result: RunResult) -> Table:
    """Return the win rate on each criterion of the policy, and on others that were judged."""
    header = ("criterion", "win rate of B", "B wins", "A wins", "ties", "flips", "failed", "dialogues",
              "at equal length")  # fmt: skip
    rows = tuple(
        (
            rate.criterion or UNKNOWN,
            f"{number(rate.win_rate_b)} {span(rate.interval)}".rstrip(),
            str(rate.wins_b),
            str(rate.wins_a),
            str(rate.ties),
            str(rate.flips),
            str(rate.failed),
            str(rate.clusters),
            estimate(rate.length.win_rate_b) if rate.length else UNKNOWN,
        )
        for rate in result.win_rates
    )
    return Table("Win rates of B", header, rows)


def floors(result: RunResult, *, hit: bool) -> Table:
    """Return how often each side hit each tag or floor check: those with any hit, or those without."""
    header = ("check", "level", "A", "B", "B minus A")
    return Table(
        "Tags and floor checks",
        header,
        tuple(_floor(one) for one in result.floors if bool(one.a.hits + one.b.hits) is hit),
    )


def _floor(floor: Floor) -> tuple[str, ...]:
    change = floor.difference
    difference = UNKNOWN if change.difference is None else f"{100 * change.difference:+.1f}"
    if change.interval:
        difference += f" [{100 * change.interval[0]:+.1f}, {100 * change.interval[1]:+.1f}]"
    return (
        floor.check,
        f"{floor.level} or more" if floor.level == "mild" else floor.level,
        _rate(floor.a),
        _rate(floor.b),
        f"{difference} points",
    )


def _rate(rate: Rate) -> str:
    if rate.rate is None or rate.interval is None:
        return "no data"
    return f"{rate.hits} of {rate.n}: {rate.rate:.1%} [{rate.interval[0]:.1%}, {rate.interval[1]:.1%}]"


def changed(found: Changes) -> Table:
    """Return the win rates of two runs side by side."""
    header = ("criterion", "before", "now", "change")
    rows = tuple(
        (
            one.criterion or UNKNOWN,
            f"{number(one.before)} {span(one.before_interval)} n={one.before_items}",
            f"{number(one.now)} {span(one.now_interval)} n={one.now_items}",
            UNKNOWN if one.difference is None else f"{one.difference:+.3f}",
        )
        for one in found.rates
    )
    return Table(f"Win rates of B, against {found.run}", header, rows)


def estimate(one: Estimate) -> str:
    """Return the estimate with its interval, or why there is none."""
    if one.value is None:
        return one.unknown or UNKNOWN
    return f"{one.value:.3f} {span(one.interval)}".rstrip()


def shares(interval: Interval | None) -> str:
    """Return an interval of shares in percent, nothing where there is none."""
    return f"[{interval[0]:.1%}, {interval[1]:.1%}]" if interval else ""
