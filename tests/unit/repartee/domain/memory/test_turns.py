import time

import pytest

from repartee.domain.memory.turns import as_written, folded, passage_of, without_actions

TURNS = [(0, folded("I like tea.")), (2, folded("Well,\n I  LIKE tea, and “green” tea most. Art? No."))]


def test_case_spaces_and_quotes_make_no_difference_and_the_named_turn_comes_first() -> None:
    passage = passage_of('i like  Tea, and "green" tea', TURNS, first=2)
    assert passage is not None
    assert passage.message_index == 2
    assert as_written(passage, "Well,\n I  LIKE tea, and “green” tea most.").startswith("I  LIKE tea, and")
    first = passage_of("i like tea", TURNS, first=0)
    assert first is not None
    assert first.message_index == 0


@pytest.mark.parametrize("evidence", ["I hate tea", "rt", "ike te", ".", "", "I", "t.a", "I like tea. Well"])
def test_only_whole_words_that_stand_there_count(evidence: str) -> None:
    assert passage_of(evidence, TURNS, first=0) is None


def test_the_sentence_around_is_known() -> None:
    passage = passage_of("green", TURNS, first=2)
    assert passage is not None
    assert passage.sentence == 'i like tea, and "green" tea most.'


def test_words_of_scripts_without_spaces_are_found_inside_others() -> None:
    passage = passage_of("猫を飼って", [(0, folded("うちでは猫を飼っています。"))], first=0)
    assert passage is not None
    assert passage.closing == "います。"


def test_actions_are_blanked_and_bold_is_not_an_action() -> None:
    assert without_actions("I *hate it* and **love** tea").split() == ["I", "and", "love", "tea"]


def test_yo_is_found_where_ye_was_written() -> None:
    passage = passage_of("она живет", [(0, folded("Она живёт в Орле"))], first=0)
    assert passage is not None
    assert as_written(passage, "Она живёт в Орле") == "Она живёт"


def test_a_piece_full_of_spaces_comes_back_folded() -> None:
    turn = f"I like{' ' * 9_000}tea"
    passage = passage_of("I like tea", [(0, folded(turn))], first=0)
    assert passage is not None
    assert as_written(passage, turn) == "i like tea"


@pytest.mark.parametrize("unit", ["so it goes ", "A1", "a-"])
def test_a_text_that_repeats_itself_takes_no_time(unit: str) -> None:
    turns = [(place, folded(unit * 3_000)) for place in range(20)]
    started = time.perf_counter()
    assert passage_of(unit * 90 + "x", turns, first=0) is None
    assert passage_of((unit * 90)[1:], turns, first=0) is None or unit != "A1"
    assert time.perf_counter() - started < 2
