from pathlib import Path

import pytest

from repartee_eval.errors import EvalError
from repartee_eval.judges.rubrics import chosen, load_criteria, load_dimensions, load_flags

ENTRY = "id: warmth\ntitle: Warmth\nquestion: Which is warmer?\nguidance: Tone.\ntie: Equal.\n"


def test_the_three_criteria_ship_in_the_order_of_the_documentation() -> None:
    assert [one.id for one in load_criteria()] == ["in_character", "scenario_focus", "engagement"]


def test_dimension_sets_and_flags_ship() -> None:
    assert [one.id for one in load_dimensions("summary")] == [
        "overall", "coverage", "accuracy", "coherence", "informativeness",
    ]  # fmt: skip
    assert [one.id for one in load_dimensions()] == ["overall", "in_character", "coherence", "engagement"]
    flags = {flag.id: flag.kind for flag in load_flags()}
    assert [name for name, kind in flags.items() if kind == "floor"] == [
        "suicide_talk", "real_life_meeting", "sexting",
    ]  # fmt: skip
    assert {"hate", "sexual", "self_harm", "violence", "language_errors"} <= set(flags)


def test_a_users_file_and_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "warmth.yaml").write_text(ENTRY)
    assert [one.id for one in load_criteria(tmp_path / "warmth.yaml")] == ["warmth"]
    (tmp_path / "more.yml").write_text(f"- {ENTRY.replace('warmth', 'wit').replace(chr(10), chr(10) + '  ')}")
    assert {one.id for one in load_criteria(tmp_path)} == {"warmth", "wit"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ENTRY.replace("tie: Equal.\n", ""), "entry 1, tie"),
        (ENTRY + "colour: red\n", "entry 1, colour"),
        (ENTRY.replace("id: warmth", "id: Warm th"), "entry 1, id"),
        (ENTRY.replace("id: warmth", "id: verdict"), "key of judges' answers"),
        ("just words", "entry 1"),
        (":\n\t-", "is not YAML"),
    ],
)
def test_a_wrong_file_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(EvalError, match=r"mine\.yaml") as error:
        load_criteria(path)
    assert told in str(error.value)


def test_no_file_an_empty_folder_and_a_repeated_id_are_errors(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="cannot be read"):
        load_criteria(tmp_path / "none.yaml")
    with pytest.raises(EvalError, match="no YAML file"):
        load_criteria(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(ENTRY)
    with pytest.raises(EvalError, match="there twice"):
        load_criteria(tmp_path)


def test_a_pattern_that_does_not_compile_is_told(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(
        "id: x\ntitle: X\nkind: tag\nquestion: q\nguidance: g\nsevere: s\npatterns: ['(']\n"
    )
    with pytest.raises(EvalError, match=r"patterns\.0.*not a regular expression"):
        load_flags(tmp_path)


def test_criteria_are_chosen_by_id() -> None:
    assert [one.id for one in chosen(load_criteria(), ("engagement",))] == ["engagement"]
    assert chosen(load_criteria(), ()) == load_criteria()
    with pytest.raises(EvalError, match="choose from in_character"):
        chosen(load_criteria(), ("charm",))
