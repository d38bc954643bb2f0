"""A scene of several characters over HTTP: a real service, with an upstream that keeps what it was sent."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.loopback.upstream import LoopbackUpstream
from tests.processes import Service, service

OTTO = {"name": "Otto", "description": "Otto owns the bar.", "extensions": {"talkativeness": "0.1"}}
SCENE = {
    "user": {"id": "maya", "name": "Maya"},
    "cast": [{"character": "blaze"}, {"character": "juno"}, {"character": OTTO, "muted": True}],
    "messages": [
        {"role": "user", "text": "evening all"},
        {"role": "character", "speaker": "Blaze", "text": "*nods* Evening."},
        {"role": "character", "speaker": "Juno", "text": "Mind the pipe."},
        {"role": "user", "text": "Juno, which pipe?"},
    ],
}


async def test_the_model_is_sent_one_card_and_everybodys_lines_by_name(tmp_path: Path) -> None:
    async with LoopbackUpstream() as upstream:
        settings = {"REPARTEE_LLM__BASE_URL": f"{upstream.url}/v1", "REPARTEE_LLM__MODEL": "loopback-model"}
        events = {"REPARTEE_EVENTS__ENABLED": "true"}
        upstream.replies.extend(["Juno: That one.\nBlaze: No.", "Behind you.", "Left."])

        def talk() -> tuple[dict[str, Any], str, dict[str, Any]]:
            with service(tmp_path / "var", **settings, **events) as api:
                reply = api.post("/generate", SCENE).body
                stream = api.post("/generate", SCENE | {"stream": True}).body
                return reply, stream, api.post("/generate", SCENE | {"speaker": "otto"}).body

        reply, stream, by_otto = await asyncio.to_thread(talk)
        first, _, third = (request.body["messages"] for request in upstream.requests)
    assert (reply["text"], reply["speaker"]) == ("That one.", {"name": "Juno", "reason": "mentioned"})
    assert [message["role"] for message in first] == ["system", "user", "user", "assistant", "user", "system"]
    assert [message["content"] for message in first[1:5]] == [
        "Maya: evening all", "Blaze: *nods* Evening.", "Mind the pipe.", "Maya: Juno, which pipe?",
    ]  # fmt: skip
    assert "# Character: Juno" in first[0]["content"]
    assert "- Otto: Otto owns the bar." in first[0]["content"]
    assert first[-1]["content"].startswith(
        "Write the next message only as Juno: nothing for Blaze, Otto, Maya"
    )
    assert (by_otto["text"], by_otto["speaker"]) == ("Left.", {"name": "Otto", "reason": "given"})
    assert [message["role"] for message in third] == ["system", *["user"] * 4, "system"]
    _assert_streamed(stream)
    _assert_recorded(tmp_path / "var")


def _assert_streamed(stream: str) -> None:
    blocks = [block.partition("data: ")[2] for block in stream.split("\n\n") if block]
    facts, *_, done = map(json.loads, blocks)
    assert facts["speaker"] == done["speaker"] == {"name": "Juno", "reason": "mentioned"}
    assert done["text"] == "Behind you."


def _assert_recorded(folder: Path) -> None:
    lines = [line for path in folder.rglob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    events = [json.loads(line) for line in lines]
    assert [event["cast"] for event in events] == [["Blaze", "Juno", "Otto"]] * 3
    assert events[0]["reply"]["speaker"] == {"name": "Juno", "reason": "mentioned"}
    assert events[0]["messages"][1]["speaker"] == "Blaze"


def _post(api: Service, **changed: Any) -> dict[str, Any]:
    answer = api.post("/generate", SCENE | changed)
    return {"status": answer.status, **answer.body}


def test_offline_a_scene_talks_opens_and_refuses_by_name(tmp_path: Path) -> None:
    own = {"role": "character", "speaker": "Juno", "text": "The one that sings."}
    with service(tmp_path / "var") as api:
        reply = _post(api)
        assert (reply["model"], reply["speaker"]["name"]) == ("offline", "Juno")
        assert _post(api)["text"] == reply["text"]
        opening = _post(api, messages=[], speaker="Blaze")
        assert (opening["finish_reason"], opening["speaker"]["name"]) == ("greeting", "Blaze")
        for mode in ("regenerate", "continue"):
            again = _post(api, mode=mode, messages=[*SCENE["messages"], own])
            assert again["speaker"] == {"name": "Juno", "reason": "last"}
        assert _post(api, mode="impersonate")["speaker"] is None
        assert len(_post(api, n=3)["alternatives"]) == 2
        assert _post(api, messages=[*SCENE["messages"], own])["speaker"] == {
            "name": "Blaze",
            "reason": "only",
        }
        for wrong, field in (
            ({"speaker": "Bob"}, "speaker"),
            ({"character": "blaze"}, "character"),
            ({"cast": [{"character": "blaze"}] * 2}, "cast.1.character"),
            ({"messages": [{"role": "character", "text": "Hm."}]}, "messages.0.speaker"),
        ):
            refused = _post(api, **wrong)
            assert (refused["status"], refused["errors"][0]["field"]) == (422, field)
