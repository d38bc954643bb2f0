"""JSON as cards need it: read strictly, written so that reading it gives the same object.

Duplicate keys, NaN, Infinity and lone surrogates are refused: each means something different to different
readers. Numbers keep their kind, keys their order, texts every character.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn

from repartee.domain.cards import limits
from repartee.domain.cards.limits import CardError


def read_json(data: bytes, place: str) -> dict[str, Any]:
    """Return the object that `data` holds as UTF-8 JSON. Raises CardError that starts with `place`."""
    if len(data) > limits.JSON_BYTES:
        raise CardError(place, f"is larger than {limits.size(limits.JSON_BYTES)}: shorten the card")
    refuse_encrypted(data, place)
    if (
        sum(map(data.count, (b"{", b"[", b","))) > limits.VALUES
    ):  # before they take memory; no text has as many
        raise _too_many(place)
    return checked_object(_parsed(utf8(data, place), place), place)


def write_json(card: dict[str, Any], indent: int | None = None) -> bytes:
    """Return the card as UTF-8 JSON, readable characters left as they are. Raises CardError."""
    checked_object(card, "card")
    data = json.dumps(card, ensure_ascii=False, allow_nan=False, indent=indent).encode()
    if len(data) > limits.JSON_BYTES:
        raise CardError("card", f"would be larger than {limits.size(limits.JSON_BYTES)}: shorten it")
    return data


def utf8(data: bytes, place: str) -> str:
    """Return the text, with or without a byte order mark. Raises CardError."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CardError(place, "is not UTF-8 text: save it as UTF-8") from None


def refuse_encrypted(data: bytes, place: str) -> None:
    """Raise CardError for Risu's `rcc||` payload, which only Risu can open."""
    if data.lstrip()[:5] == b"rcc||":
        raise CardError(place, "is encrypted by RisuAI (rcc): export the card from there without protection")


def checked_object(value: Any, place: str) -> dict[str, Any]:
    """Return `value` if it is an object within the limits. Raises CardError."""
    if not isinstance(value, dict):
        raise CardError(place, "must hold an object, as a character card does")
    for count, (depth, part) in enumerate(_parts(value)):
        if depth > limits.DEPTH:
            raise CardError(place, f"is nested deeper than {limits.DEPTH} levels: flatten it")
        if count > limits.VALUES:
            raise _too_many(place)
        if isinstance(part, str) and _has_lone_surrogate(part):
            raise CardError(place, "a text holds half of a character (a lone surrogate): remove it")
    return value


def _too_many(place: str) -> CardError:
    return CardError(place, f"holds more than {limits.VALUES} values: shorten the card")


def _parts(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield every key and value with its depth, without recursion."""
    left = [(0, value)]
    while left:
        depth, part = left.pop()
        yield depth, part
        if isinstance(part, dict):
            left.extend((depth + 1, item) for pair in part.items() for item in pair)
        elif isinstance(part, list):
            left.extend((depth + 1, item) for item in part)


def _has_lone_surrogate(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _parsed(text: str, place: str) -> Any:
    def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise CardError(place, "an object has the same key twice: keep one of them")
        return found

    def no_number(_: str) -> NoReturn:
        raise CardError(place, "NaN and Infinity are no JSON: write a number or null")

    def finite(number: str) -> float:
        return read_float(number, place)

    try:
        return json.loads(text, object_pairs_hook=once_each, parse_constant=no_number, parse_float=finite)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise CardError(place, f"is not JSON: {where}: {error.msg}") from None
    except RecursionError:
        raise CardError(place, f"is nested deeper than {limits.DEPTH} levels: flatten it") from None
    except ValueError:
        raise CardError(place, "a number is too long: shorten it") from None


def read_float(number: str, place: str) -> float:
    """Return a number with a fraction or an exponent. Raises CardError for one that is too large."""
    value = float(number)
    if math.isinf(value):
        raise CardError(place, "a number is too large: shorten it")
    return value
