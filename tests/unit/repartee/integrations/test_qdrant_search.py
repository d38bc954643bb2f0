"""The lean search: the same filter as the client's, strict reading, errors that the store knows."""

from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from repartee.domain.errors import UpstreamInvalid, UpstreamMisconfigured, UpstreamRefusedRequest
from repartee.domain.fact import FactView, TenantScope
from repartee.integrations.qdrant_errors import CollectionMissing
from repartee.integrations.qdrant_fact_store import _IS_PINNED, QdrantFactStore, _visible
from repartee.integrations.qdrant_search import QdrantSearch, tenant_filter
from repartee.integrations.transport import Upstream
from tests.fakes import FAKE_PROFILE, FakeTelemetry

ANN = TenantScope("ann")
VECTOR = [1.0, *[0.0] * (FAKE_PROFILE.dimension - 1)]
OWN = {
    "id": "00000000-0000-0000-0000-000000000001",
    "score": 0.75,
    "payload": {"user_id": "ann", "text": "Plays the cello", "created_at": "2026-01-01T00:00:00Z"},
}
FOREIGN = {
    **OWN,
    "id": "00000000-0000-0000-0000-000000000002",
    "payload": {**OWN["payload"], "user_id": "bob"},
}


class Server:
    """Answers every search alike and keeps what was asked."""

    def __init__(self, answer: Any = None, status: int = 200) -> None:
        self.answer, self.status = answer, status
        self.asked: list[Any] = []
        self.headers: list[Any] = []

    async def answered(self, request: web.Request) -> web.Response:
        self.asked.append(orjson.loads(await request.read()))
        self.headers.append(request.headers)
        body = self.answer if isinstance(self.answer, bytes) else orjson.dumps(self.answer)
        return web.Response(status=self.status, body=body, content_type="application/json")


async def found_by(
    server: Server, telemetry: FakeTelemetry | None = None, view: FactView | None = None, pinned: int = 8
) -> list[Any]:
    app = web.Application()
    app.router.add_post("/collections/{name}/points/query/batch", server.answered)
    telemetry = telemetry or FakeTelemetry()
    upstream = Upstream("store", telemetry, attempts=1)
    async with TestServer(app) as running:
        search = QdrantSearch(upstream, str(running.make_url("")), "key", 5.0)
        store = QdrantFactStore(None, FAKE_PROFILE, upstream, telemetry, "here", search=search)  # type: ignore[arg-type]
        try:
            return await store.search(ANN, VECTOR, 24, view or FactView(), pinned=pinned)
        finally:
            await search.close()


@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("character", [None, "", "Juno", "ЁЖ  two"])
@pytest.mark.parametrize("superseded", [False, True])
@pytest.mark.parametrize("user_id", ["a", "A", "a|b", "0", "user@example.org"])
def test_the_filter_is_the_one_that_the_client_is_given(
    user_id: str, superseded: bool, character: str | None, pinned: bool
) -> None:
    scope, view = TenantScope(user_id), FactView(character=character, superseded=superseded)
    theirs = _visible(scope, view, *([_IS_PINNED] if pinned else []))
    said = theirs.model_dump(mode="json", exclude_none=True, by_alias=True)
    assert tenant_filter(scope, view, pinned=pinned) == said


async def test_every_search_of_the_batch_carries_the_tenant_and_the_key_goes_in_its_header() -> None:
    server = Server({"result": [{"points": [OWN]}, {"points": [OWN]}]})
    [fact] = await found_by(server)
    assert (fact.text, fact.score) == ("Plays the cello", 0.75)
    owners = [one["filter"]["must"][0] for one in server.asked[0]["searches"]]
    assert owners == [{"key": "user_id", "match": {"value": "ann"}}] * 2
    assert [one["limit"] for one in server.asked[0]["searches"]] == [24, 8]
    assert [one["query"] for one in server.asked[0]["searches"]] == [VECTOR, VECTOR]
    assert server.headers[0]["api-key"] == "key"


async def test_without_pinned_facts_there_is_one_search() -> None:
    server = Server({"result": [{"points": [OWN]}]})
    assert len(await found_by(server, pinned=0)) == 1
    assert len(server.asked[0]["searches"]) == 1


async def test_a_fact_of_somebody_else_is_dropped_and_counted() -> None:
    telemetry = FakeTelemetry()
    found = await found_by(Server({"result": [{"points": [FOREIGN, OWN]}, {"points": []}]}), telemetry)
    assert [fact.id for fact in found] == [OWN["id"]]
    assert "foreign_fact" in telemetry.left_out


@pytest.mark.parametrize(
    "answer",
    [
        b"not json",
        [],
        {},
        {"result": None},
        {"result": [{"points": [OWN]}]},
        {"result": [{"points": None}, {"points": []}]},
        {"result": [[], []]},
        {"result": [{"points": [None]}, {"points": []}]},
        {"result": [{"points": [{**OWN, "score": None}]}, {"points": []}]},
        {"result": [{"points": [{**OWN, "score": True}]}, {"points": []}]},
        {"result": [{"points": [{**OWN, "payload": "text"}]}, {"points": []}]},
    ],
)
async def test_an_answer_that_is_none_is_an_error(answer: Any) -> None:
    with pytest.raises(UpstreamInvalid):
        await found_by(Server(answer))


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, UpstreamRefusedRequest), (401, UpstreamMisconfigured), (307, UpstreamMisconfigured)],
)
async def test_a_status_means_what_it_means_elsewhere(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        await found_by(Server({}, status))


async def test_a_lost_collection_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({}, 404)
    made: list[str] = []

    async def ensure(self: QdrantFactStore) -> None:
        made.append("made")
        server.status, server.answer = 200, {"result": [{"points": [OWN]}, {"points": []}]}

    monkeypatch.setattr(QdrantFactStore, "ensure", ensure)
    telemetry = FakeTelemetry()
    assert len(await found_by(server, telemetry)) == 1
    assert made == ["made"]
    assert "missing_collection" in telemetry.left_out
    assert issubclass(CollectionMissing, UpstreamMisconfigured)
