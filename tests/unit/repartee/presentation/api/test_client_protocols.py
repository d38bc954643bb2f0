"""Requests and reading rules of SillyTavern, Open WebUI and RisuAI, written from their public source code."""

import codecs
import json
import re
from typing import Any

import aiohttp
import pytest

from tests.client_bodies import sillytavern
from tests.fakes import FakeChatModel, FakeFactStore
from tests.serving import fake_api, served

ODD = "one\u2028two\u2029three\u0085four \N{FAMILY} \N{CYRILLIC SMALL LETTER YA}"
SAYS: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]


def sillytavern_reads(body: bytes, cuts: int) -> tuple[str, dict[int, str]]:
    """Return the text and the other swipes, read as SillyTavern's page reads a stream that comes in pieces.

    Events end with an empty line, lines with LF or CR; a line's value ends where JavaScript's `.` does.
    """
    decode = codecs.getincrementaldecoder("utf-8")().decode
    text, swipes, rest = "", {}, ""
    for start in range(0, len(body), cuts):
        *events, rest = re.split(r"\r\n\r\n|\r\r|\n\n", rest + decode(body[start : start + cuts]))
        for event in events:
            data = ""
            for line in re.split(r"[\r\n]", event):
                found = re.search("([^:]+)(?:: ?([^\n\r\u2028\u2029]*))?", line)
                if found and found[1] == "data":
                    data += (found[2] or "") + "\n"
            if not data:
                continue
            if data == "[DONE]\n":
                return text, swipes
            chunk = json.loads(data)
            choice = chunk["choices"][0] if chunk["choices"] else {"index": 0, "delta": {}}
            piece = choice["delta"].get("content") or ""
            if choice["index"]:
                swipes[choice["index"]] = swipes.get(choice["index"], "") + piece
            else:
                text += piece
    raise AssertionError("no [DONE]")


async def sent(url: str, body: Any, path: str = "/v1/chat/completions", **headers: str):
    async with (
        aiohttp.ClientSession() as session,
        session.post(url + path, data=json.dumps(body), headers=headers) as response,
    ):
        return response, await response.read()


async def got(url: str, path: str, **headers: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url + path, headers=headers) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("model_id", ["fake", "blaze"])
@pytest.mark.parametrize("cuts", [1, 7, 100_000])
async def test_a_stream_with_unusual_line_ends_is_read_whole_by_sillytavern(model_id: str, cuts: int) -> None:
    body = sillytavern(model_id, stream=True, n=2, stream_options={"include_usage": True})
    async with served(fake_api(model=FakeChatModel(ODD))) as url:
        response, raw = await sent(url, body, authorization="Bearer undefined")
    assert response.headers["content-type"].startswith("text/event-stream")
    text, swipes = sillytavern_reads(raw, cuts)
    assert (text, [*swipes]) == (ODD, [1])
    assert len(raw.decode().splitlines()) == raw.count(b"\n")  # nothing else ends a line


async def test_the_native_stream_has_no_unusual_line_ends_either() -> None:
    body = {"character": "blaze", "messages": [{"role": "user", "text": "hi"}], "stream": True}
    async with served(fake_api(model=FakeChatModel(ODD))) as url:
        _, raw = await sent(url, body, "/generate")
    assert len(raw.decode().splitlines()) == raw.count(b"\n")
    done = next(line for line in raw.decode().split("\n") if '"finish_reason"' in line)
    assert json.loads(done.removeprefix("data: "))["text"] == ODD


@pytest.mark.parametrize("slashes", ["/v1/chat/completions/", "/v1//chat/completions"])
async def test_a_base_url_with_a_slash_too_many_works(slashes: str) -> None:
    async with served(fake_api()) as url:
        response, _ = await sent(url, {"model": "fake", "messages": SAYS}, slashes)
        listed = await got(url, slashes.replace("chat/completions", "models"))
    assert (response.status, listed[0]) == (200, 200)
    assert {"fake", "blaze"} <= {model["id"] for model in listed[1]["data"]}


async def test_sliders_at_their_ends_are_no_errors() -> None:
    model = FakeChatModel()
    ends = {
        "top_p": 0,
        "temperature": 2,
        "presence_penalty": -2,
        "frequency_penalty": 2,
        "max_tokens": 99_999,
    }
    stops = [None, "", "x" * 65, "\nAnn:"]
    async with served(fake_api(model=model)) as url:
        response, raw = await sent(url, sillytavern("fake", **ends, stop=stops, seed=-1, logprobs=5))
    assert response.status == 200
    sampling = model.samplings[0]
    assert (sampling.top_p, sampling.stop) == (0.001, ("\nAnn:",))
    assert json.loads(raw)["repartee"]["ignored"] == ["logprobs", "stop strings above 64 characters"]


async def test_open_webui_names_its_user_in_headers_of_its_own() -> None:
    store, model = FakeFactStore(), FakeChatModel()
    headers = {
        "X-OpenWebUI-User-Id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "X-OpenWebUI-User-Name": "%D0%90%D0%BD%D1%8F",
        "X-OpenWebUI-User-Role": "user",
    }
    async with served(fake_api(model=model, store=store)) as url:
        await sent(url, {"model": "blaze", "messages": SAYS}, **headers)
        await sent(url, {"model": "blaze", "messages": SAYS, "user": "maya"}, **headers)
        await sent(url, {"model": "blaze", "messages": SAYS, "user": {"id": "jonas", "role": "user"}})
    users = [prompt.turn.user for prompt in model.prompts]
    assert [user.id for user in users] == ["7c9e6679-7425-40de-944b-e07fc1f90ae7", "maya", "jonas"]
    assert users[0].name == "\u0410\u043d\u044f"


async def test_open_webuis_header_cannot_name_another_user_than_the_keys() -> None:
    async with served(fake_api(user_keys={"k1": "ann"})) as url:
        response, raw = await sent(
            url,
            {"model": "blaze", "messages": SAYS},
            **{"authorization": "Bearer k1", "X-OpenWebUI-User-Id": "bob"},
        )
    assert (response.status, json.loads(raw)["error"]["message"].split(":")[0]) == (
        403,
        "X-OpenWebUI-User-Id",
    )


async def test_a_conversation_that_ends_with_the_assistant_is_continued() -> None:
    model = FakeChatModel("and the lamp goes out.")
    begun = [*SAYS, {"role": "assistant", "content": "The rain stops"}]
    async with served(fake_api(model=model)) as url:
        _, raw = await sent(url, {"model": "blaze", "messages": begun})
        nudged = [*begun, {"role": "system", "content": "[Write Ann's next line.]"}]
        await sent(url, {"model": "blaze", "messages": nudged})
        asked = {"mode": "impersonate"}
        await sent(url, {"model": "blaze", "messages": nudged, "repartee": asked})
        _, plain = await sent(url, {"model": "fake", "messages": begun, "repartee": asked})
    modes = [prompt.turn.mode for prompt in model.prompts[:3]]
    assert modes == ["continue", "reply", "impersonate"]
    assert json.loads(raw)["choices"][0]["message"]["content"] == "and the lamp goes out."
    assert json.loads(plain)["repartee"]["ignored"] == ["repartee.mode"]
    assert [(one.role, one.content) for one in model.prompts[3].messages] == [
        ("user", "hi"),
        ("assistant", "The rain stops"),
    ]


async def test_what_the_client_says_after_the_last_turn_stays_behind_it() -> None:
    model = FakeChatModel()
    rules = {"role": "system", "content": "It is winter."}
    async with served(fake_api(model=model)) as url:
        for note in ("[Be brief.]", "[Be witty.]"):
            messages = [rules, *SAYS, {"role": "system", "content": note}]
            await sent(url, {"model": "blaze", "messages": messages})
    first, second = (prompt.messages for prompt in model.prompts)
    assert "It is winter." in first[0].content
    assert first[0].content == second[0].content  # the beginning stays the same for a server's cache
    assert first[1].content == "hi"
    assert "[Be brief.]" in first[2].content
