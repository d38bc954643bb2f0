"""What `score` found: tables for the screen, and JSON."""

import json
from dataclasses import asdict
from typing import Final

from repartee_eval.absolute_scores import EXIT_CODES, AbsoluteScores, JudgeScores
from repartee_eval.reports.tables import Table
from repartee_eval.reports.visible_text import one_line
from repartee_eval.single_sides import ScoredReply
from repartee_eval.statistics.estimate import Estimate

FORMAT: Final = "repartee.scores/1"
_LOWEST: Final = 5
_SHORT: Final = 50


def as_json(found: AbsoluteScores) -> str:
    """Return the means; the single scores are in scores.jsonl. Keys are documented in docs/evaluation.md."""
    judges = [
        {
            "judge": one.judge,
            "is_language_model": one.is_language_model,
            "n": len(one.scored),
            "failures": dict(one.failures),
            "kept": one.kept,
            "means": {name: asdict(mean) for name, mean in one.means.items()},
        }
        for one in found.judges
    ]
    content = {
        "format": FORMAT,
        "kind": found.kind,
        "outcome": found.outcome,
        "exit_code": EXIT_CODES[found.outcome],
        "reason": found.reason,
        "minimum": found.minimum,
        "least": found.least,
        "judges": judges,
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def tables(found: AbsoluteScores) -> list[Table]:
    """Return the means of every judge, and the lowest scores of each."""
    header = ("judge", "dimension", "mean", "scored", "dialogues")
    rows = tuple(
        (one.judge, name, _mean(mean), str(mean.n), str(mean.clusters))
        for one in found.judges
        for name, mean in one.means.items()
    )
    lowest = (_lowest(one) for one in found.judges)
    return [Table("Mean scores", header, rows), *(table for table in lowest if table.rows)]


def _lowest(judge: JudgeScores) -> Table:
    known = [(one.overall, one) for one in judge.scored if one.overall is not None]
    ranked = sorted(known, key=lambda pair: (pair[0], pair[1].subject.id))[:_LOWEST]
    rows = tuple(
        (f"{overall:.2f}", one.subject.cluster, one.subject.side.reply_ids[0], _why(one))
        for overall, one in ranked
    )
    return Table(f"Lowest by {judge.judge}", ("overall", "dialogue", "message", "explanation"), rows)


def _why(one: ScoredReply) -> str:
    lowest = min(one.scores, key=lambda reading: reading.score)
    text = one_line(f"{lowest.dimension} {lowest.score:.2f}: {lowest.explanation}")
    return text if len(text) <= 2 * _SHORT else f"{text[: 2 * _SHORT - 1]}…"


def _mean(mean: Estimate) -> str:
    if mean.value is None or mean.interval is None:
        return mean.unknown or "–"
    return f"{mean.value:.3f} [{mean.interval[0]:.3f}, {mean.interval[1]:.3f}]"
