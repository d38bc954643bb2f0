"""The composition root: the one place that knows every layer.

`cli` is the `repartee` command. `open_application` puts the service together for it, for tests and for anyone
who embeds the API in a server of their own.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import structlog
import uvloop
from dishka import AsyncContainer, Provider
from starlette.types import ASGIApp

from repartee.application.ports import ChatModel, Embedder, FactStore, Reranker, TokenCounter
from repartee.domain.errors import ConfigurationError, UpstreamError
from repartee.infrastructure.container import make_container
from repartee.infrastructure.logging import configure_logging
from repartee.infrastructure.settings import Settings, load_settings
from repartee.infrastructure.shared_metrics import SharedMetrics
from repartee.infrastructure.telemetry import PrometheusTelemetry
from repartee.integrations.script_token_counter import ScriptTokenCounter
from repartee.presentation.api.admission import Places
from repartee.presentation.api.app import build_api
from repartee.presentation.api.door import Door
from repartee.presentation.api.limits import Limits
from repartee.presentation.api.requests import Rates
from repartee.presentation.api.server import LAST_SECONDS, ServerPlan, make_server
from repartee.presentation.cli.banner import banner
from repartee.presentation.cli.commands import repartee as commands
from repartee.presentation.cli.discovery import ServerFile
from repartee.presentation.cli.failures import EXPECTED, exit_status
from repartee.presentation.cli.listener import bound, url_of
from repartee.presentation.cli.runtime import ClientSettings, Runtime
from repartee.presentation.cli.serve_reports import Reporter
from repartee.presentation.cli.serve_workers import Occasions, Workers
from repartee.presentation.services import Running, Services

_log = structlog.get_logger(__name__)

_START_CHECK_SECONDS = 3.0
_ENSURE_AGAIN_SECONDS = 5.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Application:
    """The service, open. `api` is an ASGI application without a lifespan of its own."""

    services: Services
    api: ASGIApp


@asynccontextmanager
async def open_application(settings: Settings, *overrides: Provider) -> AsyncIterator[Application]:
    """Open clients and stores, check what can be checked, and close all of it at the end.

    Raises ConfigurationError for what only an operator can repair. A dependency that is merely down does not
    stop the start: replies come without facts until it is back.
    """
    container = make_container(settings, *overrides)
    try:
        services = await _services(container, settings)
        telemetry = await container.get(PrometheusTelemetry)
        door = Door(
            settings.api.accepted_keys,
            user_keys=settings.api.owners_of_keys,
            open_to_all=settings.api.allow_anonymous,
            origins=settings.api.origins,
        )
        limits = Limits(
            settings.api.max_body_bytes,
            settings.reply.deadline_seconds,
            Places(settings.api.max_in_flight, settings.api.queue, settings.api.queue_wait_seconds),
        )
        rates = _key_rates(settings.api.key_rate, has_keys=door.has_keys)
        api = build_api(services, telemetry, door, limits, page=settings.api.page, rates=rates)
        entrance = telemetry.traced(api)
        store, embedder = await container.get(FactStore), await container.get(Embedder)
        reranker: Reranker | None = await container.get(Reranker | None)
        ensuring = await _prepared(store, embedder, reranker)
        try:
            yield Application(services, entrance)
        finally:
            if ensuring:
                ensuring.cancel()
    finally:
        await container.close()


def _key_rates(limits: str, *, has_keys: bool) -> Rates | None:
    if not limits:
        return None
    if not has_keys:
        raise ConfigurationError("REPARTEE_API__KEY_RATE limits keys: set REPARTEE_API__KEYS or …__USER_KEYS")
    # The library takes time to import, which a service without such limits would pay for nothing.
    from repartee.presentation.api.key_rates import KeyRates  # noqa: PLC0415

    return KeyRates.of(limits)


async def _services(container: AsyncContainer, settings: Settings) -> Services:
    """Every field of `Services` but the last is an object of the container."""
    named = [field for field in fields(Services) if field.type != Running]
    parts = {field.name: await container.get(field.type) for field in named}
    return Services(**parts, running=await _running(container, settings))


async def _running(container: AsyncContainer, settings: Settings) -> Running:
    model, embedder = await container.get(ChatModel), await container.get(Embedder)
    reranker: Reranker | None = await container.get(Reranker | None)
    store = await container.get(FactStore)
    return Running(
        model=model.name,
        embedder=embedder.profile.model,
        store=store.name,
        reranker=reranker.name if reranker else None,
        event_log=str(settings.events.folder or settings.data_dir / "events")
        if settings.events.enabled
        else None,
    )


async def _prepared(
    store: FactStore, embedder: Embedder, reranker: Reranker | None
) -> asyncio.Task[None] | None:
    """Check embedder, reranker and collection; return the task that tries again while the store is down."""
    await _checked("embedder", embedder, "replies come without facts")
    if reranker:
        await _checked("reranker", reranker, "facts keep the order of their scores")
    try:
        await store.ensure()
    except UpstreamError as error:
        _log.warning("the fact store does not answer: replies come without facts", reason=error.message)
        return asyncio.create_task(_ensure_until_done(store))
    return None


async def _checked(role: str, dependency: Embedder | Reranker, consequence: str) -> None:
    try:
        async with asyncio.timeout(_START_CHECK_SECONDS):
            await dependency.check()
    except UpstreamError as error:
        _log.warning(f"the {role} fails: {consequence}", code=error.code, reason=error.message)
    except TimeoutError:
        _log.warning(f"the {role} does not answer: {consequence} until it does")


async def _ensure_until_done(store: FactStore) -> None:
    while True:
        await asyncio.sleep(_ENSURE_AGAIN_SECONDS)
        try:
            await store.ensure()
        except UpstreamError:
            continue
        except ConfigurationError as error:
            _log.error("the fact store cannot be used", reason=error.message)
            return
        return


class _LocalRuntime(Runtime):
    """Settings from the environment, everything in this process."""

    def client_settings(self) -> ClientSettings:
        settings = load_settings()
        keys = settings.api.accepted_keys
        return ClientSettings(
            data_dir=settings.data_dir,
            url=settings.api.url,
            default_url=f"http://127.0.0.1:{settings.api.port}",
            api_key=keys[0] if keys else None,
        )

    def token_counter(self) -> TokenCounter:
        return ScriptTokenCounter()

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        settings = load_settings()
        configure_logging("error")
        async with open_application(settings) as application:
            yield application.services

    def serve(
        self,
        host: str | None,
        port: int | None,
        announce: Callable[[str], None],
        *,
        workers: int | None,
        until_stdin_closes: bool,
    ) -> None:
        settings = load_settings()
        configure_logging(settings.log.level)
        chosen_host = host or settings.api.host
        _refuse_open_door(chosen_host, settings)
        count = workers or settings.api.workers
        _refuse_shared_store(count, settings)
        listener = bound(chosen_host, settings.api.port if port is None else port)
        if count > 1:
            sys.exit(_worked_on(count, settings, listener, announce, until_stdin_closes=until_stdin_closes))
        uvloop.run(_served(settings, listener, announce, until_stdin_closes=until_stdin_closes))


def _refuse_open_door(host: str, settings: Settings) -> None:
    has_keys = settings.api.accepted_keys or settings.api.owners_of_keys
    if host not in _LOOPBACK and not has_keys and not settings.api.allow_anonymous:
        raise ConfigurationError(
            f"serving on {host} without keys would let anyone read every user's facts: "
            "set REPARTEE_API__KEYS=…, or REPARTEE_API__ALLOW_ANONYMOUS=true if a gateway checks callers"
        )


def _refuse_shared_store(workers: int, settings: Settings) -> None:
    if workers > 1 and settings.qdrant.url is None:
        raise ConfigurationError(
            f"{workers} workers cannot share the embedded store, which belongs to one process: set "
            "REPARTEE_QDRANT__URL=… to a Qdrant server, or serve with --workers 1 (REPARTEE_API__WORKERS=1)"
        )


async def _served(
    settings: Settings, listener: socket.socket, announce: Callable[[str], None], *, until_stdin_closes: bool
) -> None:
    async with open_application(settings) as application:
        server = make_server(application.api, application.services.check_health, _plan(settings))
        url = url_of(listener)
        for line in banner(url, application.services.running):
            announce(line)
        if until_stdin_closes:
            server.stop_at_end_of(sys.stdin.fileno())
        with ServerFile(settings.data_dir).holding(url):
            await server.serve(sockets=[listener])
    if server.cut_off_by is not None:
        sys.exit(128 + server.cut_off_by)


def _plan(settings: Settings, *, shares_socket: bool = False) -> ServerPlan:
    return ServerPlan(settings.api.drain_seconds, settings.reply.deadline_seconds, shares_socket)


# --- several workers: one process keeps the socket and watches, the others serve -------------------------


def _worked_on(
    count: int,
    settings: Settings,
    listener: socket.socket,
    announce: Callable[[str], None],
    *,
    until_stdin_closes: bool,
) -> int:
    """Serve with `count` processes; return the exit status."""
    with SharedMetrics.made(count) as metrics, ExitStack() as held:
        url = url_of(listener)

        def made(number: int, reports: Connection) -> BaseProcess:
            given = (number, settings, listener, metrics, reports)
            return get_context("spawn").Process(target=_work, args=given, name=f"worker-{number}")

        def on_ready(running: Running) -> None:
            for line in banner(url, running):
                announce(line)
            held.enter_context(ServerFile(settings.data_dir).holding(url))

        patience = settings.api.drain_seconds + settings.reply.deadline_seconds + LAST_SECONDS + 3.0
        occasions = Occasions(on_ready, on_end=metrics.forget, on_stop=listener.close)
        workers = Workers(count, made, occasions, patience)
        return asyncio.run(workers.run(until_end_of=sys.stdin if until_stdin_closes else None))


def _work(
    number: int, settings: Settings, listener: socket.socket, metrics: SharedMetrics, reports: Connection
) -> None:
    """Be a worker: what a new process runs."""
    configure_logging(settings.log.level, number)
    metrics.take(number)
    reporter = Reporter(reports)
    try:
        uvloop.run(_working(settings, listener, reporter))
    except EXPECTED as error:
        reporter.failed(error)
        sys.exit(exit_status(error))
    finally:
        parent = parent_process()
        if parent and not parent.is_alive():  # it was killed and cannot clean up
            metrics.remove()


async def _working(settings: Settings, listener: socket.socket, reporter: Reporter) -> None:
    parent = parent_process()
    async with open_application(settings) as application:
        running = application.services.running
        server = make_server(
            application.api,
            application.services.check_health,
            _plan(settings, shares_socket=True),
            on_started=lambda: reporter.ready(running),
        )
        if parent:
            server.stop_at_end_of(parent.sentinel)
        await server.serve(sockets=[listener])
    if server.cut_off_by is not None:
        sys.exit(128 + server.cut_off_by)


def cli() -> None:
    """Run the `repartee` command."""
    commands(obj=_LocalRuntime())
