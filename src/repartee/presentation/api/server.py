"""Uvicorn as the service runs it: how it begins, how it leaves in good order, how it is cut off."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from repartee.application.check_health import CheckHealth
from repartee.presentation.api.acceptor import Acceptor
from repartee.presentation.api.http_protocol import BoundedHttpProtocol

LAST_SECONDS: Final = 2.0
"""What is left to a process after the second signal."""


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """How long leaving may take, and whether other workers take connections from the same socket."""

    drain_seconds: float
    deadline_seconds: float
    shares_socket: bool = False


def make_server(
    api: ASGIApp, check_health: CheckHealth, plan: ServerPlan, on_started: Callable[[], None] = lambda: None
) -> "Server":
    """Return the server; what is in memory by now stays for good and is not looked through for garbage."""
    config = uvicorn.Config(
        api,
        http=BoundedHttpProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(plan.deadline_seconds) + 1,
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    return Server(config, check_health, plan, on_started)


class Server(uvicorn.Server):
    """Uvicorn that leaves signals to the loop: it would raise them again at its end and skip our clean-up."""

    def __init__(
        self,
        config: uvicorn.Config,
        check_health: CheckHealth,
        plan: ServerPlan,
        on_started: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._check_health = check_health
        self._plan = plan
        self._on_started = on_started
        self.cut_off_by: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        if self._plan.shares_socket:
            await super().startup([])
            self.servers = [self._acceptor(one) for one in sockets or []]  # type: ignore[misc]  # as used there
        else:
            await super().startup(sockets)
        self._on_started()

    def _acceptor(self, listener: socket.socket) -> Acceptor:
        def protocol() -> asyncio.Protocol:
            return BoundedHttpProtocol(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )

        return Acceptor(listener, self.config.backlog, protocol)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT, SIGTERM and SIGHUP."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves SIGHUP
                loop.add_signal_handler(number, self.stop, number)
        yield

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Say so on /readyz first, then stop taking connections; a second signal ends replies in progress."""
        loop = asyncio.get_running_loop()
        if not self._check_health.draining:
            self._check_health.draining = True
            loop.call_later(self._plan.drain_seconds, self.handle_exit, number, None)
            return
        self.cut_off_by = number
        self.should_exit = self.force_exit = True
        for task in self.server_state.tasks:
            task.cancel()
        loop.call_later(LAST_SECONDS, os._exit, 128 + number)

    def stop_at_end_of(self, pipe: int) -> None:
        """Stop when whoever started this process closes the pipe (a file descriptor), or is gone."""
        loop = asyncio.get_running_loop()

        def readable() -> None:
            if not os.read(pipe, 4_096):
                loop.remove_reader(pipe)
                self.stop()

        loop.add_reader(pipe, readable)
