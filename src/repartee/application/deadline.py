"""The deadline of the request in progress: one for all of it, which nothing inside can extend."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from repartee.domain.errors import DeadlineExceeded

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def seconds_left() -> float | None:
    """Return the seconds until the innermost deadline, None outside of one."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - asyncio.get_running_loop().time()


@asynccontextmanager
async def deadline_in(seconds: float) -> AsyncIterator[None]:
    """Cancel the block after `seconds`, or at the enclosing deadline if that is earlier.

    Raises DeadlineExceeded.
    """
    at = asyncio.get_running_loop().time() + seconds
    outer = _deadline.get()
    if outer is not None:
        at = min(at, outer)
    token = _deadline.set(at)
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
