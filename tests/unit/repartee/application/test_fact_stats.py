from datetime import UTC, datetime

from repartee.application.fact_stats import CollectionCounts, FactStats
from repartee.domain.fact import Fact, TenantScope
from tests.fakes import FakeFactArchive


async def test_the_current_collection_comes_first_and_former_ones_are_told_apart(
    embedder, store, remember
) -> None:
    await remember("ann", "likes tea", "has a cat")
    await remember("bob", "likes tea")
    ended = Fact(id="x", text="x", created_at=datetime(2026, 1, 1, tzinfo=UTC)).model_copy(
        update={"invalid_at": datetime(2026, 1, 2, tzinfo=UTC)}
    )
    archive = FakeFactArchive({"a-former": [(TenantScope("ann"), ended)], "old": []}, store)
    counts = await FactStats(embedder, archive)()
    assert counts.collections == [
        CollectionCounts(profile="fake-64", current=True, facts=3, users=2, superseded=0, pinned=0),
        CollectionCounts(profile="a-former", current=False, facts=1, users=1, superseded=1, pinned=0),
        CollectionCounts(profile="old", current=False, facts=0, users=0, superseded=0, pinned=0),
    ]
