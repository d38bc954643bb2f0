from datetime import UTC, datetime

import pytest

from repartee.application.ports import EmbeddedFact
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from tests.fakes import FakeEmbedder, FakeFactStore, FakeTelemetry

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def store() -> FakeFactStore:
    return FakeFactStore()


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def telemetry() -> FakeTelemetry:
    return FakeTelemetry()


@pytest.fixture
def remember(store: FakeFactStore, embedder: FakeEmbedder):
    async def remembered(user_id: str, *texts: str) -> None:
        scope = TenantScope(user_id)
        facts = [
            Fact(id=fact_id(scope, fact_key("user", "", text)), text=text, created_at=NOW) for text in texts
        ]
        vectors = await embedder.embed_facts(texts)
        await store.upsert(scope, [EmbeddedFact(*pair) for pair in zip(facts, vectors, strict=True)])
        embedder.calls.clear()

    return remembered
