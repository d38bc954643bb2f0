"""The service's event log becomes dialogues: a really served chat, and the ways in which chats fork."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from repartee.integrations.jsonl_event_log import JsonlEventLog
from repartee_eval.dialogues.bad_lines import BadLines
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.importing.casting import Casting
from repartee_eval.dialogues.importing.event_log import EventLog, read_event_log
from tests.fakes import FakeChatModel
from tests.serving import fake_api, served

START = datetime(2026, 1, 5, 20, tzinfo=UTC)


class Chat:
    """Talks to the service as a client does, and keeps the history."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self.history: list[dict[str, str]] = []

    async def ask(self, text: str | None = None, **more: Any) -> str:
        if text is not None:
            self.history.append({"role": "user", "text": text})
        request = {"character": "marlow", "user": {"id": "maya"}, "messages": self.history, **more}
        response = await self._client.post("/generate", json=request)
        response.raise_for_status()
        reply = response.json()
        mode = more.get("mode", "reply")
        if mode in {"regenerate", "continue"}:
            before = self.history.pop()["text"]
            text = reply["text"] if mode == "regenerate" else f"{before}\n{reply['text']}"
        if mode != "impersonate":
            said = text if mode != "reply" and text is not None else reply["text"]
            self.history.append({"role": "character", "text": said})
        return str(reply["id"])


async def test_a_served_chat_comes_out_as_it_was_seen(tmp_path: Path) -> None:
    log = JsonlEventLog(tmp_path, 4_000)
    model = FakeChatModel(
        "*nods* Sit.", "Tea is ready.", "Tea was promised.", "Sugar is extra.", "I'd rather not.", "Go on."
    )
    async with (
        served(fake_api(model=model, event_log=log)) as url,
        httpx2.AsyncClient(base_url=url, timeout=20) as client,
    ):
        chat = Chat(client)
        await chat.ask()
        await chat.ask("Evening.")
        thrown_away = await chat.ask("Is there tea?")
        await client.post("/feedback", json={"reply_id": thrown_away, "verdict": "dislike"})
        again = await chat.ask(mode="regenerate")
        await chat.ask(mode="continue")
        await chat.ask(mode="impersonate")
        last = await chat.ask("Thank you.")
        await client.post("/feedback", json={"reply_id": last, "verdict": "like"})
    await log.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) > 1, "the chat is to be spread over several files"

    bad = BadLines()
    events = read_event_log(files, Casting(), bad)
    (dialogue,) = events.dialogues(Casting())

    assert [{"role": turn.role, "text": turn.text} for turn in dialogue.messages] == chat.history
    assert (bad.count, events.not_replies) == (0, 1)
    assert dialogue.messages[-1].feedback == ("like",)
    assert dialogue.messages[-1].model == "fake"
    assert dialogue.messages[0].model is None  # a greeting is the card's
    assert dialogue.messages[-1].prompt_version
    replaced = dialogue.messages[4].discarded
    assert {old.id: old.feedback for old in replaced} == {thrown_away: ("dislike",), again: ()}
    assert dialogue.character.name == "Marlow"


def event(number: int, history: Iterable[str], reply: str, **more: Any) -> dict[str, Any]:
    """Return a reply event. A history's texts begin with u or c, for who said it."""
    roles = {"u": "user", "c": "character"}
    return {
        "type": "reply",
        "at": (START + timedelta(minutes=number)).isoformat(),
        "reply": {"id": f"rpl_{number:032}", "text": reply, "model": "m", "request_id": f"r{number}"},
        "user": {"id": "maya", "name": "Maya"},
        "character": {"name": "Marlow", "description": "A detective."},
        "scenario": None,
        "messages": [{"role": roles[text[0]], "text": text} for text in history],
        "templates": "t1",
        **more,
    }


def dialogues_of(events: Iterable[dict[str, Any]], tmp_path: Path) -> list[Dialogue]:
    return list(read(events, tmp_path).dialogues(Casting()))


def read(events: Iterable[dict[str, Any]], tmp_path: Path) -> EventLog:
    path = tmp_path / "events-1.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in events))
    bad = BadLines()
    log = read_event_log([path], Casting(), bad)
    bad.settle()
    return log


def texts(dialogue: Dialogue) -> list[str]:
    return [turn.text for turn in dialogue.messages]


def test_replies_of_one_chat_are_stitched_whatever_their_order_in_the_files(tmp_path: Path) -> None:
    events = [
        event(3, ["u1", "c1", "u2", "c2", "u3"], "c3"),
        event(1, ["u1"], "c1"),
        event(2, ["u1", "c1", "u2"], "c2"),
    ]
    (dialogue,) = dialogues_of(events, tmp_path)
    assert texts(dialogue) == ["u1", "c1", "u2", "c2", "u3", "c3"]
    assert [turn.model for turn in dialogue.messages] == [None, "m"] * 3


def test_users_characters_and_scenarios_are_kept_apart(tmp_path: Path) -> None:
    events = [
        event(1, ["u1"], "c1"),
        event(2, ["u1"], "c1", user={"id": "omar"}),
        event(3, ["u1"], "c1", character={"name": "Wren"}),
        event(4, ["u1"], "c1", scenario={"setting": "A ferry", "relationship": "", "goal": ""}),
    ]
    assert len(dialogues_of(events, tmp_path)) == 4


def test_an_id_stays_when_the_chat_goes_on_and_when_its_first_reply_is_tried_again(tmp_path: Path) -> None:
    first = event(1, ["u1"], "c1")
    again = event(2, ["u1"], "c1 again", mode="regenerate")
    later = event(3, ["u1", "c1 again", "u2"], "c2")
    ids = {
        dialogues_of(events, tmp_path)[0].id for events in ([first], [first, again], [first, again, later])
    }
    assert ids == {f"log-rpl_{1:032}"}


def test_of_two_tries_the_one_taken_up_stays(tmp_path: Path) -> None:
    events = [event(1, ["u1"], "c1"), event(2, ["u1"], "c1 b"), event(3, ["u1", "c1", "u2"], "c2")]
    (dialogue,) = dialogues_of(events, tmp_path)
    assert texts(dialogue) == ["u1", "c1", "u2", "c2"]
    assert [(old.text, old.feedback) for old in dialogue.messages[1].discarded] == [("c1 b", ("regenerate",))]


def test_a_chat_that_begins_like_an_earlier_one_is_another_chat(tmp_path: Path) -> None:
    events = [event(1, ["u1"], "c1"), event(600, ["u1"], "c1 b")]
    assert [texts(each) for each in dialogues_of(events, tmp_path)] == [["u1", "c1"], ["u1", "c1 b"]]


def test_strangers_without_an_id_who_say_the_same_are_not_one_person(tmp_path: Path) -> None:
    unknown = {"name": "User"}
    events = [event(1, ["u1"], "c1", user=unknown), event(2, ["u1"], "c1 b", user=unknown)]
    assert len(dialogues_of(events, tmp_path)) == 2


def test_an_edited_message_of_the_user_makes_a_branch_with_an_id_of_its_own(tmp_path: Path) -> None:
    events = [
        event(1, ["u1"], "c1"),
        event(2, ["u1", "c1", "u2"], "c2"),
        event(3, ["u1", "c1", "u2 edited"], "c2 b"),
    ]
    found = dialogues_of(events, tmp_path)
    assert [texts(each)[-2:] for each in found] == [["u2", "c2"], ["u2 edited", "c2 b"]]
    assert [each.id for each in found] == [f"log-rpl_{1:032}", f"log-rpl_{3:032}"]


def test_a_reply_that_was_edited_by_hand_has_no_model(tmp_path: Path) -> None:
    events = [event(1, ["u1"], "c1"), event(2, ["u1", "c1 edited", "u2"], "c2")]
    (dialogue,) = dialogues_of(events, tmp_path)
    assert (dialogue.messages[1].text, dialogue.messages[1].model) == ("c1 edited", None)
    assert [(old.text, old.feedback) for old in dialogue.messages[1].discarded] == [("c1", ())]


def test_a_client_that_sends_the_last_messages_only_is_understood(tmp_path: Path) -> None:
    history = [f"{who}{turn}" for turn in range(12) for who in "uc"]
    events = [event(turn, history[max(0, 2 * turn - 6) : 2 * turn + 1], f"c{turn}") for turn in range(12)]
    (dialogue,) = dialogues_of(events, tmp_path)
    assert texts(dialogue) == history


def test_a_log_that_begins_in_the_middle_keeps_the_history_that_it_shows(tmp_path: Path) -> None:
    (dialogue,) = dialogues_of([event(1, ["c0", "u1", "c1", "u2"], "c2")], tmp_path)
    assert texts(dialogue) == ["c0", "u1", "c1", "u2", "c2"]
    assert dialogue.messages[2].model is None


def test_chats_in_which_no_user_spoke_and_empty_replies_are_left_out(tmp_path: Path) -> None:
    log = read([event(1, [], "c0"), event(2, ["u1"], " ")], tmp_path)
    assert (list(log.dialogues(Casting())), log.not_replies) == ([], 1)


def test_a_copied_log_counts_once(tmp_path: Path) -> None:
    log = read([event(1, ["u1"], "c1")] * 2, tmp_path)
    assert (len(list(log.dialogues(Casting()))), log.duplicates) == (1, 1)


def test_speakers_of_a_cast_are_kept(tmp_path: Path) -> None:
    group = {"cast": ["Marlow", "Wren"]}
    first = event(1, ["u1"], "c1", **group)
    first["reply"]["speaker"] = {"name": "Marlow", "reason": "named"}
    second = event(2, ["u1", "c1", "u2"], "c2", **{**group, "character": {"name": "Wren"}})
    second["reply"]["speaker"] = {"name": "Wren", "reason": "turn"}
    (dialogue,) = dialogues_of([first, second], tmp_path)
    assert [turn.speaker for turn in dialogue.messages] == ["", "Marlow", "", "Wren"]


@pytest.mark.parametrize("ending", ["", "\n"])
def test_only_a_torn_last_line_is_forgiven(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "events-1.jsonl"
    path.write_text(json.dumps(event(1, ["u1"], "c1")) + '\n{"type": "reply", "at' + ending)
    bad = BadLines()
    log = read_event_log([path], Casting(), bad)
    assert (len(log.replies), bad.numbers.get(str(path), [])) == (1, [2] if ending else [])


def test_events_of_another_shape_are_bad_lines(tmp_path: Path) -> None:
    path = tmp_path / "events-1.jsonl"
    wrong = [
        {"type": "noise"},
        {**event(1, ["u1"], "c1"), "messages": "x"},
        event(2, [], "x", character={"name": 5}),
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in wrong))
    bad = BadLines()
    read_event_log([path], Casting(), bad)
    assert bad.numbers[str(path)] == [1, 2, 3]
    assert "messages" in bad.first[1].problem


def test_more_history_than_was_logged_is_not_cut_to_fit(tmp_path: Path) -> None:
    events = [event(1, ["u1"], "c1"), event(2, ["c0", "u1", "c1", "u2"], "c2")]
    assert [texts(each) for each in dialogues_of(events, tmp_path)] == [
        ["u1", "c1"],
        ["c0", "u1", "c1", "u2", "c2"],
    ]


def test_what_a_shadow_said_is_no_turn_of_the_chat_and_no_bad_line(tmp_path: Path) -> None:
    line = {"type": "shadow", "reply_id": "rpl_1", "text": "Good evening.", "user": {"id": "ann"}}
    (tmp_path / "events.jsonl").write_text(json.dumps(line) + "\n")
    bad = BadLines()
    log = read_event_log([tmp_path / "events.jsonl"], Casting(), bad)
    assert (log.replies, log.not_replies, bad.count) == ({}, 1, 0)
