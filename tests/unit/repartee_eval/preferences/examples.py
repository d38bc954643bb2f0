"""Examples for tests, short to write."""

from typing import Any

from repartee_eval.preferences.example import Example, PromptTurn

SYSTEM = PromptTurn(role="system", content="You are Marlow.")


def example(number: int = 0, **fields: Any) -> Example:
    """Return a pair whose words are all its own."""
    asked = f"{number} what do you make of the {number * 7919} letters behind door {number * 104729}?"
    given = {
        "prompt": (SYSTEM, PromptTurn(role="user", content=asked)),
        "chosen": f"*{number}* Door {number * 15485863} is open; read them to me, {number}.",
        "rejected": f"As an AI model number {number * 32452843} I have no opinion.",
        "source": "test",
        "character": "marlow",
        "dialogue": f"d{number}",
    }
    return Example.model_validate({**given, **fields})
