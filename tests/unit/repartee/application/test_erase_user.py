from datetime import UTC, datetime

import pytest

from repartee.application.delete_facts import DeleteFacts
from repartee.application.erase_user import EraseUser
from repartee.application.export_user import ExportUser
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.errors import Conflict
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from tests.fakes import FakeEventLog, FakeFactArchive, FakeFactStore

ANN, BOB = TenantScope("ann"), TenantScope("bob")


def _erase(store: FakeFactStore, archive: FakeFactArchive, log: FakeEventLog) -> EraseUser:
    return EraseUser(DeleteFacts(store, archive, TenantLocks()), ExportUser(store, archive, log), log)


def _reply(number: int, user_id: str) -> dict:
    return {"type": "reply", "reply": {"id": f"r{number}"}, "user": {"id": user_id}}


def _fact(scope: TenantScope, text: str) -> Fact:
    id_ = fact_id(scope, fact_key("user", "", text))
    return Fact(id=id_, text=text, created_at=datetime(2026, 1, 1, tzinfo=UTC))


async def test_facts_everywhere_and_events_are_gone_and_counted_and_others_stay(store, remember) -> None:
    await remember("ann", "likes tea", "has a cat")
    await remember("bob", "likes tea")
    former = {"old": [(ANN, _fact(ANN, "only in the old one")), (BOB, _fact(BOB, "has a dog"))]}
    archive, log = FakeFactArchive(former, store), FakeEventLog()
    log.events = [_reply(1, "ann"), _reply(2, "bob"), {"type": "feedback", "reply_id": "r1", "user_id": None}]
    erase = _erase(store, archive, log)
    erased = await erase(ANN)
    assert (erased.facts, erased.events) == (3, 2)
    assert await store.count(ANN) == 0
    assert [scope for scope, _ in archive.collections["old"]] == [BOB]
    assert (await store.count(BOB), log.events) == (1, [_reply(2, "bob")])
    erased = await erase(ANN)
    assert (erased.facts, erased.events) == (0, 0)


class _LateLog(FakeEventLog):
    """Replies that were under way are recorded right after the erasure."""

    def __init__(self, late: int) -> None:
        super().__init__()
        self.late = late

    async def forget(self, user_id: str) -> int:
        forgotten = await super().forget(user_id)
        if self.late:
            self.late -= 1
            self.events.append(_reply(self.late, user_id))
        return forgotten


async def test_what_came_in_the_meantime_is_erased_as_well(store, remember) -> None:
    await remember("ann", "likes tea")
    log = _LateLog(late=1)
    erased = await _erase(store, FakeFactArchive({}, store), log)(ANN)
    assert (erased.facts, erased.events, log.events) == (1, 1, [])


async def test_an_erasure_that_cannot_keep_up_is_no_success(store) -> None:
    with pytest.raises(Conflict, match="stop the requests for this user"):
        await _erase(store, FakeFactArchive({}, store), _LateLog(late=9))(ANN)
