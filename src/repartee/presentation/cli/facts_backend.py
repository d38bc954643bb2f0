"""Where the `facts` commands find the facts: at a running API, or in this process if there is none.

The embedded store has one owner. While an API is up it is the owner, so the commands go through it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Protocol

from repartee.application.add_facts import NewFact
from repartee.domain.fact import Fact, TenantScope
from repartee.presentation.cli.api_client import ApiClient
from repartee.presentation.cli.discovery import find_api
from repartee.presentation.cli.runtime import Runtime
from repartee.presentation.services import Services

_PAGE = 500


class FactsBackend(Protocol):
    """The facts of users, wherever they are."""

    @property
    def place(self) -> str:
        """Where they are, for people to read."""
        ...

    def add(self, user_id: str, facts: Sequence[NewFact]) -> list[Fact]:
        """Store up to 256 facts; what is returned is durable."""
        ...

    def facts(self, user_id: str) -> Iterator[Fact]:
        """Yield every fact of the user."""
        ...

    def delete(self, user_id: str, fact_id: str | None) -> int:
        """Forget one fact, or everything if None, and return how many there were."""
        ...


@contextmanager
def opened_facts(runtime: Runtime) -> Iterator[FactsBackend]:
    """Open what is there. Raises ApiUnreachable, UserMistake, ReparteeError."""
    settings = runtime.client_settings()
    if url := find_api(settings):
        with ApiClient(url, settings.api_key) as client:
            yield ApiFacts(client)
    else:
        with asyncio.Runner() as runner, _opened(runner, runtime.services()) as services:
            yield LocalFacts(runner, services)


class ApiFacts(FactsBackend):
    """Through the API."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @property
    def place(self) -> str:
        """The address."""
        return self._client.url

    def add(self, user_id: str, facts: Sequence[NewFact]) -> list[Fact]:
        """Store facts."""
        return self._client.add_facts(user_id, facts)

    def facts(self, user_id: str) -> Iterator[Fact]:
        """Yield every fact of the user."""
        return self._client.facts(user_id)

    def delete(self, user_id: str, fact_id: str | None) -> int:
        """Forget."""
        if fact_id is None:
            return self._client.delete_facts(user_id)
        return self._client.delete_fact(user_id, fact_id)


class LocalFacts(FactsBackend):
    """In this process, with the use cases that the API calls."""

    def __init__(self, runner: asyncio.Runner, services: Services) -> None:
        self._runner = runner
        self._services = services

    @property
    def place(self) -> str:
        """The store."""
        return self._services.running.store

    def add(self, user_id: str, facts: Sequence[NewFact]) -> list[Fact]:
        """Store facts."""
        return self._runner.run(self._services.add_facts(TenantScope(user_id), facts)).facts

    def facts(self, user_id: str) -> Iterator[Fact]:
        """Yield every fact of the user."""
        scope, after = TenantScope(user_id), None
        while True:
            page = self._runner.run(self._services.list_facts(scope, after, _PAGE))
            yield from page.facts
            if page.next is None:
                return
            after = page.next

    def delete(self, user_id: str, fact_id: str | None) -> int:
        """Forget."""
        scope, delete = TenantScope(user_id), self._services.delete_facts
        work = delete(scope) if fact_id is None else delete.one(scope, fact_id)
        return self._runner.run(work).deleted


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
