"""Where the commands find what is stored: at a running API, or in this process if there is none.

The embedded store has one owner. While an API is up it is the owner, so the commands go through it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Protocol, TypeVar

from repartee.application.add_facts import NewFact
from repartee.application.edit_fact import EditFactRequest
from repartee.application.erase_user import Erased
from repartee.application.fact_stats import FactCounts
from repartee.application.import_facts import FactRecord, Imported
from repartee.application.retrieve_facts import Question
from repartee.application.search_facts import CandidateList
from repartee.domain.errors import StoreLocked
from repartee.domain.fact import Fact, TenantScope
from repartee.presentation.cli.api_client import ApiClient
from repartee.presentation.cli.discovery import find_api
from repartee.presentation.cli.failures import RunFailed, UserMistake
from repartee.presentation.cli.runtime import Runtime
from repartee.presentation.services import Services

_PAGE = 500

T = TypeVar("T")


class FactsBackend(Protocol):
    """What is stored about users, wherever it is."""

    @property
    def place(self) -> str:
        """Where it is, for people to read."""
        ...

    def add_facts(self, user_id: str, facts: Sequence[NewFact]) -> list[Fact]:
        """Store up to 256 facts; what is returned is durable."""
        ...

    def facts(self, user_id: str, *, superseded: bool = False) -> Iterator[Fact]:
        """Yield every fact of the user; with `superseded` also those that no longer hold."""
        ...

    def search(
        self, user_id: str, message: str, limit: int = 10, character: str | None = None
    ) -> CandidateList:
        """Return the facts nearest to a message, and what a reply of the character would do with them."""
        ...

    def edit_fact(self, user_id: str, fact_id: str, changes: EditFactRequest) -> Fact:
        """Change a fact and return it."""
        ...

    def delete_fact(self, user_id: str, fact_id: str) -> int:
        """Forget one fact."""
        ...

    def delete_facts(self, user_id: str) -> int:
        """Forget all facts of the user and return how many there were."""
        ...

    def fact_stats(self) -> FactCounts:
        """Count facts and users."""
        ...

    def export_user(self, user_id: str) -> Iterator[Mapping[str, Any]]:
        """Yield all that is stored about the user, as `GET /users/{user_id}/export` does."""
        ...

    def erase_user(self, user_id: str) -> Erased:
        """Erase all that is stored about the user."""
        ...


@contextmanager
def opened_facts(runtime: Runtime) -> Iterator[FactsBackend]:
    """Open what is there. Raises ApiUnreachable, UserMistake, ReparteeError."""
    settings = runtime.client_settings()
    if url := find_api(settings):
        with ApiClient(url, settings.api_key) as client:
            yield client
    else:
        with _opened_here(runtime) as local:
            yield local


@contextmanager
def opened_directly(runtime: Runtime) -> Iterator["LocalFacts"]:
    """Open the store in this process, whatever else runs. Raises UserMistake where an API owns it."""
    try:
        with _opened_here(runtime) as local:
            yield local
    except StoreLocked:
        raise UserMistake("all users' facts are only reached while no API runs: stop it before") from None


class LocalFacts(FactsBackend):
    """In this process, with the use cases that the API calls."""

    def __init__(self, runner: asyncio.Runner, services: Services) -> None:
        self._runner = runner
        self._services = services

    @property
    def place(self) -> str:
        """The store."""
        return self._services.running.store

    def add_facts(self, user_id: str, facts: Sequence[NewFact]) -> list[Fact]:
        """Store facts."""
        return self._runner.run(self._services.add_facts(TenantScope(user_id), facts)).facts

    def facts(self, user_id: str, *, superseded: bool = False) -> Iterator[Fact]:
        """Yield every fact of the user."""
        scope, after = TenantScope(user_id), None
        while True:
            page = self._runner.run(self._services.list_facts(scope, after, _PAGE, superseded=superseded))
            yield from page.facts
            if page.next is None:
                return
            after = page.next

    def search(
        self, user_id: str, message: str, limit: int = 10, character: str | None = None
    ) -> CandidateList:
        """Explain what the message finds."""
        question = Question(message, character=character)
        return self._runner.run(self._services.search_facts(TenantScope(user_id), question, limit))

    def edit_fact(self, user_id: str, fact_id: str, changes: EditFactRequest) -> Fact:
        """Change a fact."""
        return self._runner.run(self._services.edit_fact(TenantScope(user_id), fact_id, changes))

    def delete_fact(self, user_id: str, fact_id: str) -> int:
        """Forget one fact."""
        return self._runner.run(self._services.delete_facts.one(TenantScope(user_id), fact_id)).deleted

    def delete_facts(self, user_id: str) -> int:
        """Forget all facts."""
        return self._runner.run(self._services.delete_facts(TenantScope(user_id))).deleted

    def fact_stats(self) -> FactCounts:
        """Count."""
        return self._runner.run(self._services.fact_stats())

    def export_user(self, user_id: str) -> Iterator[Mapping[str, Any]]:
        """Yield all that is stored about the user."""
        with _log_failures():
            yield from self._each(self._services.export_user(TenantScope(user_id)))

    def erase_user(self, user_id: str) -> Erased:
        """Erase all that is stored about the user."""
        with _log_failures():
            return self._runner.run(self._services.erase_user(TenantScope(user_id)))

    def all_facts(self) -> Iterator[tuple[str, Fact]]:
        """Yield the facts of all users, each with its user's id."""
        return ((scope.user_id, fact) for scope, fact in self._each(self._services.export_facts()))

    def former_profiles(self) -> list[str]:
        """Return the former embedders' profiles, whose facts `all_facts` leaves out."""
        return self._runner.run(self._services.export_facts.left_out())

    def load(self, records: Iterable[FactRecord], progress: Callable[[int], None]) -> Imported:
        """Store exported facts."""
        return self._runner.run(self._services.import_facts(records, progress))

    def _each(self, items: AsyncIterator[T]) -> Iterator[T]:
        while (item := self._runner.run(_next(items))) is not None:
            yield item


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)


@contextmanager
def _log_failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFailed(
            f"the event log cannot be read and rewritten ({error.strerror}): check the folder's permissions"
        ) from None


@contextmanager
def _opened_here(runtime: Runtime) -> Iterator[LocalFacts]:
    with asyncio.Runner() as runner, _opened(runner, runtime.services()) as services:
        yield LocalFacts(runner, services)


@contextmanager
def _opened(runner: asyncio.Runner, services: AbstractAsyncContextManager[Services]) -> Iterator[Services]:
    opened = runner.run(_entered(services))
    try:
        yield opened
    finally:
        runner.run(_left(services))


async def _entered(services: AbstractAsyncContextManager[Services]) -> Services:
    return await services.__aenter__()


async def _left(services: AbstractAsyncContextManager[Services]) -> None:
    await services.__aexit__(None, None, None)
