"""Which part of a request a profile's time belongs to.

What a built-in function takes is its callers' time: a regular expression belongs to whoever searches with it.
"""

import pstats
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

Function = tuple[str, int, str]

_PARTS: Final = {
    "the calls: aiohttp, circuit, budget, deadline, reading of answers": (
        r"/(aiohttp|yarl|multidict|aiohappyeyeballs)/|integrations/(transport|json_http|chat_http|circuit_breaker"
        r"|retry_budget|cohere_embedder|remote_vectors|query_cache|qdrant_search|openai_)|application/deadline"
    ),
    "retrieval without its calls": (
        r"application/(retrieve_facts|reply_options)|domain/(ranking|fact|tenant)|integrations/(fact_payload|qdrant_)"
        r"|onnx_|encoder_folder|lexical_vector"
    ),
    "prompt: sections, macros, templates, token estimates": (
        r"application/(compose_prompt|prompt_|turn_|given_|model_|fences)|domain/(macro|lorebook|prompt|chance)"
        r"|/mako/|_mako$|token_counter|mako_prompt_renderer"
    ),
    "guard and style of the reply": r"domain/guard|guard_reply",
    "safety": r"keep_safe|domain/(safety|control_tokens)|self_harm",
    "around it: uvicorn, door, admission, validation, log line, counters": (
        r"/(uvicorn|starlette|fastapi|structlog|prometheus_client|pydantic)/|presentation/|infrastructure/"
        r"|domain/(dialogue|text|user|character)"
    ),
    "the reply and what is left of the use case": r"/repartee/",
}
REST: Final = "the event loop and the rest"


def part_of(function: Function) -> str:
    """Return the part that a function's own time belongs to."""
    return next((part for part, pattern in _PARTS.items() if re.search(pattern, function[0])), REST)


def shares(stats: pstats.Stats) -> dict[str, float]:
    """Return each part's share of the time, 0 to 1, largest first."""
    spent: dict[str, float] = defaultdict(float)
    timed: Mapping[Function, Any] = stats.stats  # type: ignore[attr-defined]
    for function, (_, _, own, _, callers) in timed.items():
        if function[0] == "~" and callers:
            for caller, (_, _, inside, _) in callers.items():
                spent[part_of(caller)] += inside
        else:
            spent[part_of(function)] += own
    whole = sum(spent.values()) or 1.0
    return {part: spent[part] / whole for part in sorted(spent, key=lambda one: -spent[one])}
