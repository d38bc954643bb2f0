from typing import Any

import pytest
from pydantic import ValidationError

from repartee.application.generate_request import GenerateRequest
from repartee.domain.character import Character

TWO = [{"character": "blaze"}, {"character": {"name": "Otto"}}]


def _errors(**body: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        GenerateRequest.model_validate(body)
    return [(".".join(map(str, error["loc"])), error["msg"]) for error in caught.value.errors()]


def test_a_character_is_enough() -> None:
    asked = GenerateRequest.model_validate({"character": "blaze"})
    assert (asked.character, asked.cast, asked.mode, asked.n) == ("blaze", None, "reply", 1)
    assert asked == GenerateRequest(character="blaze")


def test_a_cast_stands_in_for_the_character() -> None:
    asked = GenerateRequest.model_validate({"cast": TWO, "speaker": "Otto"})
    assert asked.character is None
    assert isinstance(asked.cast[1].character, Character)


@pytest.mark.parametrize("body", [{}, {"character": None}])
def test_without_character_and_cast_the_character_is_what_is_missing(body) -> None:
    assert _errors(**body) == [("character", "Field required")]


def test_both_are_one_too_many() -> None:
    [(field, message)] = _errors(character="blaze", cast=TWO)
    assert (field, "holds all characters" in message) == ("character", True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"cast": TWO[:1]}, "cast"),
        ({"cast": [{"character": f"c{at}"} for at in range(17)]}, "cast"),
        ({"cast": [*TWO, {"character": "juno", "talkativeness": 1.5}]}, "cast.2.talkativeness"),
        ({"cast": [*TWO, {"character": "juno", "mutd": True}]}, "cast.2.mutd"),
        ({"cast": [*TWO, {}]}, "cast.2.character"),
        ({"cast": TWO, "speaker": "a\nb"}, "speaker"),
        ({"character": "Not A Short Name"}, "character.name"),
        ({"character": "blaze", "n": 9}, "n"),
        ({"character": "blaze", "greeting": -1}, "greeting"),
        ({"character": "blaze", "messages": [{"role": "character", "text": "x", "speaker": ""}]},
            "messages.0.speaker"),
        ({"character": "blaze", "unknown": 1}, "unknown"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_alone(body: dict[str, Any], field: str) -> None:
    assert [at for at, _ in _errors(**body)] == [field]
