"""Claim: a request with a value of another kind in any place gets an answer of ours, never a 500.

    .venv/bin/python -m scripts.claims.swapped_values --cases 20000 --seed 1

Requests that are right, through every door that takes a body, with one or two of their values replaced,
wherever they stand: a list where a text was, a list in a list, an object, a number, null, nothing at all.
What a framework checks it refuses; what is read by code of ours has to be as careful. No answer may be 5xx,
and no error may repeat the text that was put in. `--control` sends the same to a plain FastAPI application:
it must fail there.
Prints one JSON line; exit status 1 where an answer breaks the claim.
"""

import argparse
import asyncio
import copy
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import aiohttp

from repartee.presentation.api.openapi import EXAMPLES
from scripts.claims.bad_inputs import CANARY, plain_service, real_service
from tests.client_bodies import sillytavern

AT_ONCE: Final = 16
MISSING: Final = object()
ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 2**63, 1.5, "", " ", CANARY, [], [[]], [None], [{}], [CANARY], {}, {"": None},
    {"unknown": CANARY}, {"type": []}, {"type": {}}, {"id": []}, [0] * 300, MISSING,
)  # fmt: skip
_CARD: Final = {
    "name": "Ada",
    "description": "Mends clocks.",
    "first_mes": "Mind the pendulum.",
    "alternate_greetings": ["Oh."],
    "tags": ["clocks"],
    "extensions": {"repartee": {"language": "en", "style": {}}, "depth_prompt": {"prompt": "x", "depth": 4}},
    "character_book": {"name": "b", "entries": [{"keys": ["clock"], "content": "tick", "extensions": {}}]},
}
_PARTS: Final = [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "x"}}]
REQUESTS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("/generate", EXAMPLES["generate"]),
    ("/generate", EXAMPLES["scene"]),
    ("/generate", {"character": _CARD, "messages": [{"role": "user", "text": "hello"}], "seed": 1}),
    ("/generate", {"character": {"spec": "chara_card_v2", "data": _CARD}, "messages": []}),
    ("/v1/chat/completions", sillytavern("blaze")),
    (
        "/v1/chat/completions",
        {
            "model": "blaze",
            "messages": [{"role": "user", "content": _PARTS, "name": "Ann"}],
            "stop": ["a", None],
            "user": {"id": "ann"},
            "stream_options": {"include_usage": True},
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "repartee": {"user": {"id": "ann"}, "scenario": {"setting": "here"}, "retrieval": {}},
        },
    ),
    ("/users/ann/facts", {"facts": [{"text": "Plays the viola.", "owner": "user", "key": "music"}]}),
    ("/users/ann/facts/extract", EXAMPLES["extract"]),
    ("/digest", EXAMPLES["digest"]),
    ("/feedback", EXAMPLES["feedback"]),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container inside a document with each key or index of it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in list(inner):
        yield value, key
        yield from places(below)


def swapped(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return the document with one or two values replaced, or left out."""
    made = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 2))):
        found = list(places(made))
        if not found:
            break
        container, key = chance.choice(found)
        value = chance.choice(ODD)
        if value is MISSING:
            del container[key]
        else:
            container[key] = copy.deepcopy(value)
    return made


def wrong(path: str, status: int, text: str) -> str | None:
    """Return what is wrong with an answer, None where nothing is."""
    if status == 0 or status >= 500:
        return f"{path}: status {status}"
    return f"{path}: status {status} repeats the input" if status >= 400 and CANARY in text else None


async def asked(url: str, cases: int, seed: int) -> tuple[Counter[int], Counter[str], dict[str, str]]:
    """Send the cases; return the statuses, what was wrong how often, and the first body of each kind."""
    statuses, found, first = Counter[int](), Counter[str](), dict[str, str]()
    numbers = iter(range(cases))
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def client() -> None:
            for number in numbers:
                chance = random.Random(f"{seed}/{number}")
                path, document = chance.choice(REQUESTS)
                body = swapped(document, chance)
                try:
                    async with session.post(url + path, json=body) as answer:
                        status, text = answer.status, await answer.text()
                except (aiohttp.ClientError, TimeoutError):
                    status, text = 0, ""
                statuses[status] += 1
                if told := wrong(path, status, text):
                    found[told] += 1
                    first.setdefault(told, json.dumps(body, ensure_ascii=False)[:1_500])

        await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    return statuses, found, first


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="Send it to a plain FastAPI application.")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    with (plain_service if options.control else real_service)() as url:
        statuses, found, first = asyncio.run(asked(url, options.cases, options.seed))
    result = {
        "claim": "swapped_values",
        "n": statuses.total(),
        "failures": found.total(),
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "control": options.control,
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "examples": dict(found.most_common(8)),
        "first": first,
    }
    print(json.dumps(result))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
