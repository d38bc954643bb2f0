"""What is asked and answered: a chat of 20 messages and 3 kB, a user with ten facts, a reply, a stream."""

import itertools
import random
import uuid
from collections.abc import Iterator
from typing import Any, Final

import orjson

DIMENSION: Final = 384
FACTS: Final = 10
MESSAGES: Final = 20
STREAM_CHUNKS: Final = 250
USER: Final = "bench-user"
MARK: Final = b"0000000000"
"""Stands in the last message; every request has another number in its place."""

_WORDS: Final = (
    *("harbour", "lantern", "winter", "copper", "quiet", "window", "morning", "letter", "garden", "stone"),
    *("river", "market", "ticket", "shadow", "orchard", "engine", "paper", "saddle", "kettle", "violin"),
    *("bridge", "feather", "island", "pocket", "thunder", "candle", "meadow", "mirror", "basket", "wagon"),
    *("ribbon", "cellar", "anchor", "pepper", "blanket", "compass", "marble", "walnut", "whistle", "corner"),
)
_LINKS: Final = ("near the", "under a", "past the", "before the", "with a", "without the", "beside a")


def prose(words: int, seed: int = 0) -> str:
    """Return so many words in sentences that do not repeat."""
    chance = random.Random(seed)  # text, not secrets
    written: list[str] = []
    while len(written) < words:
        sentence = [
            chance.choice(("She", "He", "Nobody", "Someone")),
            chance.choice(("left", "kept", "found")),
        ]
        for _ in range(chance.randint(1, 3)):
            sentence += [*chance.choice(_LINKS).split(), chance.choice(_WORDS), chance.choice(_WORDS)]
        written += [*sentence[:-1], sentence[-1] + "."]
    return " ".join(written[:words]).rstrip(".") + "."


CHARACTER: Final = {
    "name": "Blaze",
    "description": prose(70, 1),
    "personality": prose(20, 2),
    "scenario": prose(15, 3),
    "first_mes": prose(15, 4),
}
_SAID: Final = [
    {"role": "user" if place % 2 else "character", "text": prose(14, 10 + place)}
    for place in range(MESSAGES - 1)
]
LAST: Final = f"Do you remember number {MARK.decode()} on the old harbour road?"


def turn(*, stream: bool = False, user: str | None = USER) -> bytes:
    """Return the body that every server gets, with MARK in its last message."""
    body: dict[str, Any] = {
        "messages": [*_SAID, {"role": "user", "text": LAST}],
        "user": {"name": "Ann", "description": prose(15, 5)} | ({"id": user} if user else {}),
        "character": CHARACTER,
    }
    return orjson.dumps(body | ({"stream": True} if stream else {}))


def vector(seed: int = 0) -> list[float]:
    """Return a direction with as many digits as embedding services send."""
    chance = random.Random(seed)  # numbers, not secrets
    values = [chance.gauss(0, 1) for _ in range(DIMENSION)]
    length = sum(value * value for value in values) ** 0.5
    return [round(value / length, 8) for value in values]


def facts() -> list[str]:
    """Return what is known about the user."""
    return [f"{prose(9, 100 + number)[:-1]}, as of year {2000 + number}" for number in range(FACTS)]


def points() -> list[dict[str, Any]]:
    """Return the facts as Qdrant returns them: best first, the third one pinned."""
    return [
        {
            "id": str(uuid.UUID(int=number + 1)),
            "version": 1,
            "score": round(0.82 - 0.02 * number, 6),
            "payload": {
                "user_id": USER,
                "text": text,
                "owner": "user",
                "created_at": "2026-01-01T00:00:00Z",
                "text_key": text.casefold(),
                "character_key": "",
                "is_pinned": "yes" if number == 2 else "no",
                "is_superseded": "no",
                **({"pinned": True} if number == 2 else {}),
            },
        }
        for number, text in enumerate(facts())
    ]


def found() -> bytes:
    """Return the answer to a batch of two searches: the nearest facts, and the pinned one."""
    all_points = points()
    answers = [{"points": all_points}, {"points": all_points[2:3]}]
    return orjson.dumps({"result": answers, "status": "ok", "time": 0.0002})


def completion() -> bytes:
    """Return a reply of 60 words."""
    message = {"role": "assistant", "content": prose(60, 6)}
    return orjson.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_767_225_600,
            "model": "bench",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 900, "completion_tokens": 80, "total_tokens": 980},
        }
    )


def stream_events() -> list[bytes]:
    """Return the events of a streamed reply, one per piece of text, without `[DONE]`."""
    pieces = itertools.islice(_pieces(), STREAM_CHUNKS)
    return [*map(_event, pieces), _event("", finish="stop")]


def _pieces() -> Iterator[str]:
    for place, word in enumerate(prose(STREAM_CHUNKS, 7).split(" ")):
        yield word if place == 0 else f" {word}"


def _event(text: str, finish: str | None = None) -> bytes:
    document = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_767_225_600,
        "model": "bench",
        "choices": [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}],
    }
    return b"data: " + orjson.dumps(document) + b"\n\n"
