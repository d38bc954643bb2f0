"""More requests than places, and clients that leave: short versions of the campaigns."""

from pathlib import Path

import aiohttp
import pytest

from scripts.claims.disconnects import BOUND, left
from scripts.claims.overload import Load
from tests.loopback import faults
from tests.resilience import bench


@pytest.mark.parametrize("limited", [True, False])
async def test_at_four_times_its_capacity_it_goes_on_working_and_turns_the_rest_away(
    limited: bool, tmp_path: Path
) -> None:
    """Eight places and a model of 0.2 s make 40 replies a second."""
    api = {"max_in_flight": 8, "queue": 2} if limited else {"max_in_flight": 10_000}
    async with (
        bench(tmp_path, api=api, reply={"deadline_seconds": 10.0}) as running,
        aiohttp.ClientSession() as session,
    ):
        running.upstream.script("chat", *[faults.after(0.2)] * 1_000)
        phase = await Load(running.url + "/generate", session).open(rate=160, seconds=1.5)
    assert sum(phase.statuses.values()) == 240
    if not limited:
        assert phase.statuses[503] == 0
        return
    assert set(phase.statuses) == {200, 503}
    assert 30 <= phase.statuses[200] <= 100


async def test_a_client_that_leaves_closes_the_call_to_the_model_streamed_or_not() -> None:
    seconds, idle = await left(cases=20, seed=3)
    assert max(seconds) < BOUND
    assert idle
