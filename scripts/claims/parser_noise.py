"""Claim: whatever the bytes are, every parser ends within a second, with a result or an error of ours.

    .venv/bin/python -m scripts.claims.parser_noise --cases 1000000 --seed 1

Cases change, cut, double and mix good files: cards as PNG, CHARX, JSON and YAML, chats as JSON Lines and
JSON, and server-sent events in random chunks. `--control` reads JSON with the standard library and no error
of ours around it: it must fail. Prints one JSON line; exit status 1 where a case breaks the claim.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from repartee.domain.cards.card_file import CardFile, read_card, write_card
from repartee.domain.chat_files.chat_file import read_chat
from repartee.domain.errors import ReparteeError
from repartee.integrations.openai_completion import CompletionReader
from scripts.claims.mutated_replies import events
from tests.cards import V3

LONGEST_SECONDS: Final = 1.0
NOISE: Final = (
    b"\xff" * 4, b"\0" * 4, b"PK\x05\x06", b"[" * 90, b'{"a":' * 60, b"\n\n", b"\r", b"data: ", b'"', b"}",
    b"\\ud800", b"1e999", b"NaN", b"&a *a ", b"!!python/object ", b"IEND", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
)  # fmt: skip
CHAT: Final = (
    {"user_name": "Ann", "character_name": "Ada", "create_date": "2026-03-02", "chat_metadata": {}},
    {"name": "Ann", "is_user": True, "is_system": False, "mes": "hi", "extra": {}},
    {
        "name": "Ada",
        "is_user": False,
        "is_system": False,
        "mes": "Tea?",
        "swipes": ["Tea?", "No."],
        "swipe_id": 0,
    },
)


def _use(_: object) -> None:
    """Take a value that was read for the sake of reading it."""


def _card(data: bytes, _: random.Random) -> None:
    _use(read_card(data).character)


def _chat(data: bytes, _: random.Random) -> None:
    read_chat(data)


def _stream(data: bytes, chance: random.Random) -> None:
    reader = CompletionReader()
    while data and not reader.done:
        size = chance.randint(1, 60)
        list(reader.feed(data[:size]))
        data = data[size:]
    list(reader.end())


def _plain(data: bytes, _: random.Random) -> None:
    json.loads(data)


Parser = Callable[[bytes, random.Random], None]


def files() -> Mapping[str, tuple[bytes, Parser]]:
    """Return a good file for each parser."""
    assets = {"assets/icon/images/main.png": b"\x89PNG" * 9}
    card = CardFile(V3, "charx", assets=assets)
    lines = b"\n".join(json.dumps(line).encode() for line in CHAT)
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Tea?"}]
    made: list[Any] = events(["So", " tea", "?"])
    stream = b"".join(
        b"data: " + (event.encode() if isinstance(event, str) else json.dumps(event).encode()) + b"\n\n"
        for event in made
    )
    return {
        "card json": (write_card(card, "json"), _card),
        "card yaml": (write_card(card, "yaml"), _card),
        "card png": (write_card(card, "png"), _card),
        "card charx": (write_card(card, "charx"), _card),
        "chat jsonl": (lines, _chat),
        "chat json": (json.dumps({"messages": messages}).encode(), _chat),
        "stream": (stream, _stream),
    }


def changed(data: bytes, chance: random.Random) -> bytes:
    """Damage a file in one to four places."""
    for _ in range(chance.randint(1, 4)):
        at, kind = chance.randrange(len(data) + 1), chance.randrange(5)
        noise = chance.choice(NOISE) if chance.random() < 0.5 else chance.randbytes(chance.randint(1, 4))
        if kind == 0:
            data = data[:at] + noise + data[at:]
        elif kind == 1:
            data = data[:at] + noise + data[at + len(noise) :]
        elif kind == 2:
            data = data[:at] + data[at + chance.randint(1, 9) :]
        elif kind == 3 and chance.random() < 0.3:
            data = data[:at]
        elif kind == 4:
            end = min(len(data), at + chance.randint(1, 200))
            data = data[:end] + data[at:]
    return data


def broken(parse: Parser, data: bytes, chance: random.Random) -> tuple[str | None, bool]:
    """Return what is wrong, None where the claim holds, and whether the bytes were taken."""
    started, taken, wrong = time.perf_counter(), False, None
    try:
        parse(data, chance)
        taken = True
    except ReparteeError:
        taken = False
    except Exception as error:  # noqa: BLE001  # any other exception would be a 500: it breaks the claim
        wrong = f"{type(error).__name__} is not an error of ours"
    spent = time.perf_counter() - started
    return (f"{spent:.1f} s" if spent > LONGEST_SECONDS else wrong), taken


def run(cases: int, seed: int, *, control: bool) -> dict[str, Any]:
    """Return the result of one campaign."""
    started, found, taken = time.perf_counter(), list[str](), Counter[str]()
    known = list(files().items())
    for number in range(cases):
        chance = random.Random(f"{seed}/{number}")
        name, (good, parse) = known[number % len(known)]
        wrong, was_taken = broken(_plain if control else parse, changed(good, chance), chance)
        taken[name] += was_taken
        found += [f"{name} {number}: {wrong}"] if wrong else []
    return {
        "claim": "parser_noise",
        "n": cases,
        "failures": len(found),
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 1),
        "control": control,
        "taken": dict(taken),
        "examples": found[:8],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="A parser without errors of ours: must fail.")
    options = parser.parse_args(arguments)
    result = run(options.cases, options.seed, control=options.control)
    print(json.dumps(result))
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
