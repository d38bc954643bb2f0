from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from repartee.application.import_facts import FactRecord, ImportFacts
from repartee.domain.fact import TenantScope, fact_id, fact_key
from tests.fakes import FakeFactArchive

ANN, BOB = TenantScope("ann"), TenantScope("bob")
NOW = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


def _record(scope: TenantScope, text: str, **changes) -> FactRecord:
    id_ = fact_id(scope, fact_key("user", "", text))
    return FactRecord(**{"user_id": scope.user_id, "id": id_, "text": text, "created_at": NOW} | changes)


async def test_facts_arrive_as_they_were_under_their_users(embedder, store) -> None:
    new = _record(ANN, "Lives in Bonn", pinned=True, source="chat", evidence="I moved to Bonn")
    old = _record(ANN, "Lives in Ulm", invalid_at=NOW + timedelta(days=1), superseded_by=new.id)
    records = [old, new, *(_record(BOB, f"Knows number {number}") for number in range(100))]
    seen: list[int] = []
    done = await ImportFacts(embedder, store, FakeFactArchive({}, store))(records, seen.append)
    assert (done.written, done.there, done.foreign) == (102, 0, 0)
    assert store.all_facts() == [record.owned for record in records]
    assert seen == [64, 102]


async def test_what_is_there_stays_as_it_is(embedder, store) -> None:
    importing = ImportFacts(embedder, store, FakeFactArchive({}, store))
    first = _record(ANN, "Likes tea")
    await importing([first])
    again = await importing([first.model_copy(update={"text": "Likes coffee"}), _record(ANN, "Has a cat")])
    assert (again.written, again.there) == (1, 1)
    assert [fact.text for _, fact in store.all_facts()] == ["Likes tea", "Has a cat"]
    assert embedder.calls == ["Likes tea", "Has a cat"]


async def test_nobodys_fact_is_taken_over(embedder, store) -> None:
    importing = ImportFacts(embedder, store, FakeFactArchive({}, store))
    of_ann = _record(ANN, "Likes tea")
    await importing([of_ann])
    done = await importing([_record(BOB, "Stole this", id=of_ann.id), _record(BOB, "Has a cat")])
    assert (done.written, done.foreign) == (1, 1)
    assert [(scope.user_id, fact.text) for scope, fact in store.all_facts()] == [
        ("ann", "Likes tea"),
        ("bob", "Has a cat"),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "x"),
        ("id", "6F0A3A3E-0F2B-5C55-9F0E-9B1F5F0F8D11"),
        ("superseded_by", "\ud800"),
        ("user_id", "../ann"),
        ("text", ""),
        ("created_at", "2026-01-01T00:00:00"),
        ("score", 1.0),
    ],
)
def test_a_record_that_no_store_takes_is_refused_before(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        FactRecord(**{**_record(ANN, "Likes tea").model_dump(), field: value})
    assert caught.value.errors()[0]["loc"] == (field,)
