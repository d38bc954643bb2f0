import pytest

from repartee.domain.character import Character
from repartee.domain.errors import InvalidInput
from repartee.domain.guard import GuardOptions, guard_options


def _character(guard: object) -> Character:
    return Character(name="Mira", extensions={"repartee": {"guard": guard}})


def test_a_character_without_options_has_the_defaults() -> None:
    assert guard_options(Character(name="Mira")) == GuardOptions()
    assert guard_options(Character(name="Mira", extensions={"repartee": "?"})) == GuardOptions()


def test_the_request_goes_over_the_character_field_by_field() -> None:
    character = _character({"max_words": 50, "stop": ["###"], "balance": False})
    merged = guard_options(character, GuardOptions(max_words=None, stop=("\n",)))
    assert merged == GuardOptions(stop=("\n",), balance=False)


def test_what_the_request_does_not_name_stays_as_the_character_has_it() -> None:
    merged = guard_options(_character({"max_words": 50}), GuardOptions(balance=False))
    assert merged == GuardOptions(max_words=50, balance=False)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"max_words": "secret"}, "character.extensions.repartee.guard.max_words"),
        ({"unknown": 1}, "character.extensions.repartee.guard.unknown"),
        ({"stop": [""]}, "character.extensions.repartee.guard.stop.0"),
        ("secret", "character.extensions.repartee.guard"),
    ],
)
def test_wrong_options_of_a_character_are_an_error_that_names_the_field(given: object, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        guard_options(_character(given))
    assert caught.value.field == field
    assert "secret" not in caught.value.message
