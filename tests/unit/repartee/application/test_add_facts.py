import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.application.add_facts import AddFacts, AddFactsRequest, NewFact
from repartee.application.delete_facts import DeleteFacts
from repartee.application.edit_fact import EditFact, EditFactRequest
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.errors import Conflict, InvalidInput, NotFound
from repartee.domain.fact import TenantScope, text_key
from tests.fakes import FakeEmbedder, FakeFactArchive, FakeFactStore

ANN, BOB = TenantScope("ann"), TenantScope("bob")
LOCKS = TenantLocks()


def _new(*texts: str) -> list[NewFact]:
    return [NewFact(text=text) for text in texts]


async def test_the_same_text_twice_is_one_fact_with_one_id_and_one_embedding(embedder, store) -> None:
    add = AddFacts(embedder, store, LOCKS)
    first = await add(ANN, _new("likes tea"))
    again = await add(ANN, _new("likes tea", "likes tea"))
    assert again == first
    assert await store.count(ANN) == 1
    assert embedder.calls == ["likes tea"]


async def test_created_at_is_the_first_time(embedder, store) -> None:
    times = iter([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)])
    add = AddFacts(embedder, store, LOCKS, now=lambda: next(times))
    await add(ANN, _new("likes tea"))
    assert (await add(ANN, _new("likes tea"))).facts[0].created_at.month == 1


async def test_the_same_text_of_two_users_is_two_facts(embedder, store) -> None:
    add = AddFacts(embedder, store, LOCKS)
    [of_ann] = (await add(ANN, _new("likes tea"))).facts
    [of_bob] = (await add(BOB, _new("likes tea"))).facts
    assert of_ann.id != of_bob.id


async def test_a_characters_fact_and_a_users_fact_are_two(embedder, store) -> None:
    add = AddFacts(embedder, store, LOCKS)
    added = await add(ANN, [NewFact(text="likes tea"), NewFact(text="likes tea", owner="character")])
    assert len({fact.id for fact in added.facts}) == 2


async def test_an_edited_fact_keeps_its_id_and_its_old_text_can_be_added_again(embedder, store) -> None:
    add, edit = AddFacts(embedder, store, LOCKS), EditFact(embedder, store, LOCKS)
    [tea] = (await add(ANN, _new("likes tea"))).facts
    edited = await edit(ANN, tea.id, EditFactRequest(text="likes coffee"))
    assert edited.id == tea.id
    [same] = (await add(ANN, _new("likes coffee"))).facts
    assert same.id == tea.id
    [again] = (await add(ANN, _new("likes tea"))).facts
    assert again.id != tea.id
    assert {fact.text for fact in await store.get(ANN, [tea.id, again.id])} == {"likes tea", "likes coffee"}


async def test_an_edit_is_found_by_its_new_meaning(embedder, store) -> None:
    [tea] = (await AddFacts(embedder, store, LOCKS)(ANN, _new("likes tea"))).facts
    await EditFact(embedder, store, LOCKS)(ANN, tea.id, EditFactRequest(text="owns a boat"))
    [hit] = await store.search(ANN, await embedder.embed_query("owns a boat"), 1)
    assert hit.score == pytest.approx(1.0)


async def test_an_edit_to_what_another_fact_says_is_a_conflict(embedder, store) -> None:
    [tea, _] = (await AddFacts(embedder, store, LOCKS)(ANN, _new("likes tea", "likes coffee"))).facts
    with pytest.raises(Conflict):
        await EditFact(embedder, store, LOCKS)(ANN, tea.id, EditFactRequest(text="likes coffee"))


async def test_another_users_fact_can_be_neither_edited_nor_forgotten(embedder, store) -> None:
    [tea] = (await AddFacts(embedder, store, LOCKS)(ANN, _new("likes tea"))).facts
    with pytest.raises(NotFound):
        await EditFact(embedder, store, LOCKS)(BOB, tea.id, EditFactRequest(text="x"))
    with pytest.raises(NotFound):
        await DeleteFacts(store, FakeFactArchive({}), LOCKS).one(BOB, tea.id)
    assert await store.count(ANN) == 1


async def test_forgetting_returns_the_count_and_leaves_others_alone(embedder, store) -> None:
    add, forget = AddFacts(embedder, store, LOCKS), DeleteFacts(store, FakeFactArchive({}), LOCKS)
    await add(ANN, _new("a", "b"))
    await add(BOB, _new("a"))
    assert (await forget(ANN)).deleted == 2
    assert (await forget(ANN)).deleted == 0
    assert await store.count(BOB) == 1


@given(
    st.lists(
        st.text(min_size=1, max_size=8).filter(lambda text: text.strip() and text.isprintable()),
        min_size=1,
        unique_by=text_key,
    )
)
async def test_answers_match_the_question_in_order_and_number(texts: list[str]) -> None:
    facts = AddFactsRequest(facts=tuple(_new(*texts))).facts
    store = FakeFactStore()
    added = await AddFacts(FakeEmbedder(), store, LOCKS)(ANN, facts)
    assert [fact.text for fact in added.facts] == list(dict.fromkeys(fact.text for fact in facts))
    assert await store.count(ANN) == len(added.facts)


class _SlowEmbedder(FakeEmbedder):
    """Waits until it is told to go on, so that something else can happen meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def embed_facts(self, texts):
        if texts:
            self.asked.set()
            await self.go.wait()
        return await super().embed_facts(texts)


async def test_a_fact_that_is_deleted_while_it_is_edited_stays_deleted(embedder, store) -> None:
    [tea] = (await AddFacts(embedder, store, LOCKS)(ANN, _new("likes tea"))).facts
    slow = _SlowEmbedder()
    edit = asyncio.create_task(
        EditFact(slow, store, LOCKS)(ANN, tea.id, EditFactRequest(text="likes coffee"))
    )
    await slow.asked.wait()
    assert (await DeleteFacts(store, FakeFactArchive({}), LOCKS)(ANN)).deleted == 1
    slow.go.set()
    with pytest.raises(NotFound):
        await edit
    assert await store.count(ANN) == 0


async def test_two_edits_to_the_same_text_at_once_leave_no_twins(embedder, store) -> None:
    [tea, coffee] = (await AddFacts(embedder, store, LOCKS)(ANN, _new("likes tea", "likes coffee"))).facts
    slow = _SlowEmbedder()
    edit = EditFact(slow, store, LOCKS)
    edits = [
        asyncio.create_task(edit(ANN, fact.id, EditFactRequest(text="owns a boat"))) for fact in (tea, coffee)
    ]
    await slow.asked.wait()
    await asyncio.sleep(0)
    slow.go.set()
    done = await asyncio.gather(*edits, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "Fact"]


async def test_the_same_fact_added_at_once_is_one_with_one_date(store) -> None:
    slow = _SlowEmbedder()
    add = AddFacts(slow, store, LOCKS)
    tasks = [asyncio.create_task(add(ANN, _new("likes tea"))) for _ in range(5)]
    await slow.asked.wait()
    slow.go.set()
    answers = await asyncio.gather(*tasks)
    assert all(answer == answers[0] for answer in answers)
    assert await store.count(ANN) == 1


async def test_facts_deleted_while_others_are_added_are_added_again(embedder, store) -> None:
    await AddFacts(embedder, store, LOCKS)(ANN, _new("likes tea"))
    slow = _SlowEmbedder()
    adding = asyncio.create_task(AddFacts(slow, store, LOCKS)(ANN, _new("likes tea", "owns a boat")))
    await slow.asked.wait()
    await DeleteFacts(store, FakeFactArchive({}), LOCKS)(ANN)
    slow.go.set()
    assert len((await adding).facts) == 2
    assert await store.count(ANN) == 2


async def test_a_fact_said_in_other_letters_is_merged_into_the_first(embedder, store) -> None:
    add = AddFacts(embedder, store, LOCKS)
    [first] = (await add(ANN, _new("Likes tea"))).facts
    assert (await add(ANN, _new("likes  TEA.", "Likes tea!"))).facts == [first]
    assert await store.count(ANN) == 1


async def test_a_character_has_facts_of_its_own(embedder, store) -> None:
    add = AddFacts(embedder, store, LOCKS)
    new = [NewFact(text="is lonely", owner="character", character=name) for name in ("Juno", "JUNO", "Wren")]
    assert [fact.character for fact in (await add(ANN, new)).facts] == ["Juno", "Wren"]


async def test_what_a_new_fact_supersedes_is_kept_but_hidden(embedder, store) -> None:
    add = AddFacts(embedder, store, LOCKS, now=lambda: datetime(2026, 3, 3, tzinfo=UTC))
    [old] = (await add(ANN, [NewFact(text="loves Chinese food", pinned=True)])).facts
    [new] = (await add(ANN, [NewFact(text="hates Chinese food", supersedes=(old.id,))])).facts
    [kept] = await store.get(ANN, [old.id])
    assert (kept.invalid_at, kept.superseded_by, kept.pinned) == (new.created_at, new.id, False)
    assert (await store.page(ANN, None, 10)).facts == (new,)
    query = await embedder.embed_query("loves Chinese food")
    assert [hit.id for hit in await store.search(ANN, query, 5, pinned=5)] == [new.id]


async def test_superseding_again_after_a_crash_between_the_two_writes_is_completed(embedder, store) -> None:
    add = AddFacts(embedder, store, LOCKS)
    [old, new] = (await add(ANN, _new("lives in Rome", "lives in Oslo"))).facts
    await add(ANN, [NewFact(text="lives in Oslo", supersedes=(old.id,))])
    assert (await store.get(ANN, [old.id]))[0].superseded_by == new.id


async def test_a_fact_that_holds_again_is_a_new_one(embedder, store) -> None:
    add = AddFacts(embedder, store, LOCKS)
    [rome] = (await add(ANN, _new("lives in Rome"))).facts
    [oslo] = (await add(ANN, [NewFact(text="lives in Oslo", supersedes=(rome.id,))])).facts
    [again] = (await add(ANN, [NewFact(text="lives in Rome", supersedes=(oslo.id,))])).facts
    assert again.id != rome.id
    assert (await store.page(ANN, None, 10)).facts == (again,)


async def test_a_fact_does_not_supersede_itself(embedder, store) -> None:
    add = AddFacts(embedder, store, LOCKS)
    [rome] = (await add(ANN, _new("lives in Rome"))).facts
    await add(ANN, [NewFact(text="lives in Rome", supersedes=(rome.id,))])
    assert (await store.page(ANN, None, 10)).facts == (rome,)


async def test_another_users_fact_cannot_be_superseded_and_nothing_is_written(embedder, store) -> None:
    add = AddFacts(embedder, store, LOCKS)
    [of_bob] = (await add(BOB, _new("lives in Rome"))).facts
    with pytest.raises(NotFound, match=r"facts\.0\.supersedes") as refused:
        await add(ANN, [NewFact(text="lives in Oslo", supersedes=(of_bob.id,))])
    assert of_bob.id not in str(refused.value)  # errors do not repeat what was sent
    assert await store.count(ANN) == 0
    assert (await store.page(BOB, None, 10)).facts == (of_bob,)


async def test_a_fact_can_be_pinned_and_ended_without_embedding_it_again(embedder, store) -> None:
    [tea] = (await AddFacts(embedder, store, LOCKS)(ANN, _new("likes tea"))).facts
    embedder.calls.clear()
    edit = EditFact(embedder, store, LOCKS)
    assert (await edit(ANN, tea.id, EditFactRequest(pinned=True))).pinned
    ended = await edit(ANN, tea.id, EditFactRequest(holds=False))
    assert ended.invalid_at
    assert not ended.pinned
    assert (await store.page(ANN, None, 10)).facts == ()
    back = await edit(ANN, tea.id, EditFactRequest(holds=True))
    assert (await store.page(ANN, None, 10)).facts == (back,) == (tea,)
    assert embedder.calls == []


async def test_a_fact_cannot_come_back_beside_its_twin(embedder, store) -> None:
    add, edit = AddFacts(embedder, store, LOCKS), EditFact(embedder, store, LOCKS)
    [tea] = (await add(ANN, _new("likes tea"))).facts
    await edit(ANN, tea.id, EditFactRequest(holds=False))
    await add(ANN, _new("Likes tea"))
    with pytest.raises(Conflict):
        await edit(ANN, tea.id, EditFactRequest(holds=True))


async def test_an_edit_without_a_change_is_refused(embedder, store) -> None:
    with pytest.raises(InvalidInput, match="at least one of text, pinned and holds"):
        await EditFact(embedder, store, LOCKS)(ANN, "x", EditFactRequest())
