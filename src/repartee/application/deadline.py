"""The deadline of the request in progress: one for all of it, which nothing inside can extend."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from repartee.domain.errors import DeadlineExceeded

_deadline: ContextVar[tuple[float, float] | None] = ContextVar("deadline", default=None)


def seconds_left() -> float | None:
    """Return the seconds until the innermost deadline, None outside of one."""
    deadline = _deadline.get()
    return None if deadline is None else deadline[0] - asyncio.get_running_loop().time()


def seconds_given() -> float | None:
    """Return the seconds that the innermost deadline gave when it was set, None outside of one."""
    deadline = _deadline.get()
    return None if deadline is None else deadline[1]


@asynccontextmanager
async def deadline_in(seconds: float) -> AsyncIterator[None]:
    """Cancel the block after `seconds`, or at the enclosing deadline if that is earlier.

    Raises DeadlineExceeded.
    """
    now = asyncio.get_running_loop().time()
    at = now + seconds
    outer = _deadline.get()
    if outer is not None:
        at = min(at, outer[0])
    token = _deadline.set((at, at - now))
    limit = asyncio.timeout_at(at)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise DeadlineExceeded(f"not done within {seconds:g} s") from None
    finally:
        _deadline.reset(token)
