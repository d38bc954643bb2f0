from datetime import UTC, datetime
from typing import Any

import pytest

from repartee.application.export_user import ExportUser
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from tests.fakes import FakeEventLog, FakeFactArchive

ANN, BOB = TenantScope("ann"), TenantScope("bob")
NOW = datetime(2026, 11, 20, tzinfo=UTC)
REPLY = {"type": "reply", "reply": {"id": "r1"}, "user": {"id": "ann"}}


def _fact(scope: TenantScope, text: str, **changes: Any) -> Fact:
    return Fact(id=fact_id(scope, fact_key("user", "", text)), text=text, created_at=NOW, **changes)


async def _rows(export: ExportUser, scope: TenantScope = ANN) -> list[dict[str, Any]]:
    return [row async for row in export(scope)]


async def test_counts_come_first_then_facts_then_events(store, remember) -> None:
    await remember("ann", "likes tea")
    await remember("bob", "likes coffee")
    log = FakeEventLog()
    await log.append(REPLY)
    user, fact, event = await _rows(ExportUser(store, FakeFactArchive({}, store), log))
    assert user == {"type": "user", "user_id": "ann", "facts": 1, "events": 1}
    assert fact == {"type": "fact", **_fact(ANN, "likes tea").model_dump(mode="json")}
    assert event == {"type": "event", "event": REPLY}


async def test_all_pages_and_what_no_longer_holds_are_in_it(store, remember) -> None:
    texts = [f"knows number {number}" for number in range(1_001)]
    await remember("ann", *texts)
    await store.annotate(ANN, [_fact(ANN, texts[7], invalid_at=NOW)])
    _, *facts = await _rows(ExportUser(store, FakeFactArchive({}, store), FakeEventLog()))
    assert sorted(fact["text"] for fact in facts) == sorted(texts)
    assert [fact["text"] for fact in facts if fact["invalid_at"]] == [texts[7]]


async def test_former_collections_add_what_differs_and_say_whose_it_is(store, remember) -> None:
    await remember("ann", "likes tea")
    tea, older = _fact(ANN, "likes tea"), _fact(ANN, "likes tea", source="before an edit")
    former = {
        "old-1": [(ANN, tea), (ANN, older), (BOB, _fact(BOB, "has a dog"))],
        "old-2": [(ANN, older), (ANN, _fact(ANN, "has a cat"))],
    }
    user, *facts = await _rows(ExportUser(store, FakeFactArchive(former, store), FakeEventLog()))
    assert [(fact["text"], fact["source"], fact.get("profile")) for fact in facts] == [
        ("likes tea", "", None),
        ("likes tea", "before an edit", "old-1"),
        ("has a cat", "", "old-2"),
    ]
    assert user["facts"] == 3


async def test_of_a_stranger_there_is_nothing_but_zeros(store) -> None:
    rows = await _rows(ExportUser(store, FakeFactArchive({}, store), FakeEventLog()))
    assert rows == [{"type": "user", "user_id": "ann", "facts": 0, "events": 0}]


async def test_a_log_that_cannot_be_read_is_an_error_before_the_first_row(store) -> None:
    export = ExportUser(store, FakeFactArchive({}, store), FakeEventLog(OSError(5, "broken")))
    with pytest.raises(OSError, match="broken"):
        await anext(export(ANN))
