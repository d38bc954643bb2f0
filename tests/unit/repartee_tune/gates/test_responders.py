import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.gates import transformers_responder
from repartee_tune.gates.http_responder import HttpResponder, http_session
from repartee_tune.gates.responder import ResponderError, gather_replies
from repartee_tune.gates.transformers_responder import LateTransformersResponder
from tests.loopback import faults
from tests.loopback.upstream import LoopbackUpstream
from tests.unit.repartee_tune.registry.models import adapter

HELLO = [{"role": "user", "content": "hello there"}]


@pytest.fixture
async def upstream() -> AsyncIterator[LoopbackUpstream]:
    async with LoopbackUpstream() as running:
        yield running


async def test_a_server_answers(upstream: LoopbackUpstream) -> None:
    async with http_session("key") as session:
        reply = await HttpResponder(session, f"{upstream.url}/v1", "gen-1", 20, 0.7).reply(HELLO)
    assert "hello there" in reply.text
    assert reply.finish_reason == "stop"


async def test_a_failure_of_the_server_is_tried_again_and_is_no_reply(upstream: LoopbackUpstream) -> None:
    async with http_session(None) as session:
        responder = HttpResponder(session, f"{upstream.url}/v1", "gen-1", 20, 0.7)
        upstream.script("chat", faults.status(500))
        with pytest.raises(ResponderError, match="status 500"):
            await responder.reply(HELLO)
        upstream.script("chat", faults.status(429))
        assert [bool(one) for one in await gather_replies(responder, [HELLO], 1)] == [True]
        gone = HttpResponder(session, "http://127.0.0.1:9/v1", "gen-1", 20, 0.7)
        assert await gather_replies(gone, [HELLO], 1) == [None]


async def test_a_local_model_answers_the_same_with_the_same_seed(tmp_path: Path) -> None:
    from repartee_tune.tiny_model import build_tiny_chat_model  # noqa: PLC0415 - torch takes seconds

    folder = build_tiny_chat_model(tmp_path / "tiny", ["hello there, the tea is cold"] * 30)
    replies = [await LateTransformersResponder(folder, None, 6, 0.7, 1).reply(HELLO) for _ in range(2)]
    assert replies[0] == replies[1]
    assert replies[0].finish_reason == "length"
    assert replies[0].text
    with pytest.raises(ResponderError, match="the model reads"):
        await LateTransformersResponder(folder, None, 6, 0.7, 1).reply(
            [{"role": "user", "content": "tea " * 3_000}]
        )


async def test_two_models_are_loaded_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading: list[int] = []

    def load(*_: object) -> tuple[object, object]:
        loading.append(1)
        time.sleep(0.05)
        assert sum(loading) == 1
        loading.append(-1)
        raise TuneError("no model here")

    monkeypatch.setattr(transformers_responder, "load", load)
    models = [LateTransformersResponder(tmp_path, None, 6, 0.7, 1) for _ in range(3)]
    found = await asyncio.gather(*(one.reply(HELLO) for one in models), return_exceptions=True)
    assert [type(one) for one in found] == [TuneError] * 3


async def test_an_adapter_without_its_base_is_named(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "a", "org/base")
    with pytest.raises(TuneError, match="--base-folder"):
        await LateTransformersResponder(folder, None, 6, 0.0, 1).reply(HELLO)
