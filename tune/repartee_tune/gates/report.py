"""The gates' report: `<gate>.json` for each, `report.json` for programs and `report.md` for people."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from repartee_tune.gates.result import GateResult, Outcome
from repartee_tune.gates.sequence import Subject
from repartee_tune.registry.durable import replace_file

_SAYS: dict[Outcome, str] = {
    "passed": "It may be promoted.",
    "failed": "It is held: the champion stays.",
    "breached": "It is held: it could hurt users.",
    "inconclusive": "It is held until there is more to look at.",
}


def write_gate(folder: Path, result: GateResult) -> None:
    """Write one gate's numbers and decision."""
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / f"{result.gate}.json", _json(asdict(result)))


def write_report(
    folder: Path,
    results: Sequence[GateResult],
    outcome: Outcome,
    content_sha256: str | None,
    candidate: Subject,
    champion: Subject | None,
    policy: dict[str, Any],
) -> Path:
    """Write `report.json`, which a promotion asks for, and `report.md`.

    Results of an earlier run are replaced.
    """
    for old in folder.glob("*.json"):
        if old.stem not in {result.gate for result in results}:
            old.unlink()
    content = {
        "format": 1,
        "decision": outcome,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "candidate": {
            "name": candidate.name,
            "version": candidate.version,
            "content_sha256": content_sha256 or "not known: the files failed",
        },
        "champion": {"name": champion.name, "version": champion.version} if champion else None,
        "policy": policy,
        "gates": [asdict(result) for result in results],
    }
    replace_file(folder / "report.md", as_markdown(results, outcome, candidate, champion).encode())
    path = folder / "report.json"
    replace_file(path, _json(content))
    return path


def as_markdown(
    results: Sequence[GateResult], outcome: Outcome, candidate: Subject, champion: Subject | None
) -> str:
    """Return the report as a page."""
    compared = f"against {champion.name}" if champion else "without a champion"
    lines = [
        f"# {candidate.name} {compared}: {outcome}",
        "",
        _SAYS[outcome],
        "",
        "| gate | decision | n | value | interval | limit | why |",
        "|---|---|---:|---:|---|---|---|",
    ]
    for one in results:
        cells = (one.gate, one.decision, one.n, _number(one.value), _interval(one), one.limit, one.reason)
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    lines += ["", *(f"- {one.gate}: {one.method}" for one in results if one.method)]
    for one in results:
        if one.examples:
            lines += ["", f"Failures of {one.gate}:", "", *(f"- {example}" for example in one.examples)]
    return "\n".join(lines) + "\n"


def _interval(result: GateResult) -> str:
    return " to ".join(_number(bound) for bound in result.interval) if result.interval else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _json(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
