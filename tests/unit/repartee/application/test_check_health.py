import asyncio

from repartee.application.check_health import CheckHealth
from repartee.domain.errors import CircuitOpen, UpstreamUnreachable


async def _ok() -> None:
    return None


async def _down() -> None:
    raise UpstreamUnreachable("it cannot be reached", "it")


async def _hangs() -> None:
    await asyncio.sleep(60)


async def test_all_well_is_ready() -> None:
    assert (await CheckHealth({"model": _ok, "store": _ok})()).status == "ready"


async def test_a_store_that_is_down_degrades_and_is_named() -> None:
    health = await CheckHealth({"model": _ok, "store": _down})()
    assert health.status == "degraded"
    assert health.dependencies["store"].code == "upstream_unreachable"


async def test_without_the_model_there_are_no_replies() -> None:
    assert (
        await CheckHealth({"model": _hangs, "store": _ok}, timeout_seconds=0.01)()
    ).status == "unavailable"


async def test_probes_do_not_become_load() -> None:
    calls = 0

    async def counted() -> None:
        nonlocal calls
        calls += 1

    check = CheckHealth({"model": counted})
    await asyncio.gather(*(check() for _ in range(50)))
    assert calls == 1


async def test_draining_says_so_without_asking() -> None:
    check = CheckHealth({"model": _down})
    check.draining = True
    assert (await check()).status == "draining"


async def test_an_open_circuit_is_named_at_once_though_the_answer_is_kept_for_longer() -> None:
    refused: dict[str, CircuitOpen] = {}
    check = CheckHealth({"model": _ok, "store": _ok}, refusals=lambda: refused)
    assert (await check()).status == "ready"
    refused["reranker"] = CircuitOpen("reranker failed too often", "reranker", 3.0)
    health = await check()
    assert (health.status, health.dependencies["reranker"].code) == ("degraded", "upstream_circuit_open")
    refused["model"] = CircuitOpen("model failed too often", "model", 3.0)
    assert (await check()).status == "unavailable"
    refused.clear()
    assert (await check()).status == "ready"
