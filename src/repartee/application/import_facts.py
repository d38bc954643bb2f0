"""Facts that were exported, here or elsewhere, brought back."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from repartee.application.carry_facts import Carried, CarryFacts, OwnedFact
from repartee.application.ports import Embedder, FactArchive, FactStore
from repartee.domain.fact import Fact, TenantScope
from repartee.domain.user import UserId


def _canonical(value: str) -> str:
    if _as_uuid(value) != value:
        raise ValueError("must be the id of a fact: a UUID in lower case")
    return value


def _as_uuid(value: str) -> str | None:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        return None


StoredFactId = Annotated[str, AfterValidator(_canonical)]


class FactRecord(Fact):
    """A fact with all that is known of it, and whose it is."""

    user_id: UserId
    id: StoredFactId
    superseded_by: StoredFactId | None = None

    @property
    def owned(self) -> OwnedFact:
        """The fact under its user."""
        return TenantScope(self.user_id), Fact.model_validate(self.model_dump(exclude={"user_id"}))


class Imported(BaseModel):
    """How many facts were written, were there already, and have an id that is another user's."""

    written: int
    there: int
    foreign: int


class ImportFacts:
    """Write exported facts as they were, with ids, times and what superseded them; only vectors are new.

    A fact whose id is there stays as it is. One whose id belongs to another user is not written. It may be
    interrupted and done again.
    """

    def __init__(self, embedder: Embedder, store: FactStore, archive: FactArchive) -> None:
        self._carry_facts = CarryFacts(embedder, store, archive)

    async def __call__(
        self, records: Iterable[FactRecord], progress: Callable[[int], None] = lambda _: None
    ) -> Imported:
        """Write them and return what became of them; `progress` is told how many are done."""

        def show(done: Carried) -> None:
            progress(done.seen)

        done = await self._carry_facts(_owned(records), show)
        return Imported(written=done.written, there=done.there, foreign=done.foreign)


async def _owned(records: Iterable[FactRecord]) -> AsyncIterator[OwnedFact]:
    for record in records:
        yield record.owned
