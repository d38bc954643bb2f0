"""With the shipped settings, most of a prompt is the beginning of the next one."""

import pytest

from repartee.domain.story import AuthorNote
from scripts.measure_prompt_cache import main, shares


@pytest.mark.parametrize("model", ["", "anthropic/claude-sonnet-4.5", "mistralai/mistral-nemo"])
def test_nine_tenths_of_the_prompt_come_again_from_the_first_turn_to_the_twentieth(model: str) -> None:
    lines = shares(20, model)
    assert [line.turn for line in lines] == list(range(1, 21))
    assert all(line.of_tokens >= 0.9 and line.of_bytes >= 0.9 for line in lines)
    assert lines[-1].tokens > 5_000


def test_a_note_in_the_history_costs_the_messages_after_it() -> None:
    plain, noted = shares(20)[-1], shares(20, note=AuthorNote(text="Slowly."))[-1]
    assert noted.of_tokens < plain.of_tokens


def test_when_old_messages_go_the_turns_between_keep_their_beginning() -> None:
    lines = shares(60)[30:]
    kept = [line.of_tokens >= 0.9 for line in lines]
    assert kept.count(False) <= len(lines) // 5 + 1
    assert False in kept


def test_it_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    assert capsys.readouterr().out.count("\n| ") >= 8
