"""Dialogues for tests, short to write."""

from typing import Any

from repartee.domain.character import Character
from repartee.domain.dialogue import Role
from repartee_eval.dialogues.dialogue import Dialogue, Turn

MARLOW = Character(name="Marlow", description="A detective.")


def talk(name: str, *texts: str, model: str | None = "sample", **fields: object) -> Dialogue:
    """Return a dialogue in which character and user take turns, the character first (a greeting)."""
    turns = []
    for place, text in enumerate(texts):
        role: Role = "user" if place % 2 else "character"
        turns.append(
            Turn(id=f"{name}.{place}", role=role, text=text, model=model if role == "character" else None)
        )
    given = {"character_id": "marlow", "character": MARLOW, **fields}
    return Dialogue.model_validate({"id": name, "messages": turns, **given})


def long_talk(name: str, messages: int, **fields: Any) -> Dialogue:
    """Return a dialogue whose words are all its own."""
    return talk(name, *(f"{name} says thing number {place}" for place in range(messages)), **fields)
