"""A dependency that fails for a while: what it is sent meanwhile, what clients get, and the way back."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from dishka import Provider, Scope, provide

from repartee.infrastructure.providers.upstreams import Upstreams
from repartee.integrations import transport
from repartee.integrations.circuit_breaker import BreakerRules, CircuitBreaker
from repartee.integrations.retry_budget import RetryBudget
from repartee.integrations.transport import Upstream
from tests import resilience
from tests.fakes import FakeTelemetry
from tests.loopback import faults
from tests.loopback.faults import Fault
from tests.resilience import Outcome, Unprotected, bench, say

ANN = {"user": {"id": "ann", "name": "Ann"}}
SOON = BreakerRules(open_seconds=0.3, jitter_seconds=0.0)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: how long is waited is tested with the transport."""
    monkeypatch.setattr(transport, "_PAUSE", (0.0, 0.02))


LONG: dict[str, Any] = {"deadline_seconds": 30.0}
PATIENT: dict[str, Any] = {"connect_seconds": 10.0}
"""For tests that connect many at once, which takes a busy machine longer than the usual 0.3 s."""


@pytest.fixture
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients wait: the test counts calls, and a busy machine must not change their outcomes."""
    monkeypatch.setattr(resilience, "GIVE_UP", 60.0)


class Chosen(Provider):
    """Dependencies with exactly these protections."""

    scope = Scope.APP

    def __init__(self, *, circuit: BreakerRules | None = None, budget: bool = False) -> None:
        super().__init__()
        self._circuit = circuit
        self._budget = budget

    @provide(override=True)
    def upstreams(self) -> Upstreams:
        return _ChosenUpstreams(self._circuit, budget=self._budget)


class _ChosenUpstreams(Upstreams):
    def __init__(self, circuit: BreakerRules | None, *, budget: bool) -> None:
        super().__init__(FakeTelemetry())
        self._circuit = circuit
        self._budget = budget

    def protected(self, dependency: str) -> Upstream:
        breaker = CircuitBreaker(dependency, lambda _: None, self._circuit) if self._circuit else None
        if breaker:
            self._breakers[dependency] = breaker
        budget = RetryBudget() if self._budget else None
        return Upstream(dependency, self._telemetry, breaker=breaker, budget=budget)


async def _many(running: Any, count: int, body: dict[str, Any], at_once: int = 8) -> list[Outcome]:
    gate = asyncio.Semaphore(at_once)

    async def one() -> Outcome:
        async with gate:
            return await running.post(body)

    return list(await asyncio.gather(*(one() for _ in range(count))))


@pytest.mark.parametrize("protected", [True, False])
async def test_in_an_outage_retries_stay_below_a_tenth_of_the_calls(
    protected: bool, tmp_path: Path, no_hurry: None
) -> None:
    async with bench(tmp_path, Chosen(budget=protected), reply=LONG, llm=PATIENT) as running:
        running.upstream.script("chat", *[faults.status(500)] * 250)
        started = time.monotonic()
        outcomes = await _many(running, 100, say())
        reserve = 5 + 0.1 * (time.monotonic() - started)
        hits = running.upstream.hits("chat")
    assert {outcome.status for outcome in outcomes} == {502}
    assert (hits <= 100 * 1.1 + reserve + 1) if protected else (hits == 200)


@pytest.mark.parametrize("protected", [True, False])
async def test_a_model_that_keeps_failing_is_left_alone_and_clients_are_told_at_once(
    protected: bool, tmp_path: Path
) -> None:
    async with bench(tmp_path, *([] if protected else [Unprotected()])) as running:
        running.upstream.script("chat", *[faults.status(500)] * 200)
        await _many(running, 25, say())
        before = running.upstream.hits("chat")
        refused = await _many(running, 20, say())
        sent = running.upstream.hits("chat") - before
        ready = await running.get("/readyz")
        metrics = await running.get("/metrics")
    if not protected:
        assert sent >= 20
        return
    assert sent == 0
    assert {(one.status, one.code) for one in refused} == {(503, "upstream_circuit_open")}
    assert all(1 <= int(one.headers["retry-after"]) <= 6 for one in refused)
    assert (ready["status"], ready["dependencies"]["model"]["code"]) == (
        "unavailable",
        "upstream_circuit_open",
    )
    assert 'repartee_circuit_state{dependency="model"} 2.0' in metrics
    assert 'repartee_circuit_opened_total{dependency="model"} 1.0' in metrics


@pytest.mark.parametrize("mode", [{}, {"stream": True}])
async def test_when_the_model_is_back_one_probe_opens_the_door_for_all(mode: dict, tmp_path: Path) -> None:
    async with bench(tmp_path, Chosen(circuit=SOON)) as running:
        running.upstream.script("chat", *[faults.status(500)] * 40)
        await _many(running, 30, say(**mode))
        running.upstream.unscript("chat")
        running.upstream.script("chat", faults.after(0.2))
        await asyncio.sleep(0.35)
        before = running.upstream.hits("chat")
        together = await _many(running, 8, say(**mode))
        probes = running.upstream.hits("chat") - before
        assert probes == 1
        assert sorted(one.status for one in together) == ([200] + [503] * 7 if not mode else [200] * 8)
        assert {one.status for one in await _many(running, 8, say())} == {200}


@pytest.mark.parametrize(
    ("fault", "protected"), [(faults.hang, True), (faults.status(500), True), (faults.status(500), False)]
)
async def test_an_embedder_that_fails_costs_nothing_once_its_circuit_is_open(
    fault: Fault, protected: bool, tmp_path: Path, no_hurry: None
) -> None:
    # a call that begins late in its deadline is not held against the embedder, so all need time to begin
    sections: dict[str, Any] = {"reply": LONG, "retrieval": {"deadline_seconds": 2.0}, "llm": PATIENT}
    async with bench(tmp_path, *([] if protected else [Unprotected()]), **sections) as running:
        running.upstream.script("cohere_embed", *[fault] * 200)
        await _many(running, 30, say(**ANN), at_once=30)
        before = running.upstream.hits("cohere_embed")
        outcome = await running.post(say(**ANN))
        ready = await running.get("/readyz")
        sent = running.upstream.hits("cohere_embed") - before
    assert (outcome.status, outcome.body["retrieval"]["status"]) == (200, "error")
    if not protected:
        assert sent
        return
    assert not sent
    assert outcome.body["timings"]["retrieval_ms"] < 500, "a quarter of what waiting for it takes"
    assert ready["status"] == "degraded"
    assert ready["dependencies"]["embedder"]["code"] == "upstream_circuit_open"


async def test_clients_that_leave_and_requests_that_are_wrong_open_no_circuit(
    tmp_path: Path, no_hurry: None
) -> None:
    async with bench(tmp_path, reply=LONG, llm=PATIENT) as running:
        running.upstream.script("chat", *[faults.hang] * 30)
        tasks = [asyncio.create_task(running.post(say())) for _ in range(30)]
        await running.upstream.request("chat")
        await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        running.upstream.unscript("chat")
        running.upstream.script("chat", *[faults.status(400), faults.status(429, "300")] * 15)
        await _many(running, 30, say())
        assert (await running.post(say())).status == 200


# --- fallbacks ----------------------------------------------------------------------------------------

MODELS: dict[str, dict[str, Any]] = {"llm": {"fallback_models": "second, third", **PATIENT}, "reply": LONG}


MENDABLE = [
    faults.status(500),
    faults.status(429, "300"),
    faults.status(404),
    faults.status(400),
    faults.html,
]
HOPELESS = [faults.status(401), faults.status(402), faults.status(403)]


@pytest.mark.parametrize("mode", [{}, {"stream": True}])
async def test_a_fallback_follows_what_another_model_may_mend(
    mode: dict, tmp_path: Path, no_hurry: None
) -> None:
    async with bench(tmp_path, Unprotected(), **MODELS) as running:
        for fault in (*MENDABLE, *HOPELESS):
            before = len(running.upstream.requests)
            running.upstream.script("chat", fault)
            outcome = await running.post(say(**mode))
            asked = [request.body["model"] for request in running.upstream.requests[before:]]
            last = outcome.body[-1][1] if isinstance(outcome.body, list) else outcome.body
            mended = fault in MENDABLE
            assert asked == (["first", "second"] if mended else ["first"])
            assert last.get("model") == ("second" if mended else None)


async def test_all_models_failing_takes_three_attempts_and_a_named_model_has_no_fallback(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, **MODELS) as running:
        running.upstream.script("chat", *[faults.status(500)] * 3)
        assert (await running.post(say())).status == 502
        running.upstream.script("chat", *[faults.status(500)] * 2)
        assert (await running.post(say(generation={"model": "mine"}))).status == 502
        asked = [request.body["model"] for request in running.upstream.requests if request.endpoint == "chat"]
    assert asked == ["first", "second", "third", "mine", "mine"]


async def test_fallbacks_share_the_retry_budget(tmp_path: Path) -> None:
    async with bench(tmp_path, Chosen(budget=True), **MODELS) as running:
        running.upstream.script("chat", *[faults.status(500)] * 200)
        await _many(running, 50, say())
        assert running.upstream.hits("chat") <= 50 * 1.1 + 6
