from repartee_eval.judges.offline_judge import offline_speaker
from repartee_eval.judges.prompts import JudgePrompts
from repartee_eval.judges.question import Unreadable, offline_judge
from repartee_eval.judges.speaker import speaker_items, speaker_questions
from repartee_eval.judges.verdict_reading import read_verdict
from tests.unit.repartee_eval.judges.judging import JUDGE, PROMPTS, character, completion, verdict

CHARACTERS = [character(name) for name in ("vera", "timur", "agata", "marlow")]


def test_each_line_meets_another_character_of_its_language() -> None:
    items = speaker_items(CHARACTERS, per_character=3, seed=1)
    assert {item.speaker.name for item in items} == {"Вера", "Тимур", "Агата"}
    assert len(items) == 9
    assert all(item.speaker.name != item.other.name for item in items)
    assert all(item.speaker.language == item.other.language for item in items)
    assert len({item.id for item in items}) == 9
    assert items == speaker_items(CHARACTERS, per_character=3, seed=1)


def test_the_line_names_nobody_and_the_cards_show_no_lines() -> None:
    for item in speaker_items(CHARACTERS, per_character=8):
        text = speaker_questions(item, JUDGE, PROMPTS)[0].body["messages"][1]["content"]
        line = text.split("# The line")[1]
        assert item.speaker.name not in line
        assert "{{" not in line
        assert item.line[1].text not in text.split("# The line")[0]


def test_the_right_speaker_is_a_in_both_orders() -> None:
    item = speaker_items(CHARACTERS)[0]
    straight, swapped = speaker_questions(item, JUDGE, PROMPTS)
    for asked, right in ((straight, "1"), (swapped, "2")):
        readings = read_verdict(asked, completion(verdict(right)))
        assert isinstance(readings, tuple)
        assert readings[0].verdict == "a"
    assert straight.key != swapped.key
    for asked, first in ((straight, item.speaker), (swapped, item.other)):
        cards = asked.body["messages"][1]["content"].split("# Character 2")
        assert f"Name: {first.name}" in cards[0]
        assert f"Name: {first.name}" not in cards[1]


def test_the_baseline_answers_the_check_too() -> None:
    for item in speaker_items(CHARACTERS):
        for asked in speaker_questions(item, offline_judge(), PROMPTS):
            (reading,) = read_verdict(asked, offline_speaker(asked, item))
            assert reading.reason.startswith("offline-baseline: ")
            assert reading.verdict in {"a", "b"}


def test_the_prompts_that_ship_are_found_without_a_folder() -> None:
    assert JudgePrompts().fingerprints == PROMPTS.fingerprints


def test_there_is_no_tie_between_speakers() -> None:
    asked = speaker_questions(speaker_items(CHARACTERS)[0], JUDGE, PROMPTS)[0]
    assert isinstance(read_verdict(asked, completion(verdict("tie"))), Unreadable)
