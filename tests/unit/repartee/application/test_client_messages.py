import pytest

from repartee.application.client_messages import system_first, with_memories
from repartee.application.ports import PromptMessage


def said(*pairs: str) -> tuple[PromptMessage, ...]:
    return tuple(PromptMessage(*pair.split(":", 1)) for pair in pairs)  # type: ignore[arg-type]


def test_memories_follow_the_users_last_message_and_what_the_client_put_behind_stays_behind() -> None:
    messages = said("system:card", "user:a", "assistant:b", "user:c", "system:stay", "assistant:So")
    expected = said(
        "system:card", "user:a", "assistant:b", "user:c", "system:M", "system:stay", "assistant:So"
    )
    assert with_memories(messages, "M", "system") == expected


def test_memories_join_the_users_last_message_where_system_may_stand_first_only() -> None:
    messages = said("system:card", "user:a", "assistant:So")
    assert with_memories(messages, "M", "user") == said("system:card", "user:a\n\nM", "assistant:So")


def test_joined_memories_leave_the_name_on_the_message() -> None:
    [message] = with_memories((PromptMessage("user", "a", "Ann"),), "M", "user")
    assert message == PromptMessage("user", "a\n\nM", "Ann")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (["user:a", "assistant:b"], ["user:a", "assistant:b"]),
        (["system:1", "system:2", "user:a"], ["system:1\n\n2", "user:a"]),
        (["system:1", "user:a", "system:2"], ["system:1", "user:a\n\n2"]),
        (["assistant:hi", "system:2", "user:a"], ["assistant:hi", "user:2\n\na"]),
        (["system:1"], ["system:1"]),
    ],
)
def test_system_text_stands_at_the_start_only(given: list[str], sent: list[str]) -> None:
    assert system_first(said(*given)) == said(*sent)
