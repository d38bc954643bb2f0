from datetime import UTC, datetime

from repartee.application.delete_facts import DeleteFacts
from repartee.application.edit_fact import EditFact, EditFactRequest
from repartee.application.reindex_facts import ReindexFacts
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from tests.fakes import FakeFactArchive

ANN, BOB = TenantScope("ann"), TenantScope("bob")
LOCKS = TenantLocks()


def _row(scope: TenantScope, text: str) -> tuple[TenantScope, Fact]:
    return scope, Fact(
        id=fact_id(scope, fact_key("user", "", text)), text=text, created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


async def test_facts_of_old_collections_arrive_under_their_owners_with_their_ids(embedder, store) -> None:
    rows = [_row(ANN if number % 2 else BOB, f"fact {number}") for number in range(150)]
    archive = FakeFactArchive({"old-1": rows[:100], "old-2": rows[100:]}, store)
    totals: list[int] = []
    done = await ReindexFacts(embedder, store, archive)(progress=totals.append)
    assert (done.profiles, done.facts) == (["old-1", "old-2"], 150)
    assert totals[-1] == 150
    assert {fact.id for fact in await store.get(ANN, [fact.id for _, fact in rows])} == {
        fact.id for scope, fact in rows if scope == ANN
    }
    assert await store.count(BOB) == 75


async def test_running_it_again_changes_nothing_and_old_collections_stay_until_dropped(
    embedder, store
) -> None:
    archive = FakeFactArchive({"old": [_row(ANN, "likes tea")]}, store)
    reindex = ReindexFacts(embedder, store, archive)
    await reindex()
    await reindex()
    assert await store.count(ANN) == 1
    assert archive.collections
    await reindex(drop=True)
    assert not archive.collections


async def test_an_edit_made_since_is_not_undone(embedder, store) -> None:
    scope, fact = _row(ANN, "likes tea")
    reindex = ReindexFacts(embedder, store, FakeFactArchive({"old": [(scope, fact)]}, store))
    await reindex()
    await EditFact(embedder, store, LOCKS)(ANN, fact.id, EditFactRequest(text="likes coffee"))
    assert (await reindex()).facts == 0
    assert [found.text for found in await store.get(ANN, [fact.id])] == ["likes coffee"]


async def test_what_was_forgotten_does_not_come_back(embedder, store) -> None:
    rows = [_row(ANN, "likes tea"), _row(ANN, "likes coffee"), _row(BOB, "likes tea")]
    archive = FakeFactArchive({"old": rows}, store)
    reindex, forget = ReindexFacts(embedder, store, archive), DeleteFacts(store, archive, LOCKS)
    await reindex()
    await forget.one(ANN, rows[0][1].id)
    await reindex()
    assert await store.count(ANN) == 1
    await forget(ANN)
    await reindex()
    assert (await store.count(ANN), await store.count(BOB)) == (0, 1)
