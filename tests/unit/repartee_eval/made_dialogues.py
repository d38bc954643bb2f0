"""Files of made dialogues in which every text of B holds a mark that the simulated judge knows."""

import json
from pathlib import Path
from typing import Any

from tests.loopback.judge import MARK_OF_B


def dialogue(side: str, number: int, turns: int = 1, extra: str = "", longer: str = "") -> dict[str, Any]:
    mark = MARK_OF_B if side == "b" else "alpha"
    messages: list[dict[str, Any]] = []
    for turn in range(turns):
        place = f"{side}{number}.{turn}"
        messages += [
            {"id": f"{place}u", "role": "user", "text": f"Question {number} {turn}?"},
            {
                "id": f"{place}c",
                "role": "character",
                "text": f"{mark} says {number} {turn} {longer}{extra}",
                "model": f"model-{side}",
            },
        ]
    return {
        "format": "repartee.dialogue/1",
        "id": f"{side}{number}",
        "character_id": f"pat{number % 3}",
        "character": {"name": "Pat", "description": "A patient gardener."},
        "scenario_id": f"scene-{number}",
        "messages": messages,
    }


def written(path: Path, side: str, count: int, **more: Any) -> Path:
    lines = [json.dumps(dialogue(side, number, **more)) for number in range(count)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
