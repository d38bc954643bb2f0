"""Small labelled users for the tests of evaluation; `FakeEmbedder` finds shared words."""

import json
from pathlib import Path
from typing import Any


def labelled(user: str = "ann", split: str = "tune", language: str = "en") -> dict[str, Any]:
    return {
        "user": {"id": user, "name": user.title(), "age": 30},
        "language": language,
        "split": split,
        "facts": [
            {"id": "f1", "text": "Has a parrot named Kiwi"},
            {"id": "f2", "text": "Plays the cello badly"},
            {"id": "f3", "text": "Works nights in a bakery"},
        ],
        "messages": [
            {"id": "m1", "text": "has a parrot named Kiwi bitten you", "relevant": {"f1": 2}},
            {"id": "m2", "text": "cello practice again, bakery later", "relevant": {"f2": 2, "f3": 1}},
            {"id": "m3", "text": "hello there", "relevant": {}},
        ],
    }


def write(folder: Path, *users: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for user in users:
        (folder / f"{user['user']['id']}.json").write_text(json.dumps(user, ensure_ascii=False), "utf-8")
    return folder
