import math
import time

import pytest

from repartee.application.retrieve_facts import RetrieveFacts
from repartee.domain.errors import UpstreamUnavailable
from repartee.domain.fact import TenantScope
from tests.fakes import FakeEmbedder, FakeFactStore, FakeReranker, FakeTelemetry

ANN, BOB = TenantScope("ann"), TenantScope("bob")
DOWN = UpstreamUnavailable("store answered 503", "store")


def _retrieve(embedder, store, telemetry, reranker=None, deadline=1.0) -> RetrieveFacts:
    return RetrieveFacts(embedder, store, reranker, telemetry, deadline)


async def test_facts_above_the_threshold_are_returned_best_first(
    embedder, store, telemetry, remember
) -> None:
    await remember("ann", "has a grey cat", "has a grey cat called Tom", "plays chess")
    found = await _retrieve(embedder, store, telemetry)(ANN, "has a grey cat", limit=5)
    assert found.status == "ok"
    assert [fact.text for fact in found.facts] == ["has a grey cat", "has a grey cat called Tom"]
    assert all(fact.score > 0.25 for fact in found.facts)


async def test_another_users_facts_are_never_found(embedder, store, telemetry, remember) -> None:
    await remember("bob", "has a grey cat")
    found = await _retrieve(embedder, store, telemetry)(ANN, "has a grey cat", limit=5)
    assert (found.status, found.facts) == ("empty", ())


async def test_facts_that_do_not_fit_are_below_the_threshold(embedder, store, telemetry, remember) -> None:
    await remember("ann", "plays chess")
    found = await _retrieve(embedder, store, telemetry)(ANN, "what a storm", limit=5)
    assert (found.status, found.facts, found.threshold) == ("below_threshold", (), 0.25)


async def test_a_requests_threshold_wins_over_the_profiles_and_is_strict(
    embedder, store, telemetry, remember
) -> None:
    await remember("ann", "plays chess")
    retrieve = _retrieve(embedder, store, telemetry)
    [fact] = (await retrieve(ANN, "she plays well", limit=5, threshold=-1)).facts
    assert 0 < fact.score < 1
    assert (await retrieve(ANN, "she plays well", limit=5, threshold=fact.score)).status == "below_threshold"
    just_below = math.nextafter(fact.score, -1)
    assert (await retrieve(ANN, "she plays well", limit=5, threshold=just_below)).status == "ok"


async def test_one_embedding_call_and_one_search_per_message(embedder, store, telemetry, remember) -> None:
    await remember("ann", "plays chess")
    await _retrieve(embedder, store, telemetry)(ANN, "plays chess", limit=5)
    assert embedder.calls == ["plays chess"]


async def test_a_very_long_message_is_cut_before_it_is_embedded(embedder, store, telemetry) -> None:
    await _retrieve(embedder, store, telemetry)(ANN, "x" * 30_000, limit=5)
    assert len(embedder.calls[0]) == 2_000


@pytest.mark.parametrize("part", ["embedder", "store"])
async def test_an_outage_gives_no_facts_and_says_so(part: str, telemetry) -> None:
    embedder = FakeEmbedder(failure=DOWN if part == "embedder" else None)
    store = FakeFactStore(failure=DOWN if part == "store" else None)
    found = await _retrieve(embedder, store, telemetry)(ANN, "hello", limit=3)
    assert (found.status, found.facts) == ("error", ())
    assert telemetry.left_out == ["retrieval"]


async def test_a_slow_embedder_is_given_up_at_the_deadline(store, telemetry) -> None:
    started = time.monotonic()
    found = await _retrieve(FakeEmbedder(delay=5), store, telemetry, deadline=0.05)(ANN, "hi", limit=3)
    assert found.status == "error"
    assert time.monotonic() - started < 2


async def test_a_reranker_puts_kept_facts_in_its_order(embedder, store, telemetry, remember) -> None:
    await remember("ann", "has a grey cat called Tom", "has a cat", "plays chess")
    reranker = FakeReranker()
    found = await _retrieve(embedder, store, telemetry, reranker)(ANN, "has a grey cat called Tom", limit=2)
    assert found.reranked
    assert [fact.text for fact in found.facts] == ["has a cat", "has a grey cat called Tom"]
    assert "plays chess" not in reranker.calls[0][1]


@pytest.mark.parametrize("reranker", [FakeReranker(failure=DOWN), FakeReranker(delay=5)])
async def test_a_failing_or_slow_reranker_leaves_the_dense_order(
    reranker, embedder, store, telemetry, remember
) -> None:
    await remember("ann", "has a grey cat called Tom", "has a cat")
    retrieve = _retrieve(embedder, store, telemetry, reranker, deadline=0.2)
    found = await retrieve(ANN, "has a grey cat called Tom", limit=2)
    assert (found.status, found.reranked) == ("ok", False)
    assert found.facts[0].text == "has a grey cat called Tom"
    assert telemetry.left_out == ["rerank"]


async def test_candidates_show_what_was_dropped(embedder, store, telemetry, remember) -> None:
    await remember("ann", "plays chess", "has a cat")
    found = await _retrieve(embedder, store, telemetry).candidates(ANN, "plays chess", limit=10)
    assert [fact.text for fact in found.facts] == ["plays chess", "has a cat"]
    assert isinstance(telemetry, FakeTelemetry)
