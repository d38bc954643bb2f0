"""The search of a reply, without Qdrant's client: that one copies and validates every number of the query.

One call over aiohttp for the nearest facts and the pinned ones. The filter says the same as the one that the
client is given elsewhere; every point that comes back is checked by its reader all the same.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from repartee.application.ports import Vector
from repartee.domain.errors import UpstreamInvalid
from repartee.domain.fact import FactView, TenantScope, character_key
from repartee.integrations.fact_payload import CHARACTER_KEY, OWNER_KEY, PINNED_KEY, SUPERSEDED_KEY, YES
from repartee.integrations.json_http import JsonHttp
from repartee.integrations.qdrant_errors import CollectionMissing
from repartee.integrations.transport import Upstream, bearer

_NUMBERS: Final = frozenset({float, int})
_PINNED: Final = {"key": PINNED_KEY, "match": {"value": YES}}
_SUPERSEDED: Final = {"key": SUPERSEDED_KEY, "match": {"value": YES}}


class FoundPoint(NamedTuple):
    """A point as the server sent it; its payload is not believed yet."""

    id: Any
    score: float
    payload: dict[str, Any] | None


class QdrantSearch:
    """Searches over HTTP. Errors are those of the store: a missing collection is CollectionMissing."""

    def __init__(self, upstream: Upstream, url: str, api_key: str | None, timeout: float) -> None:
        bearer(upstream.dependency, api_key)
        headers = {"api-key": api_key} if api_key else {}
        self._dependency = upstream.dependency
        self._http = JsonHttp(upstream, url, headers, timeout, not_found=CollectionMissing)

    async def __call__(
        self,
        collection: str,
        scope: TenantScope,
        view: FactView,
        vector: Vector,
        limits: tuple[int, int],
        params: Mapping[str, Any] | None,
    ) -> list[FoundPoint]:
        """Return the nearest points and the nearest pinned ones, `limits` of them at most.

        Raises UpstreamError.
        """
        nearest = orjson.Fragment(orjson.dumps(vector))  # both searches are for the same one
        searches = [
            {"query": nearest, "filter": tenant_filter(scope, view, pinned=pinned), "limit": limit, **_SHOWN}
            | ({"params": params} if params else {})
            for pinned, limit in zip((False, True), limits, strict=True)
            if limit
        ]
        answer = await self._http.post(
            f"/collections/{collection}/points/query/batch", {"searches": searches}
        )
        results = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(results, list) or len(results) != len(searches):
            raise self._unreadable()
        return [point for result in results for point in self._points(result)]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _points(self, result: Any) -> list[FoundPoint]:
        points = result.get("points") if isinstance(result, dict) else None
        if not isinstance(points, list):
            raise self._unreadable()
        found = []
        for point in points:
            if type(point) is not dict:
                raise self._unreadable()
            score: Any = point.get("score")
            payload: Any = point.get("payload")
            if type(score) not in _NUMBERS or not (payload is None or type(payload) is dict):
                raise self._unreadable()
            found.append(FoundPoint(point.get("id"), float(score), payload))
        return found

    def _unreadable(self) -> UpstreamInvalid:
        return UpstreamInvalid(f"{self._dependency} gave an answer that cannot be read", self._dependency)


_SHOWN: Final = {"with_payload": True}


def tenant_filter(scope: TenantScope, view: FactView, *, pinned: bool) -> dict[str, Any]:
    """Return the filter: the tenant's condition is always in it, and must hold."""
    owner = {"key": OWNER_KEY, "match": {"value": scope.user_id}}
    hidden: list[dict[str, Any]] = [] if view.superseded else [_SUPERSEDED]
    if view.character is not None:
        known = {"except": ["", character_key(view.character)]}
        hidden.append({"key": CHARACTER_KEY, "match": known})
    return {"must": [owner, *([_PINNED] if pinned else [])], "must_not": hidden}
