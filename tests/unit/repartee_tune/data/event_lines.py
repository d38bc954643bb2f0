"""Lines of the service's event log, as its files hold them."""

from pathlib import Path
from typing import Any

from tests.unit.repartee_tune.data.commands import write

SAFETY = "safety"


def reply(number: int, **fields: Any) -> dict[str, Any]:
    """Return a logged reply whose words are all its own; `model`, `text`, … go into the reply."""
    told = {
        "id": f"rpl_{number}",
        "text": f"*nods* The {number * 15485863}th lamp is lit, and {number} gulls complain.",
        "model": "main",
        "finish_reason": "stop",
        "facts": [],
    }
    own = {name: fields.pop(name) for name in told if name in fields}
    asked = f"Who lit the {number * 7919}th lamp by door {number * 104729}?"
    return {
        "type": "reply",
        "at": f"2026-11-01T10:{number % 60:02}:00+03:00",
        "reply": {**told, **own},
        "user": {"id": f"u{number}"},
        "character": {"name": "Vera", "description": "Keeps a lighthouse."},
        "messages": [{"role": "user", "text": asked}],
        "mode": "reply",
        "prompt": [{"role": "system", "content": "You are Vera."}, {"role": "user", "content": asked}],
        **fields,
    }


def verdict(number: int, feedback: str) -> dict[str, Any]:
    return {"type": "feedback", "reply_id": f"rpl_{number}", "verdict": feedback}


def write_log(folder: Path, *events: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    write(folder / "events-1.jsonl", events)
    return folder


def rated(count: int = 24) -> list[dict[str, Any]]:
    """Return replies 1 … count, each third of them disliked, the others liked."""
    numbers = range(1, count + 1)
    return [line for at in numbers for line in (reply(at), verdict(at, "dislike" if at % 3 == 0 else "like"))]
