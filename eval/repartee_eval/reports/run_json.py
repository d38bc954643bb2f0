"""A run's result as JSON: all of it but the texts of the dialogues (docs/decisions.md names the keys)."""

import json
from dataclasses import asdict
from typing import Any, Final

from repartee_eval.reports.case_outcomes import case_outcomes
from repartee_eval.reports.judge_health import judge_calls
from repartee_eval.reports.run_changes import Changes
from repartee_eval.reports.run_facts import headline
from repartee_eval.run_result import RunResult

FORMAT: Final = "repartee.report/1"


def as_json(result: RunResult, changes: Changes | None = None) -> str:
    """Return the report. Keys are stable, unknown numbers are null, and there is no NaN."""
    content = _content(result)
    if changes is not None:
        content["against"] = asdict(changes)
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False, default=_plain) + "\n"
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair cannot be written


def _content(result: RunResult) -> dict[str, Any]:
    first, decision = headline(result), result.decision
    return {
        "format": FORMAT,
        "command": result.manifest.command,
        "created": result.manifest.created.isoformat(),
        "models": {"a": decision.model_a, "b": decision.model_b},
        "judged_by_language_model": result.judged_by_language_model,
        "emulated": result.emulated,
        "decision": {
            **asdict(decision),
            "exit_code": decision.exit_code,
            "next_step": first.next_step,
            "rehearsal": bool(first.rehearsal),
            "cautions": first.cautions,
        },
        "policy": result.policy.model_dump(mode="json"),
        "win_rates": [asdict(rate) for rate in result.win_rates],
        "parts": {
            part: {name: [asdict(rate) for rate in rates] for name, rates in named.items()}
            for part, named in result.parts.items()
        },
        "floors": [asdict(floor) for floor in result.floors],
        "judges": [asdict(one) for one in judge_calls(result)],
        "probes": [asdict(one) | {"accuracy": one.accuracy} for one in result.derived.probes],
        "analysis": asdict(result.analysis),
        "spending": asdict(result.spending),
        "replies": {"asked": result.derived.replies, "unanswered": result.derived.unanswered},
        "cases": {
            "total": len(result.cases),
            "unjudged": result.unjudged_cases,
            "outcomes": [asdict(one) for one in case_outcomes(result)],
        },
        "stopped_early": result.stopped_early or None,
        "manifest": result.manifest.model_dump(mode="json"),
    }


def _plain(value: Any) -> Any:
    """Return mappings that are no dict as one."""
    return dict(value)
