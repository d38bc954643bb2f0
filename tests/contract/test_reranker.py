"""What every reranker does: one suite for the fake and Cohere's API."""

from collections.abc import AsyncIterator

import pytest

from repartee.application.ports import Reranker
from repartee.domain.errors import (
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from repartee.integrations import transport
from repartee.integrations.cohere_reranker import CohereReranker
from repartee.integrations.transport import Upstream
from tests.fakes import FakeReranker, FakeTelemetry
from tests.loopback import faults
from tests.loopback.faults import Fault
from tests.loopback.upstream import LoopbackUpstream

TEXTS = ["The cat is called Tofu", "Maya drinks green tea", "Maya has a sister, and tea"]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: how long is waited has tests of its own."""
    monkeypatch.setattr(transport, "_PAUSE", (0.0, 0.02))


@pytest.fixture
async def upstream() -> AsyncIterator[LoopbackUpstream]:
    async with LoopbackUpstream() as server:
        yield server


@pytest.fixture
async def cohere(upstream: LoopbackUpstream) -> AsyncIterator[CohereReranker]:
    made = CohereReranker(upstream.url, "key", Upstream("reranker", FakeTelemetry()), 1.0)
    yield made
    await made.close()


@pytest.fixture(params=["fake", "cohere"])
def reranker(request: pytest.FixtureRequest, cohere: CohereReranker) -> Reranker:
    return cohere if request.param == "cohere" else FakeReranker()


async def test_each_text_gets_its_own_relevance_wherever_it_stands(reranker: Reranker) -> None:
    forwards = await reranker.rerank("green tea", TEXTS)
    backwards = await reranker.rerank("green tea", TEXTS[::-1])
    assert len(forwards) == len(TEXTS)
    assert forwards == backwards[::-1]
    assert len(set(forwards)) > 1


async def test_no_texts_have_no_relevance_and_it_has_a_name(reranker: Reranker) -> None:
    assert await reranker.rerank("green tea", []) == []
    assert reranker.name


async def test_cohere_is_asked_for_all_of_them_and_finds_the_right_one(
    cohere: CohereReranker, upstream: LoopbackUpstream
) -> None:
    scores = await cohere.rerank("green tea", TEXTS)
    assert max(range(3), key=lambda index: scores[index]) == 1
    assert await cohere.rerank("green tea", []) == []
    [request] = upstream.requests
    assert request.body == {"model": "rerank-v3.5", "query": "green tea", "documents": TEXTS, "top_n": 3}
    assert request.headers["authorization"] == "Bearer key"


def results(*pairs: object) -> Fault:
    return faults.body(
        {
            "results": [
                {"index": pair[0], "relevance_score": pair[1]} for pair in pairs if isinstance(pair, tuple)
            ]
        }
    )


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
        (faults.body(b"[]"), UpstreamInvalid, 1),
        (faults.status(404), UpstreamMisconfigured, 1),
        (faults.status(429), UpstreamRateLimited, 2),
        (faults.hang, UpstreamTimeout, 2),
    ],
)
async def test_each_fault_has_its_error(
    cohere: CohereReranker, upstream: LoopbackUpstream, fault: Fault, error: type[UpstreamError], hits: int
) -> None:
    upstream.script("rerank", fault, fault)
    with pytest.raises(UpstreamError) as caught:
        await cohere.rerank("green tea", TEXTS)
    assert type(caught.value) is error
    assert upstream.hits("rerank") == hits


async def test_the_check_asks_the_server(cohere: CohereReranker, upstream: LoopbackUpstream) -> None:
    await cohere.check()
    upstream.script("rerank", faults.status(401))
    with pytest.raises(UpstreamMisconfigured):
        await cohere.check()
