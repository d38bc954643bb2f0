"""Parts of a request by themselves: CPU microseconds, the median of many."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.ports import Turn
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.guard import GuardContext, GuardOptions, StreamGuard, guard
from repartee.domain.lorebook import LoreBookOf, read_lorebook
from repartee.domain.story import Story
from repartee.domain.user import User
from repartee.infrastructure.settings import shipped_folder
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from repartee.integrations.script_token_counter import ScriptTokenCounter
from scripts.bench import payloads
from scripts.bench.processes import CHECKOUT, environment

_LORE_ENTRIES: Final = 200
_IMPORTS: Final = ("repartee.main", "repartee.integrations.openai_chat_model")


def cpu_us(work: Callable[[], object], times: int) -> float:
    """Return the median CPU time of `work` in microseconds, after one call that does not count."""
    work()
    spent = []
    for _ in range(times):
        started = time.process_time_ns()
        work()
        spent.append(time.process_time_ns() - started)
    return round(statistics.median(spent) / 1e3, 1)


def parts_of_a_request(times: int) -> dict[str, float]:
    """Return the cost of each part that needs no network."""
    turn = _turn()
    compose = ComposePrompt(MakoPromptRenderer(shipped_folder("prompts")), ScriptTokenCounter(), _BUDGET)
    with_lore = replace(turn, story=Story((LoreBookOf("chat", read_lorebook(_book(), "lorebooks.0")),)))
    text, context, options = payloads.prose(60, 6), GuardContext(("Blaze",), "Ann"), GuardOptions()

    def streamed() -> None:
        stream = StreamGuard(context, options)
        for word in text.split(" "):
            stream.feed(f"{word} ")
        stream.close("stop")

    return {
        "prompt composition, 20 messages": cpu_us(lambda: compose(turn), times),
        f"the same with {_LORE_ENTRIES} lore entries": cpu_us(lambda: compose(with_lore), times),
        "guard, whole reply of 60 words": cpu_us(lambda: guard(text, "stop", context, options), times),
        "guard, the same in 60 pieces": cpu_us(streamed, times),
    }


_BUDGET: Final = PromptBudget(context_tokens=8_192, reply_tokens=400)


def _turn() -> Turn:
    said = [
        Message(role="user" if place % 2 else "character", text=payloads.prose(14, 10 + place))
        for place in range(payloads.MESSAGES)
    ]
    return Turn(Character.model_validate(payloads.CHARACTER), User(name="Ann"), None, tuple(said))


def _book() -> dict[str, Any]:
    """Return a book of which a few entries fire."""
    words = sorted({word.strip(".") for word in payloads.prose(600, 8).split()})
    entries = [
        {
            "keys": [words[place % len(words)] if place % 20 == 0 else f"absent{place}"],
            "content": payloads.prose(20, place),
        }
        for place in range(_LORE_ENTRIES)
    ]
    return {"name": "World", "entries": [{**one, "enabled": True, "extensions": {}} for one in entries]}


def imports(times: int) -> dict[str, float]:
    """Return the CPU seconds that importing each module takes in a new interpreter."""
    empty = _started("pass", times)
    return {name: round(_started(f"import {name}", times) - empty, 3) for name in _IMPORTS}


def _started(code: str, times: int) -> float:
    return statistics.median(_child_cpu([sys.executable, "-c", code]) for _ in range(times))


def _child_cpu(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, check=True, env=environment(), cwd=CHECKOUT)  # our own code
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def searches(facts: int, users: int, searches: int) -> Mapping[str, Any]:
    """Return what `scripts/bench_facts.py` measures. Needs memory for that many facts."""
    command = [sys.executable, str(CHECKOUT / "scripts" / "bench_facts.py")]
    command += ["--facts", str(facts), "--users", str(users), "--searches", str(searches)]
    done = subprocess.run(  # our own script
        command, check=True, env=environment(), cwd=CHECKOUT, capture_output=True, text=True
    )
    figures: Mapping[str, Any] = json.loads(done.stdout)
    return figures


def save(figures: Mapping[str, Any], file: Path) -> None:
    """Write the figures as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
