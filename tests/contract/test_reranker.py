"""What every reranker does: one suite for the fake, each kind of server, and local cross-encoders."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from repartee.application.ports import Reranker
from repartee.domain.errors import (
    ConfigurationError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from repartee.integrations import transport
from repartee.integrations.http_reranker import HttpReranker
from repartee.integrations.onnx_reranker import OnnxReranker
from repartee.integrations.transport import Upstream
from tests.cross_encoder import write_cross_encoder
from tests.fakes import FakeReranker, FakeTelemetry
from tests.loopback import faults
from tests.loopback.faults import Fault
from tests.loopback.upstream import LoopbackUpstream

TEXTS = ["The cat is called Tofu", "Maya drinks green tea", "Maya has a sister, and tea"]
WORDS = sorted({word for text in TEXTS for word in text.lower().replace(",", " ").split()})

SERVERS = {
    "cohere": ("/v2/rerank", {"model": "rerank-v3.5", "api_key": "key"}),
    "voyage": ("/voyage/v1/rerank", {"model": "rerank-2.5", "api_key": "key"}),
    "llama": ("/v1/rerank", {}),
    "tei": ("/rerank", {"texts_field": "texts"}),
}
LOCAL = {"local": {}, "local of two classes": {"classes": 2, "token_types": False}}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: how long is waited has tests of its own."""
    monkeypatch.setattr(transport, "_PAUSE", (0.0, 0.02))


@pytest.fixture
async def upstream() -> AsyncIterator[LoopbackUpstream]:
    async with LoopbackUpstream() as server:
        yield server


@pytest.fixture
async def server(upstream: LoopbackUpstream) -> AsyncIterator[Callable[[str], HttpReranker]]:
    made: list[HttpReranker] = []

    def make(name: str) -> HttpReranker:
        path, values = SERVERS[name]
        made.append(HttpReranker(upstream.url + path, Upstream("reranker", FakeTelemetry()), 1.0, **values))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture(params=["fake", *SERVERS, *LOCAL])
async def reranker(
    request: pytest.FixtureRequest, server: Callable[[str], HttpReranker], tmp_path: Path
) -> AsyncIterator[Reranker]:
    if request.param in LOCAL:
        local = OnnxReranker(write_cross_encoder(tmp_path / "model", WORDS, **LOCAL[request.param]))
        yield local
        await local.close()
    else:
        yield server(request.param) if request.param in SERVERS else FakeReranker()


@pytest.fixture
def cohere(server: Callable[[str], HttpReranker]) -> HttpReranker:
    return server("cohere")


async def test_each_text_gets_its_own_relevance_wherever_it_stands(reranker: Reranker) -> None:
    forwards = await reranker.rerank("green tea", TEXTS)
    backwards = await reranker.rerank("green tea", TEXTS[::-1])
    assert len(forwards) == len(TEXTS)
    assert forwards == backwards[::-1]
    assert len(set(forwards)) > 1


async def test_no_texts_have_no_relevance_and_it_has_a_name(reranker: Reranker) -> None:
    assert await reranker.rerank("green tea", []) == []
    assert reranker.name


@pytest.mark.parametrize("reranker", [*SERVERS, *LOCAL], indirect=True)
async def test_what_reads_finds_the_right_text(reranker: Reranker) -> None:
    scores = await reranker.rerank("green tea", TEXTS)
    assert max(range(3), key=lambda index: scores[index]) == 1


@pytest.mark.parametrize(
    ("name", "body", "key"),
    [
        ("cohere", {"model": "rerank-v3.5", "query": "tea", "documents": TEXTS}, "Bearer key"),
        ("voyage", {"model": "rerank-2.5", "query": "tea", "documents": TEXTS}, "Bearer key"),
        ("llama", {"query": "tea", "documents": TEXTS}, None),
        ("tei", {"query": "tea", "texts": TEXTS, "truncate": True}, None),
    ],
)
async def test_each_server_is_asked_once_for_all_in_its_own_words(
    server: Callable[[str], HttpReranker],
    upstream: LoopbackUpstream,
    name: str,
    body: dict[str, object],
    key: str | None,
) -> None:
    asked = server(name)
    await asked.rerank("tea", TEXTS)
    await asked.rerank("tea", [])
    [request] = upstream.requests
    assert request.path == SERVERS[name][0]
    assert request.body == body
    assert request.headers.get("authorization") == key


def test_a_server_with_one_model_is_called_by_its_host_without_the_password() -> None:
    named = HttpReranker("http://u:secret@ranks.example/rerank", Upstream("reranker", FakeTelemetry()), 1.0)
    assert named.name == "ranks.example"


def test_an_address_that_is_none_is_the_operators_mistake() -> None:
    with pytest.raises(ConfigurationError, match="reranker"):
        HttpReranker("ranks.example/rerank", Upstream("reranker", FakeTelemetry()), 1.0)


def results(*pairs: tuple[object, object]) -> Fault:
    rows = [{"index": index, "relevance_score": score} for index, score in pairs]
    return faults.body({"results": rows})


@pytest.mark.parametrize(
    ("fault", "error", "hits"),
    [
        (faults.short_list, UpstreamInvalid, 1),
        (results((0, 0.5), (1, 0.5), (1, 0.5)), UpstreamInvalid, 1),
        (results((0, 0.5), (1, 0.5), (3, 0.5)), UpstreamInvalid, 1),
        (results((0, 0.5), (1, 0.5), (-1, 0.5)), UpstreamInvalid, 1),
        (results((0, 0.5), (1, 0.5), (2, 0.5), (2, 0.6)), UpstreamInvalid, 1),
        (results((0, 0.5), (1, 0.5), (2, None)), UpstreamInvalid, 1),
        (results((0, 0.5), (1, 0.5), (2, "0.5")), UpstreamInvalid, 1),
        (results((0, 0.5), (1, 0.5), (2, True)), UpstreamInvalid, 1),
        (results((0, 0.5), (1, 0.5), (2, float("nan"))), UpstreamInvalid, 1),
        (results((0, 0.5), (1, 0.5), ("2", 0.5)), UpstreamInvalid, 1),
        (results((0, 0.5), (True, 0.5), (2, 0.5)), UpstreamInvalid, 1),
        (faults.body({"results": None}), UpstreamInvalid, 1),
        (faults.body({"results": {"0": 1}}), UpstreamInvalid, 1),
        (faults.body({"results": [0.5, 0.5, 0.5]}), UpstreamInvalid, 1),
        (faults.body({"data": [{"index": 0, "relevance_score": 0.5}]}), UpstreamInvalid, 1),
        (faults.body({"error": "the model is not loaded"}), UpstreamInvalid, 1),
        (faults.body(b'[{"index": 0, "score": 0.5}, {"index": 1, "score": 0.5}]'), UpstreamInvalid, 1),
        (faults.body(b"[[0, 0.5], [1, 0.5], [2, 0.5]]"), UpstreamInvalid, 1),
        (faults.body(b"[]"), UpstreamInvalid, 1),
        (faults.body(b"null"), UpstreamInvalid, 1),
        (faults.status(404), UpstreamMisconfigured, 1),
        (faults.status(429), UpstreamRateLimited, 2),
        (faults.hang, UpstreamTimeout, 2),
    ],
)
async def test_each_fault_has_its_error(
    cohere: HttpReranker, upstream: LoopbackUpstream, fault: Fault, error: type[UpstreamError], hits: int
) -> None:
    upstream.script("rerank", fault, fault)
    with pytest.raises(UpstreamError) as caught:
        await cohere.rerank("green tea", TEXTS)
    assert type(caught.value) is error
    assert upstream.hits("rerank") == hits


async def test_whole_numbers_and_logits_are_relevances(
    cohere: HttpReranker, upstream: LoopbackUpstream
) -> None:
    upstream.script("rerank", results((2, 0), (1, -11.5), (0, 3)))
    assert await cohere.rerank("green tea", TEXTS) == [3.0, -11.5, 0.0]


async def test_the_check_asks_the_server(cohere: HttpReranker, upstream: LoopbackUpstream) -> None:
    await cohere.check()
    upstream.script("rerank", faults.status(401))
    with pytest.raises(UpstreamMisconfigured):
        await cohere.check()
