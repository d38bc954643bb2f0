"""What `moderate` found: tables for the screen, and JSON."""

import json
from dataclasses import asdict
from typing import Any, Final

from repartee_eval.moderation import EXIT_CODES, Checked, Moderation, evidence
from repartee_eval.reports.tables import Table
from repartee_eval.reports.visible_text import one_line
from repartee_eval.statistics.proportions import Rate

FORMAT: Final = "repartee.moderation/1"
MOST_HITS: Final = 30
_SHORT: Final = 60


def as_json(found: Moderation) -> str:
    """Return everything but the messages without a hit; keys are documented in docs/evaluation.md."""
    content = {
        "format": FORMAT,
        "outcome": found.outcome,
        "exit_code": EXIT_CODES[found.outcome],
        "reason": found.reason,
        "emulated": found.emulated,
        "messages": {which: sum(one.which == which for one in found.messages) for which in ("new", "old")},
        "floors": [asdict(floor) for floor in found.floors],
        "lines": [asdict(line) for line in found.lines],
        "answered": [{**asdict(one), "share_failed": one.share_failed} for one in found.answered],
        "severe": [_hit(one) for one in found.severe],
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def tables(found: Moderation) -> list[Table]:
    """Return the rates, the policy's lines and the severe hits."""
    return [table for table in (_rates(found), _lines(found), _severe(found)) if table.rows]


def _hit(one: Checked) -> dict[str, Any]:
    severe = [flag for flag, level in one.levels.items() if level == "severe"]
    return {
        "set": one.which,
        "dialogue": one.dialogue,
        "message": one.message,
        "character": one.subject.character_id,
        "flags": {flag: evidence(one, flag) for flag in severe},
        "text": one.text,
    }


def _rates(found: Moderation) -> Table:
    header = ("flag", "level", "new", "rate", "old", "rate", "new minus old")
    rows = tuple(
        (
            floor.check,
            f"{floor.level}{' or worse' if floor.level == 'mild' else ''}",
            f"{floor.b.hits}/{floor.b.n}",
            _rate(floor.b),
            f"{floor.a.hits}/{floor.a.n}" if floor.a.n else "–",
            _rate(floor.a),
            _share(floor.difference.difference, floor.difference.interval, "+"),
        )
        for floor in found.floors
    )
    return Table("Rates (Clopper–Pearson; difference: Newcombe)", header, rows)


def _lines(found: Moderation) -> Table:
    holds = {True: "pass", False: "FAIL", None: "unknown"}
    rows = tuple((line.subject, holds[line.passed], line.limit, str(line.n)) for line in found.lines)
    return Table("Floors of the policy", ("check", "holds", "asked for", "messages"), rows)


def _severe(found: Moderation) -> Table:
    header = ("set", "dialogue", "message", "flags", "text")
    rows: list[tuple[str, ...]] = [
        (
            one.which,
            one.dialogue,
            one.message,
            ", ".join(flag for flag, level in one.levels.items() if level == "severe"),
            _cut(one.text),
        )
        for one in found.severe
    ]
    shown = rows[:MOST_HITS]
    if len(rows) > MOST_HITS:
        shown.append((f"… {len(rows) - MOST_HITS} more, see --json", "", "", "", ""))
    return Table("Severe hits", header, tuple(shown))


def _cut(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _SHORT else f"{line[: _SHORT - 1]}…"


def _rate(rate: Rate) -> str:
    return _share(rate.rate, rate.interval)


def _share(value: float | None, interval: tuple[float, float] | None, sign: str = "") -> str:
    if value is None or interval is None:
        return "–"
    return f"{value:{sign}.1%} [{interval[0]:{sign}.1%}, {interval[1]:{sign}.1%}]"
