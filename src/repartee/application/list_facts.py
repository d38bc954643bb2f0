"""Everything that is remembered about a user, page by page."""

from pydantic import BaseModel

from repartee.application.ports import FactStore
from repartee.domain.fact import Fact, FactView, TenantScope


class FactListPage(BaseModel):
    """Facts in order of id; pass `next` as `after` to get the following page, null at the end."""

    facts: list[Fact]
    next: str | None


class ListFacts:
    """Return a user's facts, and only theirs."""

    def __init__(self, store: FactStore) -> None:
        self._store = store

    async def __call__(
        self, scope: TenantScope, after: str | None, limit: int, *, superseded: bool = False
    ) -> FactListPage:
        """Return up to `limit` facts after the cursor; with `superseded` also those that no longer hold."""
        page = await self._store.page(scope, after, limit, FactView(superseded=superseded))
        return FactListPage(facts=list(page.facts), next=page.next)
