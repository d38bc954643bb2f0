"""Chats as other programs write them."""

import json
from typing import Any

HEADER: dict[str, Any] = {
    "user_name": "Anna",
    "character_name": "Blaze",
    "create_date": "2026-3-1@20h15m00s",
    "chat_metadata": {"note_prompt": "", "note_depth": 4, "integrity": "7f"},
}
GREETING: dict[str, Any] = {
    "name": "Blaze",
    "is_user": False,
    "is_system": False,
    "send_date": "March 1, 2026 8:15pm",
    "mes": "Evening, Anna.",
    "extra": {"api": "openai", "token_count": 5},
    "swipes": ["Welcome back.", "Evening, Anna."],
    "swipe_id": 1,
    "swipe_info": [{"send_date": "a", "extra": {}}, {"send_date": "b", "extra": {}}],
}
WORDS: dict[str, Any] = {"name": "Anna", "is_user": True, "mes": "Чаю, пожалуйста.\u2028И мёда.", "extra": {}}
NOTE: dict[str, Any] = {"name": "System", "is_user": False, "is_system": True, "mes": "a note", "extra": {}}
NARRATION: dict[str, Any] = {
    "name": "Storm",
    "is_user": False,
    "is_system": False,
    "mes": "Rain begins.",
    "extra": {"type": "narrator"},
    "force_avatar": "system.png",
}
SILLYTAVERN = [HEADER, GREETING, WORDS, NOTE, NARRATION]


def json_lines(*rows: Any) -> bytes:
    """Return rows as a file; a text is a line as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def from_json_lines(data: bytes) -> list[Any]:
    """Return the rows of a file."""
    return [json.loads(line) for line in data.decode().split("\n") if line]
