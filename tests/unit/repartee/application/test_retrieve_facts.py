import math
import time
from dataclasses import replace
from uuid import uuid4

import pytest

from repartee.application.ports import EmbeddedFact
from repartee.application.retrieve_facts import Question, RetrievalPolicy, RetrieveFacts
from repartee.domain.errors import UpstreamUnavailable
from repartee.domain.fact import Fact, TenantScope
from tests.fakes import FAKE_PROFILE, FakeEmbedder, FakeFactStore, FakeReranker

ANN, BOB = TenantScope("ann"), TenantScope("bob")
DOWN = UpstreamUnavailable("store answered 503", "store")


def _retrieve(embedder, store, telemetry, reranker=None, deadline=1.0, **policy) -> RetrieveFacts:
    return RetrieveFacts(embedder, store, reranker, telemetry, RetrievalPolicy(deadline, **policy))


async def test_facts_above_the_threshold_are_returned_best_first(
    embedder, store, telemetry, remember
) -> None:
    await remember("ann", "has a grey cat", "has a grey cat called Tom", "plays chess")
    found = await _retrieve(embedder, store, telemetry)(ANN, Question("has a grey cat"), limit=5)
    assert found.status == "ok"
    assert [fact.text for fact in found.facts] == ["has a grey cat", "has a grey cat called Tom"]
    assert all(fact.score > 0.25 for fact in found.facts)


async def test_another_users_facts_are_never_found(embedder, store, telemetry, remember) -> None:
    await remember("bob", "has a grey cat")
    found = await _retrieve(embedder, store, telemetry)(ANN, Question("has a grey cat"), limit=5)
    assert (found.status, found.facts) == ("empty", ())


async def test_facts_that_do_not_fit_are_below_the_threshold(embedder, store, telemetry, remember) -> None:
    await remember("ann", "plays chess")
    found = await _retrieve(embedder, store, telemetry)(ANN, Question("what a storm"), limit=5)
    assert (found.status, found.facts, found.threshold) == ("below_threshold", (), 0.25)


async def test_a_requests_threshold_wins_over_the_profiles_and_is_strict(
    embedder, store, telemetry, remember
) -> None:
    await remember("ann", "plays chess")
    retrieve = _retrieve(embedder, store, telemetry)
    [fact] = (await retrieve(ANN, Question("she plays well"), limit=5, threshold=-1)).facts
    assert 0 < fact.score < 1
    assert (
        await retrieve(ANN, Question("she plays well"), limit=5, threshold=fact.score)
    ).status == "below_threshold"
    just_below = math.nextafter(fact.score, -1)
    assert (await retrieve(ANN, Question("she plays well"), limit=5, threshold=just_below)).status == "ok"


async def test_one_embedding_call_and_one_search_per_message(embedder, store, telemetry, remember) -> None:
    await remember("ann", "plays chess")
    await _retrieve(embedder, store, telemetry)(ANN, Question("plays chess"), limit=5)
    assert embedder.calls == ["plays chess"]


async def test_a_very_long_message_is_cut_before_it_is_embedded(embedder, store, telemetry) -> None:
    await _retrieve(embedder, store, telemetry)(ANN, Question("x" * 30_000), limit=5)
    assert len(embedder.calls[0]) == 2_000


@pytest.mark.parametrize("part", ["embedder", "store"])
async def test_an_outage_gives_no_facts_and_says_so(part: str, telemetry) -> None:
    embedder = FakeEmbedder(failure=DOWN if part == "embedder" else None)
    store = FakeFactStore(failure=DOWN if part == "store" else None)
    found = await _retrieve(embedder, store, telemetry)(ANN, Question("hello"), limit=3)
    assert (found.status, found.facts) == ("error", ())
    assert telemetry.left_out == ["retrieval"]


async def test_a_slow_embedder_is_given_up_at_the_deadline(store, telemetry) -> None:
    started = time.monotonic()
    found = await _retrieve(FakeEmbedder(delay=5), store, telemetry, deadline=0.05)(
        ANN, Question("hi"), limit=3
    )
    assert found.status == "error"
    assert time.monotonic() - started < 2


async def test_a_reranker_puts_kept_facts_in_its_order(embedder, store, telemetry, remember) -> None:
    await remember("ann", "has a grey cat called Tom", "has a cat", "plays chess")
    reranker = FakeReranker()
    found = await _retrieve(embedder, store, telemetry, reranker)(
        ANN, Question("has a grey cat called Tom"), limit=2
    )
    assert found.rerank == "ok"
    assert [fact.text for fact in found.facts] == ["has a cat", "has a grey cat called Tom"]
    assert "plays chess" not in reranker.calls[0][1]


@pytest.mark.parametrize("reranker", [FakeReranker(failure=DOWN), FakeReranker(delay=5)])
async def test_a_failing_or_slow_reranker_leaves_the_dense_order(
    reranker, embedder, store, telemetry, remember
) -> None:
    await remember("ann", "has a grey cat called Tom", "has a cat")
    retrieve = _retrieve(embedder, store, telemetry, reranker, deadline=0.2)
    found = await retrieve(ANN, Question("has a grey cat called Tom"), limit=2)
    assert (found.status, found.rerank) == ("ok", "failed")
    assert found.facts[0].text == "has a grey cat called Tom"
    assert telemetry.left_out == ["rerank"]


async def test_candidates_show_what_was_dropped(embedder, store, telemetry, remember) -> None:
    await remember("ann", "plays chess", "has a cat")
    found = await _retrieve(embedder, store, telemetry).explained(ANN, Question("plays chess"), limit=10)
    assert [(one.fact.text, one.verdict) for one in found.candidates] == [
        ("plays chess", "kept"),
        ("has a cat", "below_threshold"),
    ]


async def test_a_reply_gets_the_facts_that_an_explanation_calls_used(
    embedder, store, telemetry, remember
) -> None:
    await remember("ann", "has a grey cat", "a cat has grey", "a grey cat called Tom", "plays chess")
    retrieve = _retrieve(embedder, store, telemetry)
    question = Question("has a grey cat")
    reply = await retrieve(ANN, question, limit=2)
    explained = await retrieve.explained(ANN, question, limit=2)
    assert reply.facts == explained.facts
    assert len(reply.facts) == 2
    verdicts = [one.verdict for one in explained.candidates]
    assert verdicts == ["kept", "near_duplicate", "kept", "below_threshold"]


async def test_the_turns_before_are_mixed_into_the_query_with_one_call(
    embedder, store, telemetry, remember
) -> None:
    await remember("ann", "has a grey cat", "plays chess")
    question = Question("and him", before=("my grey cat", "we play chess"))
    plain = await _retrieve(embedder, store, telemetry)(ANN, question, limit=1, threshold=0.1)
    assert plain.facts == ()
    mixing = _retrieve(embedder, store, telemetry, context_turns=1)
    mixed = await mixing(ANN, question, limit=1, threshold=0.1)
    assert [fact.text for fact in mixed.facts] == ["has a grey cat"]
    assert embedder.calls == ["and him", "and him", "my grey cat"]


async def test_a_script_may_have_a_threshold_of_its_own(store, telemetry, remember) -> None:
    class Calibrated(FakeEmbedder):
        profile = replace(FAKE_PROFILE, thresholds={"cyrillic": 0.9})

    await remember("ann", "likes tea", "любит чай")
    retrieve = _retrieve(Calibrated(), store, telemetry)
    assert (await retrieve(ANN, Question("she likes it"), limit=1)).threshold == 0.25
    assert (await retrieve(ANN, Question("она любит его"), limit=1)).threshold == 0.9
    assert (await retrieve(ANN, Question("она любит его"), limit=1, threshold=0.1)).threshold == 0.1


async def test_only_what_the_character_knows_is_found(embedder, store, telemetry, remember) -> None:
    facts = [
        Fact(id=str(uuid4()), text="has a cat", created_at="2026-01-01T00:00:00Z", character=name)
        for name in ("Juno", "Wren")
    ]
    vectors = await embedder.embed_facts([fact.text for fact in facts])
    await store.upsert(ANN, [EmbeddedFact(*pair) for pair in zip(facts, vectors, strict=True)])
    found = await _retrieve(embedder, store, telemetry)(ANN, Question("a cat", character="juno"), limit=5)
    assert [fact.character for fact in found.facts] == ["Juno"]


async def test_no_more_texts_are_reranked_than_allowed(embedder, store, telemetry, remember) -> None:
    await remember("ann", *(f"has cat {number}" for number in range(9)))
    reranker = FakeReranker()
    retrieve = _retrieve(embedder, store, telemetry, reranker, rerank_candidates=4)
    await retrieve(ANN, Question("has cat"), limit=2)
    assert len(reranker.calls[0][1]) == 4


async def test_a_reranker_is_not_asked_about_a_single_fact(embedder, store, telemetry, remember) -> None:
    await remember("ann", "has a cat", "plays chess")
    reranker = FakeReranker()
    found = await _retrieve(embedder, store, telemetry, reranker)(ANN, Question("has a cat"), limit=2)
    assert (found.rerank, reranker.calls) == ("skipped", [])
