"""`repartee facts reindex`: facts that were stored with another embedder, carried over to this one."""

import asyncio
import sys

from repartee.presentation.cli.load_facts import counted
from repartee.presentation.cli.runtime import Runtime


def reindex(runtime: Runtime, *, drop: bool) -> str:
    """Do it and return what to say."""
    return asyncio.run(_carried_over(runtime, drop=drop))


async def _carried_over(runtime: Runtime, *, drop: bool) -> str:
    async with runtime.services() as services:
        done = await services.reindex_facts(drop=drop, progress=_show)
    if not done.profiles:
        return "there is nothing to carry over: all facts are in the current embedder's collection"
    old = ", ".join(done.profiles)
    fate = "was deleted" if drop else "is still there: `repartee facts reindex --drop` deletes it"
    return f"carried over {counted(done.facts)} from {old}, which {fate}"


def _show(total: int) -> None:
    print(f"carried over {total}", file=sys.stderr, flush=True)
