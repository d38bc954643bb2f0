"""Claim: no damaged completion or stream of a model comes out as a reply.

    .venv/bin/python -m scripts.claims.mutated_replies --cases 10000 --seed 1

Each case damages a good answer in one or two ways, cuts it into random chunks and reads it. A success must
be what a second, plain reader (standard library, written for this check) takes for a whole answer, with its
text.
Prints one JSON line; exit status 1 where a case breaks the claim.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from repartee.application.ports import Completion
from repartee.domain.errors import UpstreamError
from repartee.integrations.openai_completion import CompletionReader, parse_completion

JUNK: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    1.5,
    "",
    " \n",
    "x",
    [],
    {},
    [None],
    [{}],
    ["x"],
    {"error": "x"},
)
ENDS: Final[tuple[Any, ...]] = (
    "error",
    "content_filter",
    "tool_calls",
    "function_call",
    "STOPPED",
    "",
    5,
    True,
    {},
    ["stop"],
)
ERRORS: Final[tuple[Any, ...]] = (
    {"code": 502, "message": "no"},
    {"code": "x"},
    "overloaded",
    {"code": 200},
    ["x"],
    {"type": "y"},
)
GOOD_ENDS: Final = frozenset(
    {"stop", "eos", "eos_token", "end_turn", "stop_sequence", "length", "max_tokens"}
)
WORDS: Final = ("tea", " Чай", " 🫖", "\n", ' "so"', " data: x", " [DONE]", "\u2028", " {", "\\")


class Reader(Protocol):
    """Reads a streamed answer: pieces, then the whole."""

    done: bool

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yield the pieces that a chunk completes."""
        ...

    def end(self) -> Iterator[str | Completion]:
        """Yield the rest, the whole last."""
        ...


# --- good answers -------------------------------------------------------------------------------------


def good_words(chance: random.Random) -> list[str]:
    """Return the words of a reply that is not blank."""
    return ["So", *(chance.choice(WORDS) for _ in range(chance.randint(0, 12)))]


def document(words: list[str]) -> dict[str, Any]:
    """Return a completion."""
    return {
        "id": "c1",
        "model": "some/model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "".join(words)},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7},
    }


def events(words: list[str]) -> list[Any]:
    """Return the events of a stream; the last one is `[DONE]`."""

    def event(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {
            "model": "some/model",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }

    return [
        event({"role": "assistant", "content": ""}),
        *(event({"content": word}) for word in words),
        event({}, "stop"),
        {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}},
        "[DONE]",
    ]


# --- damage -------------------------------------------------------------------------------------------


def damaged_document(made: dict[str, Any], chance: random.Random) -> None:
    """Damage one place of a completion."""
    choice = made["choices"][0] if isinstance(made.get("choices"), list) and made["choices"] else {}
    places: list[tuple[Any, str, tuple[Any, ...]]] = [
        (made, "choices", JUNK),
        (made, "error", ERRORS),
        (made, "usage", (*JUNK, {"prompt_tokens": -1}, {"completion_tokens": "7"})),
        (made, "model", JUNK),
    ]
    if isinstance(choice, dict):
        places += [
            (choice, "message", JUNK),
            (choice, "finish_reason", ENDS),
            (choice, "error", ERRORS),
            (choice.get("message"), "content", JUNK),
        ]
    holder, name, values = chance.choice([place for place in places if isinstance(place[0], dict)])
    if chance.random() < 0.2:
        holder.pop(name, None)
    else:
        holder[name] = chance.choice(values)


def damaged_events(made: list[Any], chance: random.Random) -> None:
    """Damage the sequence of a stream's events, or one of them."""
    place = chance.randrange(len(made))
    kind = chance.randrange(7)
    if kind == 0:
        del made[place:]
    elif kind == 1:
        made.insert(place, {"error": chance.choice(ERRORS), "choices": []})
    elif kind == 2:
        made[place] = chance.choice(JUNK)
    elif kind == 3:
        made.insert(place, made[chance.randrange(len(made))])
    elif kind == 4:
        del made[place]
    elif isinstance(made[place], dict) and made[place].get("choices"):
        choice = made[place]["choices"][0]
        if kind == 5 and isinstance(choice, dict):
            choice["finish_reason"] = chance.choice(ENDS)
        elif isinstance(choice, dict):
            choice["delta"] = chance.choice((*JUNK, {"content": chance.choice(JUNK)}))


def damaged_bytes(body: bytes, chance: random.Random) -> bytes:
    """Cut bytes off, put some in, change one, or send the body twice."""
    place = chance.randrange(len(body) + 1)
    kind = chance.randrange(5)
    if kind == 0:
        return body[:place]
    if kind == 1:
        return body[:place] + bytes([chance.randrange(256)]) + body[place + 1 :]
    if kind == 2:
        return body[:place] + chance.choice((b"<html>", b"\x00", b"}", b"NaN", b"\n\n")) + body[place:]
    if kind == 3:
        return body + body
    return body[place:]


# --- the second reader --------------------------------------------------------------------------------


def _strict(data: bytes) -> Any:
    def refuse(word: str) -> Any:
        raise ValueError(word)

    return json.loads(data.decode(), parse_constant=refuse)


def _choice(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict) or answer.get("error"):
        raise ValueError("an error, or no object")
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    if isinstance(first, dict) and first.get("error"):
        raise ValueError("an error")
    return first if isinstance(first, dict) else {}


def _ended(choice: dict[str, Any]) -> bool:
    reason = choice.get("finish_reason")
    if reason is None:
        return False
    if not isinstance(reason, str) or reason.lower() not in GOOD_ENDS:
        raise ValueError("a bad end")
    return True


def text_of_document(body: bytes) -> str:
    """Return the text of a whole completion. Raises ValueError for anything else."""
    choice = _choice(_strict(body))
    _ended(choice)
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise ValueError("no text")
    return text


def text_of_stream(body: bytes) -> str:
    """Return the text of a whole stream. Raises ValueError where it has no end, or an error before it."""
    if body.lstrip()[:1] in {b"{", b"["}:
        return text_of_document(body)
    pieces, ended = [], False
    for data in _data_of(body):
        if data.strip() == b"[DONE]":
            ended = True
            break
        choice = _choice(_strict(data))
        ended = _ended(choice) or ended
        delta = choice.get("delta")
        piece = delta.get("content") if isinstance(delta, dict) else None
        if piece is not None and not isinstance(piece, str):
            raise ValueError("a piece that is not text")
        pieces.append(piece or "")
    text = "".join(pieces)
    if not ended or not text.strip():
        raise ValueError("no end, or no text")
    return text


def _data_of(body: bytes) -> Iterator[bytes]:
    lines = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    data: list[bytes] = []
    for line in [*lines, b""]:
        if not line and data:
            yield b"\n".join(data)
            data = []
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))


# --- the campaign -------------------------------------------------------------------------------------


def case(chance: random.Random) -> tuple[bool, bytes]:
    """Return one damaged answer, and whether it is a stream."""
    words = good_words(chance)
    is_stream = chance.random() < 0.5
    whole, deep = chance.random() < 0.5, chance.randint(1, 2)
    if is_stream:
        made = events(words)
        for _ in range(deep if whole else 0):
            if made:
                damaged_events(made, chance)
        body = b"".join(b"data: " + _sent(event) + b"\n\n" for event in made)
    else:
        answer = document(words)
        for _ in range(deep if whole else 0):
            damaged_document(answer, chance)
        body = json.dumps(answer, ensure_ascii=chance.random() < 0.5).encode()
    return is_stream, body if whole else damaged_bytes(body, chance)


def _sent(event: Any) -> bytes:
    return b"[DONE]" if event == "[DONE]" else json.dumps(event).encode()


def streamed(reader: Reader, body: bytes, chance: random.Random) -> Completion:
    """Feed the body in random chunks; return the whole, after checking that its pieces add up to it."""
    pieces: list[str | Completion] = []
    while body and not reader.done:
        size = chance.randint(1, 40)
        pieces += reader.feed(body[:size])
        body = body[size:]
    pieces += reader.end()
    *parts, whole = pieces
    if not isinstance(whole, Completion) or "".join(map(str, parts)) != whole.text:
        raise AssertionError("the pieces are not the whole")
    return whole


def broken(
    seed: int,
    number: int,
    parse: Callable[[bytes], Completion] = parse_completion,
    reader: Callable[[], Reader] = CompletionReader,
) -> str | None:
    """Run one case; return what is wrong with it, None where the claim holds.

    `parse` and `reader` may be replaced: a reader that takes anything has to be caught.
    """
    chance = random.Random(f"{seed}/{number}")
    is_stream, body = case(chance)
    try:
        found = streamed(reader(), body, chance) if is_stream else parse(body)
    except UpstreamError:
        return None
    except Exception as error:  # noqa: BLE001  # any other exception would be a 500: it breaks the claim
        return f"{type(error).__name__} is not an error of ours"
    try:
        expected = (text_of_stream if is_stream else text_of_document)(body)
    except ValueError as error:
        return f"success for {error}"
    return None if found.text == expected else "another text"


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.perf_counter()
    found = {number: wrong for number in range(options.cases) if (wrong := broken(options.seed, number))}
    result = {
        "claim": "mutated_replies",
        "n": options.cases,
        "failures": len(found),
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 2),
        "examples": dict(list(found.items())[:5]),
    }
    print(json.dumps(result))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
