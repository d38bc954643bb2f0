"""What every chat model does: one suite for the fake, the offline responder and the adapters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from repartee.application.ports import ChatModel, Completion, Prompt, PromptMessage, Sampling, Turn
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.errors import UpstreamError, UpstreamUnavailable
from repartee.domain.user import User
from repartee.integrations.offline_chat_model import OfflineChatModel
from repartee.integrations.openai_chat_model import OpenAIChatModel
from repartee.integrations.transport import Upstream
from tests.fakes import FakeChatModel, FakeTelemetry
from tests.loopback import faults
from tests.loopback.upstream import LoopbackUpstream
from tests.tiny_chat_model import write_tiny_chat_model

if TYPE_CHECKING:
    from repartee.integrations.transformers_chat_model import TransformersChatModel


def make_prompt(text: str) -> Prompt:
    """Return what a model is asked when the user says `text`."""
    turn = Turn(
        character=Character(name="Blaze", mes_example="<START>\n{{user}}: Hi\n{{char}}: *grins* Evening."),
        user=User(name="Maya"),
        scenario=None,
        messages=(Message(role="user", text=text),),
    )
    return Prompt((PromptMessage("system", "You are Blaze."), PromptMessage("user", text)), turn)


PROMPT = make_prompt("Do you like tea?")
PLAIN = Sampling()
SHORT = Sampling(max_tokens=12)


def openai_model(upstream: LoopbackUpstream) -> OpenAIChatModel:
    return OpenAIChatModel(
        base_url=f"{upstream.url}/v1",
        api_key=None,
        model=None,
        upstream=Upstream("model", FakeTelemetry()),
        connect_timeout=1.0,
        attempt_timeout=5.0,
    )


def transformers_model(folder: Path) -> "TransformersChatModel":
    from repartee.integrations.transformers_chat_model import (  # noqa: PLC0415  # torch: seconds
        TransformersChatModel,
    )

    upstream = Upstream("model", FakeTelemetry(), attempts=1)
    return TransformersChatModel(folder, upstream, queue=32, threads=1)


@pytest.fixture(scope="module")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_chat_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(params=["fake", "offline", "openai", "transformers"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[ChatModel]:
    async with AsyncExitStack() as stack:
        if request.param == "transformers":
            local = transformers_model(request.getfixturevalue("tiny_model_folder"))
            stack.push_async_callback(local.close)
            yield local
            return
        if request.param == "fake":
            yield FakeChatModel("*pours two cups*\nAlways, Maya.")
        elif request.param == "offline":
            yield OfflineChatModel()
        else:
            made = openai_model(await stack.enter_async_context(LoopbackUpstream()))
            stack.push_async_callback(made.close)
            yield made


@pytest.fixture(params=["fake", "openai"])
async def broken_model(request: pytest.FixtureRequest) -> AsyncIterator[ChatModel]:
    """A model whose every call fails after two pieces of a stream, or at once."""
    async with AsyncExitStack() as stack:
        if request.param == "fake":
            yield FakeChatModel("one two three", failure=UpstreamUnavailable("down", "model"), fail_after=2)
        else:
            upstream = await stack.enter_async_context(LoopbackUpstream())
            upstream.script("chat", faults.stream_then(4, faults.error_event))
            made = openai_model(upstream)
            stack.push_async_callback(made.close)
            yield made


async def test_a_completion_has_text_and_says_where_it_is_from(model: ChatModel) -> None:
    completion = await model.complete(PROMPT, SHORT)
    assert completion.text.strip()
    assert completion.model
    assert completion.finish_reason in {"stop", "length"}
    assert completion.usage.prompt_tokens >= 0
    assert completion.usage.completion_tokens >= 0


async def test_a_stream_is_pieces_of_text_then_one_completion_of_all_of_it(model: ChatModel) -> None:
    *pieces, whole = [piece async for piece in model.stream(PROMPT, SHORT)]
    assert isinstance(whole, Completion)
    assert pieces
    assert all(isinstance(piece, str) and piece for piece in pieces)
    assert "".join(str(piece) for piece in pieces) == whole.text


async def test_a_stream_may_be_left_at_any_time(model: ChatModel) -> None:
    await model.stream(PROMPT, SHORT).aclose()
    async with aclosing(model.stream(PROMPT, SHORT)) as pieces:
        assert await anext(pieces)
    assert [piece async for piece in pieces] == []
    assert (await model.complete(PROMPT, SHORT)).text


async def test_calls_at_the_same_time_do_not_mix(model: ChatModel) -> None:
    async def streamed(number: int) -> tuple[str, str]:
        prompt = make_prompt(f"Cup number {number}?")
        *pieces, whole = [piece async for piece in model.stream(prompt, SHORT)]
        assert isinstance(whole, Completion)
        return "".join(str(piece) for piece in pieces), whole.text

    for joined, text in await asyncio.gather(*(streamed(number) for number in range(20))):
        assert joined == text


async def test_cancelling_ends_a_call(model: ChatModel) -> None:
    task = asyncio.create_task(model.complete(PROMPT, SHORT))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_it_has_a_name_and_can_be_checked(model: ChatModel) -> None:
    assert model.name
    await model.check()


async def test_a_stream_that_breaks_raises_and_yields_no_completion(broken_model: ChatModel) -> None:
    pieces: list[str | Completion] = []
    with pytest.raises(UpstreamError):
        async for piece in broken_model.stream(PROMPT, PLAIN):
            pieces.append(piece)  # noqa: PERF401 (what came before the error is wanted)
    assert pieces
    assert not any(isinstance(piece, Completion) for piece in pieces)
