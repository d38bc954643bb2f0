import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from repartee.presentation.cli.api_client import ApiClient
from repartee.presentation.cli.failures import ApiProblem, UserMistake
from repartee.presentation.cli.resumed_chat import ResumedChat
from tests.chat_files import GREETING, HEADER, SILLYTAVERN, WORDS, json_lines
from tests.commands import NOBODY, FakeRuntime, failed, run


def _resumed(folder: Path, *rows: Any) -> ResumedChat:
    path = folder / "rain.jsonl"
    path.write_bytes(json_lines(*rows))
    return ResumedChat.of(path)


def _client(status: int = 200) -> ApiClient:
    def answer(request: httpx2.Request) -> httpx2.Response:
        body = {"name": request.url.path} if status == 200 else {"detail": "no", "code": "x"}
        return httpx2.Response(status, json=body)

    return ApiClient("http://api", None, httpx2.MockTransport(answer))


def test_the_last_messages_are_recalled(tmp_path: Path) -> None:
    resumed = _resumed(
        tmp_path, HEADER, *[{**WORDS, "mes": str(n)} for n in range(9)], {**GREETING, "mes": "a" * 601}
    )
    assert resumed.recalled() == [
        f"{resumed.path}: 10 messages",
        "Anna › 6",
        "Anna › 7",
        "Anna › 8",
        f"Blaze › {'a' * 600}…",
    ]


def test_a_group_and_a_message_without_a_reply_are_said(tmp_path: Path) -> None:
    told = _resumed(tmp_path, HEADER, GREETING, {**GREETING, "name": "Vera"}, WORDS).recalled()
    assert told[1] == "several characters speak in it; here one goes on for all of them"
    assert told[-1] == "the last message has no reply: /retry asks for one"
    assert not any("several" in line for line in _resumed(tmp_path, HEADER, GREETING, WORDS).recalled())


def test_a_name_is_a_shipped_character(tmp_path: Path) -> None:
    card, character = _resumed(tmp_path, *SILLYTAVERN).character(_client())
    assert (card, character.name) == ("blaze", "/characters/blaze")


@pytest.mark.parametrize("status", [404, 422])
def test_a_character_that_is_not_known_is_asked_for(tmp_path: Path, status: int) -> None:
    resumed = _resumed(tmp_path, *SILLYTAVERN)
    with pytest.raises(
        UserMistake, match="is a chat with Blaze, whom the API does not know: name a character"
    ):
        resumed.character(_client(status))


def test_an_api_that_fails_is_not_taken_for_an_unknown_character(tmp_path: Path) -> None:
    with pytest.raises(ApiProblem):
        _resumed(tmp_path, *SILLYTAVERN).character(_client(500))


def test_a_stored_card_goes_on(tmp_path: Path) -> None:
    card = {"spec": "chara_card_v3", "data": {"name": "Kim", "nickname": "K"}}
    resumed = _resumed(tmp_path, {"character": card, "user": {}, "messages": []})
    sent, character = resumed.character(_client(500))
    assert (sent, character.display_name) == (card, "K")


def test_a_stored_card_that_is_wrong_is_named(tmp_path: Path) -> None:
    resumed = _resumed(tmp_path, {"character": {"name": "Kim", "age": "old"}, "user": {}, "messages": []})
    with pytest.raises(UserMistake, match=r"rain\.jsonl: character: age: Input should be a valid integer"):
        resumed.character(_client())


def test_a_file_that_is_no_chat_ends_before_any_api_is_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"facts": []}))
    said = failed(run(FakeRuntime(tmp_path), "interact", "--resume", str(path), "--api", NOBODY), status=2)
    assert said == f"{path}: is no chat of SillyTavern, no OpenAI messages and no saved dialogue"
