from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from repartee_tune.training_rows import Message
from repartee_tune.trimming import least_turns, trim_oldest_turns


def _say(role: str, content: str) -> Message:
    return Message.model_validate({"role": role, "content": content})


def _characters(messages: Sequence[Message]) -> int:
    return sum(len(message.content) for message in messages)


TALK = (
    _say("system", "S" * 10),
    _say("assistant", "hello"),
    _say("user", "a" * 10),
    _say("assistant", "b" * 10),
    _say("user", "c" * 10),
)


def test_what_fits_is_left_alone() -> None:
    trimmed = trim_oldest_turns(TALK, _characters, 45)
    assert trimmed is not None
    assert trimmed.messages == TALK
    assert trimmed.dropped == 0


def test_oldest_turns_go_and_a_user_begins() -> None:
    trimmed = trim_oldest_turns(TALK, _characters, 39)
    assert trimmed is not None
    assert trimmed.messages == (TALK[0], *TALK[4:])
    assert trimmed.dropped == 3


def test_none_where_the_newest_turn_does_not_fit() -> None:
    assert trim_oldest_turns(TALK, _characters, 19) is None


def test_what_always_stays_is_the_system_message_and_the_newest_turn() -> None:
    assert least_turns(TALK) == (TALK[0], TALK[4])
    assert least_turns(TALK[:2]) == TALK[:2]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9), st.integers(0, 200))
def test_never_over_budget_and_never_one_turn_too_many(lengths: list[int], budget: int) -> None:
    turns = [_say("user" if i % 2 == 0 else "assistant", "x" * n) for i, n in enumerate(lengths)]
    trimmed = trim_oldest_turns(turns, _characters, budget)
    fitting = [turns[i:] for i in range(0, len(turns), 2) if _characters(turns[i:]) <= budget]
    assert (list(trimmed.messages) if trimmed else None) == (fitting[0] if fitting else None)
