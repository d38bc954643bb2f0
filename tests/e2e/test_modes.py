import json

import pytest

from tests.processes import Service, service

ASKED = {"role": "user", "text": "my cat broke a vase"}


def _turn(*messages: dict, **changed) -> dict:
    return {"messages": [*messages], "user": {"name": "Ann"}, "character": "blaze"} | changed


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with service(tmp_path_factory.mktemp("run") / "var") as started:
        yield started


def test_another_reply_differs_from_all_before(running: Service) -> None:
    first = running.post("/generate", _turn(ASKED)).body["text"]
    said = {"role": "character", "text": first}
    second = running.post("/generate", _turn(ASKED, said, mode="regenerate")).body["text"]
    third = running.post("/generate", _turn(ASKED, said, mode="regenerate", avoid=[second])).body["text"]
    assert len({first, second, third}) == 3


def test_a_reply_goes_on_where_it_stopped(running: Service) -> None:
    said = {"role": "character", "text": "*flips the tab book shut* A vase."}
    more = running.post("/generate", _turn(ASKED, said, mode="continue")).body
    assert (more["model"], more["text"].startswith("*flips the tab book shut*")) == ("offline", False)
    refused = running.post("/generate", _turn(ASKED, mode="continue"))
    assert (refused.status, refused.body["errors"][0]["field"]) == (422, "messages")


def test_the_users_next_line_is_suggested(running: Service) -> None:
    said = {"role": "character", "text": "Rough day? What do you do?"}
    line = running.post("/generate", _turn(said, mode="impersonate")).body
    assert line["text"]
    assert "Blaze:" not in line["text"]
    assert line["guard"]["style"] == []


def test_a_greeting_that_is_not_there_is_refused_with_their_number(running: Service) -> None:
    refused = running.post("/generate", _turn(greeting=99))
    assert (refused.status, refused.body["errors"][0]["field"]) == (422, "greeting")
    assert "the character has so many greetings" in json.dumps(refused.body)


def test_alternatives_come_whole_and_streamed(running: Service) -> None:
    reply = running.post("/generate", _turn(ASKED, n=3)).body
    assert len({reply["text"], *(other["text"] for other in reply["alternatives"])}) == 3
    stream = running.post("/generate", _turn(ASKED, n=3, stream=True)).body
    ends = [block.partition("data: ")[2] for block in stream.split("\n\n") if block.startswith("event: done")]
    assert sorted(json.loads(end)["index"] for end in ends) == [0, 1, 2]
