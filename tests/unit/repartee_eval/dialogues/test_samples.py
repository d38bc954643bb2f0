"""The dialogues that ship with the project."""

from collections import Counter
from pathlib import Path

import pytest

from repartee_eval import wiring
from repartee_eval.dialogues.characters import characters_in
from repartee_eval.dialogues.deduplication import deduplicated
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.jsonl import load_dialogues
from repartee_eval.dialogues.windows import window_cases

FOLDER = Path(__file__).parents[4] / "eval" / "data" / "dialogues"


def shipped(name: str) -> tuple[Dialogue, ...]:
    return load_dialogues(FOLDER / name, characters_in(wiring.characters_folder()).get).dialogues


def test_every_dialogue_of_last_week_meets_one_of_this_week() -> None:
    found = window_cases(shipped("last_week.jsonl"), shipped("this_week.jsonl"))
    assert found.paired_dialogues == 16
    assert found.unpaired_windows_a == found.unpaired_windows_b == 0
    assert {(case.a.model, case.b.model) for case in found.cases} == {("sample-a", "sample-b")}


@pytest.mark.parametrize("name", ["last_week.jsonl", "this_week.jsonl"])
def test_samples_are_marked_as_emulated_and_each_is_its_own(name: str) -> None:
    dialogues = shipped(name)
    assert all(each.emulated and 8 <= len(each.messages) <= 24 for each in dialogues)
    assert Counter(each.character.language for each in dialogues) == {"en": 12, "ru": 4}
    assert len(deduplicated(dialogues, near=0.5).dialogues) == len(dialogues)


def test_floor_examples_have_ids_that_say_what_they_are() -> None:
    assert all(each.id.startswith("floor-") for each in shipped("floor_examples.jsonl"))
