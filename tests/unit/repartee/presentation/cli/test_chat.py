"""The chat and its commands, over a scripted API and a screen that remembers."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest

from repartee.application.add_facts import NewFact
from repartee.application.generate_reply import UsedFact
from repartee.domain.character import Character
from repartee.domain.chat_files.cast import Cast
from repartee.domain.chat_files.chat_file import read_chat
from repartee.domain.user import User
from repartee.presentation.cli.api_client import ApiClient
from repartee.presentation.cli.api_connection import ApiConnection
from repartee.presentation.cli.chat import Chat, Said
from repartee.presentation.cli.chat_commands import ChatCommands
from repartee.presentation.cli.fact_files import UserFile
from repartee.presentation.cli.failures import ApiProblem, ApiUnreachable, UserMistake
from repartee.presentation.cli.line_input import Stopped
from repartee.presentation.cli.screens import Screen
from tests.chat_files import GREETING, HEADER, NARRATION, SILLYTAVERN, WORDS, from_json_lines, json_lines

_FACT = {"id": "f1", "owner": "user", "text": "Likes tea", "created_at": "2026-01-01T00:00:00Z", "source": ""}


class RecordingScreen(Screen):
    """Remembers what was shown; `stop_at` is the piece at which the user presses Ctrl-C."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.ends: list[tuple[list[str], str | None]] = []
        self.results: list[str] = []
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.stop_at: int | None = None

    def introduce(self, character: str, user: str, model: str) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)

    def notice(self, text: str) -> None:
        self.shown.append(f"! {text}")

    def problem(self, text: str) -> None:
        self.problems.append(text)

    def result(self, lines: Sequence[str]) -> None:
        self.results.extend(lines)

    def begin_reply(self, name: str) -> None:
        self.shown.append(f"{name}: ")
        self._pieces = 0

    def piece(self, text: str) -> None:
        self.shown[-1] += text
        self._pieces += 1
        if self._pieces == self.stop_at:
            raise Stopped

    def end_reply(self, facts: Sequence[UsedFact], note: str | None) -> None:
        self.ends.append(([fact.text for fact in facts], note))


def _candidate(text: str, similarity: float, verdict: str) -> dict[str, object]:
    scores = {"similarity": similarity, "recency": 1.0, "score": similarity, "rerank": None}
    return {
        "id": "f",
        "owner": "user",
        "character": "",
        "text": text,
        "scores": scores,
        "kept": verdict == "kept",
        "verdict": verdict,
    }


class Api:
    """Answers /generate with the next of `replies` (a text, or a status), and keeps facts."""

    def __init__(self, *replies: str | int) -> None:
        self.replies = list(replies)
        self.asked: list[dict[str, Any]] = []
        self.facts: list[dict[str, str]] = []
        self.retrieval = "ok"
        self.notices: list[dict[str, str]] = []
        self.late_notices: list[dict[str, str]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/generate":
            self.asked.append(json.loads(request.content))
            return self._reply(self.replies.pop(0))
        if request.url.path.endswith("/search"):
            found = [
                _candidate("Likes tea", 0.5, "kept"),
                _candidate("Has a cat", 0.1, "below_threshold"),
            ]
            answer = {"status": "ok", "candidates": found, "threshold": 0.3, "rerank": "off"}
            return httpx2.Response(200, json=answer)
        if request.method == "POST":
            added = json.loads(request.content)["facts"]
            rows = [{**_FACT, **fact, "id": f"f{len(self.facts) + n}"} for n, fact in enumerate(added)]
            self.facts += rows
            return httpx2.Response(200, json={"facts": rows})
        if request.method == "DELETE":
            self.facts = [fact for fact in self.facts if not request.url.path.endswith(fact["id"])]
            return httpx2.Response(200, json={"deleted": 1})
        return httpx2.Response(200, json={"facts": self.facts, "next": None})

    def _reply(self, reply: str | int) -> httpx2.Response:
        if isinstance(reply, int):
            return httpx2.Response(reply, json={"detail": "no room now", "code": "overloaded"})
        used = (
            [{"id": "f1", "owner": "user", "text": "Likes tea", "score": 0.5}]
            if self.retrieval == "ok"
            else []
        )
        start = {"id": "rpl", "request_id": "r", "facts": used, "retrieval": {"status": self.retrieval}}
        start["notices"] = self.notices
        notices = [*self.notices, *self.late_notices]
        done = {
            **start,
            "notices": notices,
            "text": reply,
            "model": "m",
            "finish_reason": "stop",
            "usage": {},
            "timings": {},
        }
        broken = reply.endswith("…")
        events = [
            ("facts", start),
            *(("delta", {"text": word + " "}) for word in reply.split()),
            *([] if broken else [("done", done)]),
        ]
        body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body.encode())


@pytest.fixture
def screen() -> RecordingScreen:
    return RecordingScreen()


def _chat(screen: RecordingScreen, api: Api, user_id: str | None = "maya") -> Chat:
    client = ApiClient("http://api", None, httpx2.MockTransport(api))
    connection = cast(ApiConnection, SimpleNamespace(client=client))
    character = Character(
        name="Blaze", description="{{char}} runs a bar.\nLate.", personality="dry, likes {{user}}"
    )
    return Chat(connection, screen, "blaze", character, User(id=user_id, name="Maya"))


def _commands(chat: Chat, *facts: str) -> ChatCommands:
    return ChatCommands(chat, UserFile(chat.user, tuple(NewFact(text=text) for text in facts)))


# --- replies ------------------------------------------------------------------------------------------


def test_the_character_speaks_first_and_the_talk_is_sent_along(screen: RecordingScreen) -> None:
    api = Api("Evening, Maya.", "Sure thing.")
    chat = _chat(screen, api)
    chat.greet()
    chat.say("A tea, please")
    assert screen.shown == ["Blaze: Evening, Maya. ", "Blaze: Sure thing. "]
    assert api.asked[0]["messages"] == []
    assert api.asked[1].pop("session_started_at") == api.asked[0]["session_started_at"]
    assert api.asked[1] == {
        "messages": [
            {"role": "character", "text": "Evening, Maya."},
            {"role": "user", "text": "A tea, please"},
        ],
        "user": {"id": "maya", "name": "Maya", "description": ""},
        "character": "blaze",
        "generation": {},
        "stream": True,
    }
    assert chat.messages[-1] == Said(role="character", text="Sure thing.")


def test_the_facts_that_were_used_are_shown_with_the_reply(screen: RecordingScreen) -> None:
    _chat(screen, Api("Tea it is.")).say("hello")
    assert screen.ends == [(["Likes tea"], None)]


def test_a_retrieval_outage_is_said(screen: RecordingScreen) -> None:
    api = Api("Tea?")
    api.retrieval = "error"
    _chat(screen, api).say("hello")
    assert screen.ends == [([], "the facts could not be searched")]


def test_a_stopped_reply_is_kept_as_far_as_it_was_shown(screen: RecordingScreen) -> None:
    chat = _chat(screen, Api("one two three four"))
    screen.stop_at = 2
    chat.say("count")
    assert chat.messages[-1]["text"].split() == ["one", "two"]
    assert screen.ends == [(["Likes tea"], "stopped")]
    assert chat.unanswered is None


def test_a_reply_that_broke_off_is_kept_as_far_as_it_was_shown(screen: RecordingScreen) -> None:
    chat = _chat(screen, Api("one two…"))
    with pytest.raises(ApiUnreachable):
        chat.say("count")
    assert chat.messages[-1]["text"].split() == ["one", "two…"]
    assert len(screen.ends) == 1


def test_a_message_without_a_reply_can_be_sent_again(screen: RecordingScreen) -> None:
    api = Api("Evening.", 503, "Here you are.")
    chat = _chat(screen, api)
    chat.greet()
    with pytest.raises(ApiProblem, match="no room now"):
        chat.say("A tea")
    assert (chat.unanswered, len(chat.messages)) == ("A tea", 1)
    chat.retry()
    assert [said["text"] for said in chat.messages] == ["Evening.", "A tea", "Here you are."]
    assert chat.unanswered is None


def test_saying_something_else_lets_go_of_what_failed(screen: RecordingScreen) -> None:
    chat = _chat(screen, Api(503, "Coffee then."))
    with pytest.raises(ApiProblem):
        chat.say("A tea")
    chat.say("A coffee")
    assert [said["text"] for said in chat.messages] == ["A coffee", "Coffee then."]


def test_another_try_takes_the_place_of_the_reply(screen: RecordingScreen) -> None:
    api = Api("Evening.", "First.", "Second.", "Third.")
    chat = _chat(screen, api)
    chat.greet()
    chat.say("hello")
    chat.retry()
    chat.retry()
    assert [said["text"] for said in chat.messages] == ["Evening.", "hello", "Third."]
    assert api.asked[1]["messages"] == api.asked[2]["messages"] == api.asked[3]["messages"]
    assert [asked.get("avoid") for asked in api.asked[1:]] == [None, ["First."], ["First.", "Second."]]
    seeds = [asked["generation"].get("seed") for asked in api.asked[1:]]
    assert len(set(seeds)) == 3


def test_another_try_that_fails_leaves_the_reply_as_it_was(screen: RecordingScreen) -> None:
    chat = _chat(screen, Api("First.", 503))
    chat.say("hello")
    with pytest.raises(ApiProblem):
        chat.retry()
    assert [said["text"] for said in chat.messages] == ["hello", "First."]


def test_what_the_character_adds_becomes_a_part_of_the_reply(screen: RecordingScreen) -> None:
    api = Api("First.", "And more.")
    chat = _chat(screen, api)
    chat.say("hello")
    _commands(chat).run("/continue")
    assert [said["text"] for said in chat.messages] == ["hello", "First. And more."]
    assert api.asked[1]["mode"] == "continue"


def test_a_suggestion_is_shown_and_not_said(screen: RecordingScreen) -> None:
    api = Api("First.", "What I might say.")
    chat = _chat(screen, api)
    chat.say("hello")
    _commands(chat).run("/impersonate")
    assert [said["text"] for said in chat.messages] == ["hello", "First."]
    assert api.asked[1]["mode"] == "impersonate"


@pytest.mark.parametrize("line", ["/continue", "/impersonate"])
def test_an_empty_chat_has_nothing_to_go_on_with(screen: RecordingScreen, line: str) -> None:
    with pytest.raises(UserMistake, match="yet"):
        _commands(_chat(screen, Api())).run(line)


def test_a_greeting_cannot_be_tried_again(screen: RecordingScreen) -> None:
    chat = _chat(screen, Api("Evening."))
    chat.greet()
    with pytest.raises(UserMistake, match="no reply to try again yet"):
        chat.retry()


def test_a_resumed_chat_goes_on_and_keeps_its_lines(screen: RecordingScreen, tmp_path: Path) -> None:
    api = Api("Rainy.", "Wet.")
    chat = _chat(screen, api)
    chat.resume(read_chat(json_lines(*SILLYTAVERN)).transcript)
    chat.say("And now?")
    assert [said["text"] for said in api.asked[0]["messages"]] == [
        GREETING["mes"],
        WORDS["mes"],
        NARRATION["mes"],
        "And now?",
    ]
    chat.retry()
    _commands(chat).run(f"/save {tmp_path}/rain.jsonl")
    header, *lines = from_json_lines((tmp_path / "rain.jsonl").read_bytes())
    assert header["chat_metadata"]["repartee"]["character"] == "blaze"
    assert lines[:4] == SILLYTAVERN[1:]
    assert [(line["name"], line["mes"]) for line in lines[4:]] == [("Maya", "And now?"), ("Blaze", "Wet.")]


def test_a_resumed_message_without_a_reply_gets_one(screen: RecordingScreen) -> None:
    chat = _chat(screen, Api("Tea."))
    chat.resume(read_chat(json_lines(HEADER, GREETING, WORDS)).transcript)
    chat.retry()
    assert [said["text"] for said in chat.messages] == [GREETING["mes"], WORDS["mes"], "Tea."]


# --- commands -----------------------------------------------------------------------------------------


def test_facts_are_offered_only_to_someone_who_has_none(screen: RecordingScreen) -> None:
    api = Api()
    commands = _commands(_chat(screen, api), "Likes tea", "Has a cat")
    commands.offer_facts()
    assert screen.notes == ["2 facts of maya are not loaded: type /load, or run make add-facts"]
    commands.run("/load")
    assert screen.results == ["2 facts of maya are stored"]
    commands.offer_facts()
    assert len(screen.notes) == 1


def test_facts_are_listed_remembered_and_forgotten(screen: RecordingScreen) -> None:
    api = Api()
    commands = _commands(_chat(screen, api))
    for number in range(22):
        commands.run(f"/remember  Knows number {number} ")
    screen.results.clear()
    commands.run("/facts")
    assert screen.results[0] == "  1. Knows number 0"
    assert len(screen.results) == 21
    assert screen.results[-1] == "22 facts of maya are stored; the first 20 are above"
    commands.run("/forget 3")
    assert screen.results[-1] == "forgotten: Knows number 2"
    assert "Knows number 2" not in [fact["text"] for fact in api.facts]


def test_a_search_shows_scores_and_what_would_be_used(screen: RecordingScreen) -> None:
    _commands(_chat(screen, Api())).run("/facts tea")
    assert screen.results == [
        " 0.50 ✓ Likes tea",
        " 0.10   Has a cat",
        "✓ is used in a reply; the threshold is 0.3",
    ]


def test_the_character_is_shown_with_names_put_in(screen: RecordingScreen) -> None:
    _commands(_chat(screen, Api())).run("/character")
    assert screen.results == ["Blaze", "", "Blaze runs a bar.", "Late.", "", "dry, likes Maya"]


def test_the_dialogue_is_saved_once(screen: RecordingScreen, tmp_path: Path) -> None:
    chat = _chat(screen, Api("Добрый вечер."))
    chat.say("привет")
    commands = _commands(chat)
    commands.run(f"/save {tmp_path}/my talk.json")
    saved = json.loads((tmp_path / "my talk.json").read_text("utf-8"))
    assert saved == {
        "character": "blaze",
        "user": {"id": "maya", "name": "Maya", "description": ""},
        "messages": [{"role": "user", "text": "привет"}, {"role": "character", "text": "Добрый вечер."}],
    }
    with pytest.raises(UserMistake, match="exists and was left as it is"):
        commands.run(f"/save {tmp_path}/my talk.json")


def test_the_dialogue_is_saved_for_sillytavern(screen: RecordingScreen, tmp_path: Path) -> None:
    chat = _chat(screen, Api("Добрый вечер."))
    chat.say("привет")
    _commands(chat).run(f"/save {tmp_path}/talk.JSONL")
    data = (tmp_path / "talk.JSONL").read_bytes()
    header, *lines = from_json_lines(data)
    assert (header["user_name"], header["character_name"]) == ("Maya", "Blaze")
    assert [(line["name"], line["mes"]) for line in lines] == [("Maya", "привет"), ("Blaze", "Добрый вечер.")]
    assert read_chat(data).transcript.cast == Cast("blaze", chat.user)


def test_help_names_every_command(screen: RecordingScreen) -> None:
    _commands(_chat(screen, Api())).run("/help")
    for name in ("/facts", "/character", "/retry", "/save FILE", "/help", "/quit", "/load", "/remember"):
        assert any(line.startswith(name) for line in screen.results)


def test_quit_leaves(screen: RecordingScreen) -> None:
    commands = _commands(_chat(screen, Api()))
    commands.run("/quit")
    assert commands.left


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/what", "there is no /what: /help lists what there is"),
        ("/", "there is no /: /help"),
        ("/save", "name the file"),
        ("/save ~nobody-by-that-name/x", "~nobody-by-that-name/x: Could not determine home directory"),
        ("/save a\x00b", "a\x00b: embedded null byte"),
        ("/save /nowhere/at/all.json", "/nowhere/at/all.json: No such file or directory"),
        ("/remember", "/remember: text: String should have at least 1 character"),
        ("/forget 1", "name a fact by its number"),
        ("/forget ²", "name a fact by its number"),
        ("/load", "the user file has no facts"),
    ],
)
def test_a_command_that_cannot_be_done_is_one_line(screen: RecordingScreen, line: str, said: str) -> None:
    with pytest.raises(UserMistake) as caught:
        _commands(_chat(screen, Api())).run(line)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("line", ["/facts", "/remember Likes tea", "/load"])
def test_nothing_is_remembered_about_a_user_without_an_id(screen: RecordingScreen, line: str) -> None:
    with pytest.raises(UserMistake, match="has no id"):
        _commands(_chat(screen, Api(), user_id=None)).run(line)


def test_notices_are_shown_before_the_reply_once_and_the_next_request_says_when(
    screen: RecordingScreen,
) -> None:
    api = Api("Evening.", "Sure.", "No.")
    chat = _chat(screen, api)
    api.notices = [{"kind": "ai_disclosure", "text": "You talk to an AI."}]
    chat.greet()
    assert screen.shown == ["! You talk to an AI.", "Blaze: Evening. "]
    assert "last_notice_at" not in api.asked[0]
    api.notices, api.late_notices = [], [{"kind": "crisis_resources", "text": ""}]
    chat.say("a tea")
    assert api.asked[1]["last_notice_at"] >= api.asked[1]["session_started_at"]
    assert screen.shown[2] == "Blaze: Sure. "
    assert "emergency number" in screen.shown[3], "found in the reply, so it stands below it"
    api.late_notices = []
    chat.say("and?")
    assert screen.shown[4:] == ["Blaze: No. "]
    assert api.asked[2]["last_notice_at"] == api.asked[1]["last_notice_at"]
