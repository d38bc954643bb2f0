import pytest

from repartee.application.turn_request import chosen_greetings, taken_up
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput

ASKED = Message(role="user", text="hi")
SAID = Message(role="character", text="Hello.")


def test_the_reply_to_be_replaced_is_one_more_to_avoid() -> None:
    assert taken_up("regenerate", (ASKED, SAID), ("Hey.",)) == ((ASKED,), ("Hey.", "Hello."))
    assert taken_up("regenerate", (ASKED,), ("Hey.", "Hey.")) == ((ASKED,), ("Hey.",))


@pytest.mark.parametrize(
    ("mode", "messages", "avoid", "field"),
    [
        ("regenerate", (SAID,), (), "messages"),
        ("regenerate", (), (), "messages"),
        ("continue", (ASKED,), (), "messages"),
        ("continue", (), (), "messages"),
        ("impersonate", (), (), "messages"),
        ("reply", (ASKED,), ("Hey.",), "avoid"),
    ],
)
def test_a_mode_without_anything_to_work_on_is_refused(mode, messages, avoid, field) -> None:
    with pytest.raises(InvalidInput) as refused:
        taken_up(mode, messages, avoid)
    assert refused.value.field == field


def test_the_wanted_greeting_comes_first_and_the_others_follow() -> None:
    assert chosen_greetings(("a", "b", "c"), 1, ()) == ("b", "c", "a")
    assert chosen_greetings(("a", "b"), None, ()) == ("a", "b")


def test_a_greeting_that_is_not_there_says_how_many_are() -> None:
    with pytest.raises(InvalidInput, match="below 2") as refused:
        chosen_greetings(("a", "b"), 2, ())
    assert refused.value.field == "greeting"


def test_a_greeting_in_the_middle_of_a_chat_is_refused() -> None:
    with pytest.raises(InvalidInput, match="empty `messages`"):
        chosen_greetings((), 0, (ASKED,))
