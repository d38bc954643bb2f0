"""The deadline of the request in progress: one for all of it, which nothing inside can extend."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar, Token
from itertools import takewhile
from types import TracebackType
from typing import Any, Final

from repartee.domain.errors import DeadlineExceeded

_deadline: ContextVar["_Deadline | None"] = ContextVar("deadline", default=None)


def seconds_left() -> float | None:
    """Return the seconds until the innermost deadline, None outside of one."""
    deadline = _deadline.get()
    return None if deadline is None else deadline.at - asyncio.get_running_loop().time()


def seconds_given() -> float | None:
    """Return the seconds that the innermost deadline gave when it was set, None outside of one."""
    deadline = _deadline.get()
    return None if deadline is None else deadline.given


def is_over_within(seconds: float) -> bool:
    """Whether a deadline cancels the running task before `seconds` are over: no other timer is needed then.

    A task that was begun inside a deadline sees it too, but is not the one that it cancels.
    """
    deadline = _deadline.get()
    if deadline is None or deadline.at > asyncio.get_running_loop().time() + seconds:
        return False
    return deadline.task is asyncio.current_task()


def deadline_in(seconds: float) -> AbstractAsyncContextManager[None]:
    """Cancel the block after `seconds`, or at the enclosing deadline if that is earlier.

    Raises DeadlineExceeded.
    """
    return _Deadline(seconds)


class _Deadline(AbstractAsyncContextManager[None]):
    """Written out because a request enters several: a generator's context costs twice as much.

    `at` is the loop's time, `given` the seconds until then when it was set, `task` the one that it cancels.
    """

    __slots__ = ("_limit", "_seconds", "_token", "at", "given", "task")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._limit: TimeLimit | None = None
        self._token: Token[_Deadline | None]

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.task: asyncio.Task[Any] | None = asyncio.current_task(loop)
        self.at = now + self._seconds
        outer = _deadline.get()
        if outer is None or outer.at > self.at:
            self._limit = TimeLimit(self._seconds)
        elif outer.task is not self.task:
            self._limit = TimeLimit(self._seconds, outer.at)
        if outer is not None and outer.at < self.at:
            self.at = outer.at
        if self._limit is not None:
            self._limit.begin(loop, now, self.task)
        self.given = self.at - now
        self._token = _deadline.set(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _deadline.reset(self._token)
        limit = self._limit
        if limit is None:
            return
        is_over = limit.end(kind)
        if is_over or (limit.expired and isinstance(error, TimeoutError)):
            raise DeadlineExceeded(f"not done within {self._seconds:g} s") from None


class TimeLimit:
    """Cancels the running task after `seconds`, or `at` a time of the loop, as `asyncio.timeout` does.

    A request has several of them, and nearly none is ever over: a timer of the loop for each costs more than
    most of what they bound. Here limits of the same length share one. Which of them began first is over
    first, so the timer is set for that one, and set anew only when it comes. As a context manager it raises
    TimeoutError.
    """

    __slots__ = ("_at", "_cancelling", "_seconds", "_task", "_timer", "_waiting", "at", "expired")

    def __init__(self, seconds: float, at: float | None = None) -> None:
        self._seconds = seconds
        self._at = at
        self._waiting: dict[TimeLimit, None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.expired = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self.begin(loop, loop.time(), asyncio.current_task(loop))

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if self.end(kind):
            raise TimeoutError from None

    def begin(self, loop: asyncio.AbstractEventLoop, now: float, task: asyncio.Task[Any] | None) -> None:
        """Let the time run from `now`, the loop's time. Raises RuntimeError outside of a task."""
        if task is None:
            raise RuntimeError("a time limit needs a task that it can cancel")
        self._task = task
        self._cancelling = task.cancelling()
        if self._at is None:
            self.at = now + self._seconds
            self._waiting = _queues_of(loop)[self._seconds].added(self)
        else:
            self.at = self._at
            self._timer = loop.call_at(self.at, self.expire)

    def end(self, kind: type[BaseException] | None) -> bool:
        """Stop; `kind` is what the block ends with. Whether that is because the time was over."""
        if self.expired:
            return self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError
        if self._waiting is not None:
            del self._waiting[self]
        elif self._timer is not None:
            self._timer.cancel()
        return False

    def expire(self) -> None:
        """Cancel the task."""
        self.expired = True
        self._task.cancel()


class _Queue:
    """The limits of one length, in the order in which they end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_empty: Callable[[], object]) -> None:
        self._loop = loop
        self._on_empty = on_empty
        self._waiting: dict[TimeLimit, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def added(self, limit: TimeLimit) -> dict[TimeLimit, None]:
        """Watch it, and return what it is to be taken out of at its end."""
        self._waiting[limit] = None
        if self._timer is None:
            self._timer = self._loop.call_at(limit.at, self._look)
        return self._waiting

    def _look(self) -> None:
        """End what is over. The timer was set for the oldest limit of that time, which may be gone."""
        now = self._loop.time()
        for limit in list(takewhile(lambda limit: limit.at <= now, self._waiting)):
            del self._waiting[limit]
            limit.expire()
        first = next(iter(self._waiting), None)
        self._timer = None if first is None else self._loop.call_at(first.at, self._look)
        if first is None:
            self._on_empty()


class _Queues(dict[float, _Queue]):
    """The queues of one loop, by length in seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop

    def __missing__(self, seconds: float) -> _Queue:
        queue = self[seconds] = _Queue(self.loop, lambda: self.pop(seconds, None))
        return queue


class _OfThread(threading.local):
    """The queues of the loop that runs in this thread."""

    queues: _Queues | None = None


_here: Final = _OfThread()


def _queues_of(loop: asyncio.AbstractEventLoop) -> _Queues:
    queues = _here.queues
    if queues is None or queues.loop is not loop:
        queues = _here.queues = _Queues(loop)
    return queues
