import asyncio
import json

import aiohttp
import openai
import pytest

from repartee.domain.errors import UpstreamRateLimited, UpstreamUnavailable
from repartee.integrations.offline_chat_model import OfflineChatModel
from repartee.presentation.api.openai_door import stream
from tests.client_bodies import CLIENTS, sillytavern
from tests.fakes import FakeChatModel, FakeEmbedder, FakeEventLog
from tests.serving import fake_api, served

SAYS = [{"role": "user", "content": "my cat knocked the vase over"}]
CAT = "cat named Pickle knocked the vase over"
CANARY = "canary-4c1d"


def client_of(url: str, **options) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", **{"api_key": "none", "max_retries": 0} | options)


async def post(url: str, body: object, **kwargs) -> tuple[int, dict, dict]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(url + "/v1/chat/completions", data=data, **kwargs) as response,
    ):
        headers = {name.lower(): value for name, value in response.headers.items()}
        return response.status, json.loads(await response.read()), headers


async def events_of(url: str, body: dict) -> list[str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url + "/v1/chat/completions", json=body | {"stream": True}) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        return [block for block in (await response.read()).decode().split("\n\n") if block]


async def remember(url: str, text: str = CAT, user: str = "ann") -> None:
    async with aiohttp.ClientSession() as session:
        await session.post(f"{url}/users/{user}/facts", json={"facts": [{"text": text}]})


# --- what clients send --------------------------------------------------------------------------------


@pytest.mark.parametrize("model_id", ["fake", "blaze"])
@pytest.mark.parametrize("client", CLIENTS)
async def test_every_clients_request_is_answered_with_the_fact(client: str, model_id: str) -> None:
    model = FakeChatModel("*nods*")
    async with served(fake_api(model=model)) as url:
        await remember(url)
        status, answer, headers = await post(url, CLIENTS[client](model_id, user="ann", stream=False))
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "*nods*")
    assert [fact["text"] for fact in answer["repartee"]["facts"]] == [CAT]
    assert (headers["x-repartee-facts"], headers["x-repartee-retrieval"]) == ("1", "ok")
    assert headers["x-repartee-request-id"] == answer["repartee"]["request_id"]
    assert any(CAT in message.content for message in model.prompts[0].messages)


async def test_a_clients_own_prompt_reaches_the_model_as_it_was() -> None:
    model = FakeChatModel()
    body = sillytavern("fake")
    async with served(fake_api(model=model)) as url:
        await post(url, body)
    sent = [
        {"role": message.role, "content": message.content} | ({"name": message.name} if message.name else {})
        for message in model.prompts[0].messages
    ]
    assert sent == [
        dict(sorted(message.items(), key=lambda item: item[0] == "name")) for message in body["messages"]
    ]


async def test_for_a_character_the_clients_system_text_is_added_to_the_scene() -> None:
    model = FakeChatModel()
    body = {
        "model": "blaze",
        "messages": [
            {"role": "system", "content": "The power is out."},
            {"role": "assistant", "content": "Mind the step."},
            {"role": "developer", "content": "It snows."},
            {"role": "user", "content": "hi"},
        ],
        "repartee": {"scenario": {"setting": "A cellar."}},
    }
    async with served(fake_api(model=model)) as url:
        await post(url, body)
        await post(url, body | {"repartee": {}})
    told, without = (prompt.turn.scenario.setting for prompt in model.prompts)
    assert told == "A cellar.\n\nThe power is out.\n\nIt snows."
    assert without.endswith("The power is out.\n\nIt snows.")
    assert len(without) > len("The power is out.\n\nIt snows.")  # the card's own scene comes first
    assert [message.role for message in model.prompts[0].turn.messages] == ["character", "user"]


async def test_no_history_is_the_greeting_and_several_choices_are_several_greetings() -> None:
    async with served(fake_api()) as url:
        _, answer, _ = await post(
            url, {"model": "blaze", "messages": [{"role": "system", "content": "x"}], "n": 2}
        )
    texts = [choice["message"]["content"] for choice in answer["choices"]]
    assert answer["repartee"]["model"] == "greeting"
    assert len(set(texts)) == 2


async def test_sampling_reaches_the_model_and_what_cannot_be_used_is_named() -> None:
    model = FakeChatModel()
    body = {
        "model": "fake", "messages": SAYS, "temperature": 0.3, "top_p": 0.5, "seed": 7, "stop": "\nAnn:",
        "max_tokens": 9, "max_completion_tokens": 11, "presence_penalty": 0, "frequency_penalty": 0.4,
        "logit_bias": {}, "tools": [{"type": "function"}], CANARY: CANARY,
    }  # fmt: skip
    async with served(fake_api(model=model)) as url:
        _, answer, _ = await post(url, body)
    sampling = model.samplings[0]
    assert (sampling.temperature, sampling.top_p, sampling.seed, sampling.stop) == (0.3, 0.5, 7, ("\nAnn:",))
    assert (sampling.max_tokens, sampling.presence_penalty, sampling.frequency_penalty) == (11, None, 0.4)
    assert answer["repartee"]["ignored"] == ["tools"]


async def test_pictures_tools_and_further_stop_strings_are_left_out_and_said() -> None:
    model = FakeChatModel()
    parts = [
        {"type": "text", "text": "one"},
        {"type": "image_url", "image_url": {"url": CANARY}},
        {"type": CANARY},
        {"type": "text", "text": "two"},
    ]
    messages = [
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "42", "tool_call_id": "x"},
    ]
    async with served(fake_api(model=model)) as url:
        _, answer, _ = await post(
            url, {"model": "fake", "messages": messages, "stop": ["a", "b", "c", "d", "e"]}
        )
    assert [message.content for message in model.prompts[0].messages] == ["one\ntwo"]
    assert model.samplings[0].stop == ("a", "b", "c", "d")
    ignored = ["image_url parts", "other parts", "tool messages", "stop strings after the fourth"]
    assert answer["repartee"]["ignored"] == ignored


# --- openai's own client ------------------------------------------------------------------------------


async def test_the_vendors_client_lists_asks_and_streams() -> None:
    async with served(fake_api(model=FakeChatModel("one two three"))) as url, client_of(url) as client:
        ids = [model.id async for model in await client.models.list()]
        assert {"fake", "blaze"} <= set(ids)
        assert (await client.models.retrieve("character/blaze")).owned_by == "repartee"
        whole = await client.chat.completions.create(model="blaze", messages=SAYS)
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("one two three", "stop")
        assert whole.usage.total_tokens == 15
        chunks = await client.chat.completions.create(
            model="fake", messages=SAYS, stream=True, stream_options={"include_usage": True}
        )
        seen = [chunk async for chunk in chunks]
    assert seen[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in seen if chunk.choices) == "one two three"
    assert [chunk.choices[0].finish_reason for chunk in seen if chunk.choices][-1] == "stop"
    assert (seen[-1].choices, seen[-1].usage.completion_tokens) == ([], 5)
    assert seen[0].model_extra["repartee"]["retrieval"]["status"] == "disabled"
    assert seen[-2].model_extra["repartee"]["ids"] == [seen[0].id]


@pytest.mark.parametrize("model_id", ["fake", "blaze"])
async def test_several_choices_come_from_one_retrieval_at_the_same_time(model_id: str) -> None:
    model, embedder = FakeChatModel("one", "two", "three", delay=0.2), FakeEmbedder()
    async with served(fake_api(model=model, embedder=embedder)) as url, client_of(url) as client:
        await remember(url)
        embedder.calls.clear()
        async with asyncio.timeout(0.5):
            whole = await client.chat.completions.create(model=model_id, messages=SAYS, n=3, user="ann")
    assert {choice.message.content for choice in whole.choices} == {"one", "two", "three"}
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    assert (whole.usage.completion_tokens, len(embedder.calls)) == (15, 1)
    assert len(set(whole.model_extra["repartee"]["ids"])) == 3


async def test_streamed_choices_keep_their_texts_apart_and_only_the_last_one_ends_the_stream() -> None:
    async with served(fake_api(model=FakeChatModel("a b c", "d e f"))) as url:
        events = await events_of(url, {"model": "fake", "messages": SAYS, "n": 2})
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    texts = ["", ""]
    for chunk in chunks:
        [choice] = chunk["choices"]
        texts[choice["index"]] += choice["delta"].get("content", "")
    assert sorted(texts) == ["a b c", "d e f"]
    assert [chunk for chunk in chunks if "repartee" in chunk] == [chunks[0], chunks[-1]]


async def test_the_offline_responder_gives_different_choices() -> None:
    async with served(fake_api(model=OfflineChatModel())) as url, client_of(url) as client:
        whole = await client.chat.completions.create(model="blaze", messages=SAYS, n=3)
    assert len({choice.message.content for choice in whole.choices}) > 1


# --- streams ------------------------------------------------------------------------------------------


async def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_SILENCE_SECONDS", 0.05)
    async with served(fake_api(model=FakeChatModel("one", delay=0.2))) as url:
        events = await events_of(url, {"model": "fake", "messages": SAYS})
    assert events[0].startswith(":")
    assert events[-1] == "data: [DONE]"
    assert "".join(event for event in events if not event.startswith(":")).count("[DONE]") == 1


async def test_a_failure_before_the_first_word_has_a_status_of_its_own() -> None:
    model = FakeChatModel("one", failure=UpstreamRateLimited("x", "model", 3))
    async with served(fake_api(model=model)) as url:
        status, answer, headers = await post(url, {"model": "fake", "messages": SAYS, "stream": True})
    assert (status, answer["error"]["code"], headers["retry-after"]) == (429, "upstream_rate_limited", "3")


@pytest.mark.parametrize(
    ("failure", "code"),
    [(UpstreamUnavailable("x", "model"), "upstream_unavailable"), (RuntimeError(CANARY), "internal")],
)
async def test_a_failure_later_is_an_event_with_an_error_and_the_end(failure: Exception, code: str) -> None:
    model = FakeChatModel("one two three", failure=failure, fail_after=2)
    async with served(fake_api(model=model)) as url:
        events = await events_of(url, {"model": "fake", "messages": SAYS})
        with pytest.raises(openai.APIError):
            async with client_of(url) as client:
                async for _ in await client.chat.completions.create(model="fake", messages=SAYS, stream=True):
                    pass
    last = json.loads(events[-1].removeprefix("data: "))
    assert (last["error"]["code"], last["choices"]) == (code, [])
    assert CANARY not in "".join(events)


async def test_a_client_that_leaves_a_stream_ends_every_call_to_the_model() -> None:
    model = FakeChatModel("one two three", delay=0.1)
    async with served(fake_api(model=model, deadline_seconds=60)) as url, client_of(url) as client:
        chunks = await client.chat.completions.create(model="fake", messages=SAYS, stream=True, n=2)
        await anext(aiter(chunks))
        await chunks.close()
        for _ in range(100):
            if model.cancelled == 2:
                break
            await asyncio.sleep(0.01)
    assert model.cancelled == 2


async def test_a_client_that_leaves_before_the_answer_ends_every_call_to_the_model() -> None:
    model = FakeChatModel("one", delay=20)
    async with served(fake_api(model=model, deadline_seconds=60)) as url, client_of(url) as client:
        with pytest.raises(openai.APITimeoutError):
            await client.with_options(timeout=0.3).chat.completions.create(model="fake", messages=SAYS, n=2)
        for _ in range(100):
            if model.cancelled == 2:
                break
            await asyncio.sleep(0.01)
    assert model.cancelled == 2


async def test_replies_are_recorded_and_can_be_judged() -> None:
    log = FakeEventLog()
    async with served(fake_api(event_log=log)) as url, aiohttp.ClientSession() as session:
        _, answer, _ = await post(url, {"model": "fake", "messages": SAYS, "n": 2, "user": "ann"})
        for reply_id in answer["repartee"]["ids"]:
            feedback = {"reply_id": reply_id, "verdict": "like"}
            async with session.post(url + "/feedback", json=feedback) as response:
                assert response.status == 200
    assert [event["type"] for event in log.events] == ["reply", "reply", "feedback", "feedback"]
    assert {event["user"]["id"] for event in log.events[:2]} == {"ann"}
