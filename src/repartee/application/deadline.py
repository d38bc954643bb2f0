"""The deadline of the request in progress: one for all of it, which nothing inside can extend."""

import asyncio
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, NamedTuple

from repartee.domain.errors import DeadlineExceeded


class _Set(NamedTuple):
    """A deadline: the loop's time, the seconds it gave when it was set, and the task that it cancels."""

    at: float
    given: float
    task: asyncio.Task[Any] | None


_deadline: ContextVar[_Set | None] = ContextVar("deadline", default=None)


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
    if deadline is None or deadline.task is not asyncio.current_task():
        return False
    return deadline.at <= asyncio.get_running_loop().time() + seconds


def deadline_in(seconds: float) -> AbstractAsyncContextManager[None]:
    """Cancel the block after `seconds`, or at the enclosing deadline if that is earlier.

    Raises DeadlineExceeded.
    """
    return _Deadline(seconds)


class _Deadline(AbstractAsyncContextManager[None]):
    """Written out because a request enters several: a generator's context costs twice as much."""

    __slots__ = ("_limit", "_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._limit: asyncio.Timeout | None = None
        self._token: Token[_Set | None]

    async def __aenter__(self) -> None:
        now = asyncio.get_running_loop().time()
        task = asyncio.current_task()
        at = now + self._seconds
        outer = _deadline.get()
        if outer is not None and outer.at <= at:
            at = outer.at
        if outer is None or outer.at > at or outer.task is not task:
            self._limit = asyncio.timeout_at(at)
            await self._limit.__aenter__()
        self._token = _deadline.set(_Set(at, at - now, task))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _deadline.reset(self._token)
        if self._limit is None:
            return
        try:
            await self._limit.__aexit__(kind, error, traceback)
            if not (isinstance(error, TimeoutError) and self._limit.expired()):
                return
        except TimeoutError:
            pass
        raise DeadlineExceeded(f"not done within {self._seconds:g} s") from None
