"""The service as a process: how it ends, what a killed one takes with it, what a full disk does."""

import asyncio
import resource
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fleet import fleet, loaded
from tests.processes import Answer, Service, call, loopback_upstream, service

BODY = {"character": "blaze", "messages": [{"role": "user", "text": "hello"}]}


def _script(upstream: str, *faults: str) -> None:
    call("POST", f"{upstream}/loopback/script", {"endpoint": "chat", "faults": [*faults]})


def _under_way(pool: ThreadPoolExecutor, running: Service, upstream: str) -> "Future[Answer]":
    """Send a request and return once it has reached the model."""
    before = len(call("GET", f"{upstream}/loopback/requests").body["requests"])
    future = pool.submit(running.post, "/generate", BODY)
    for _ in range(200):
        seen = call("GET", f"{upstream}/loopback/requests").body["requests"][before:]
        if any(one["endpoint"] == "chat" for one in seen):
            return future
        time.sleep(0.02)
    raise AssertionError("the request did not reach the model")


def test_sigterm_says_so_first_takes_requests_for_a_while_and_finishes_what_it_has(tmp_path: Path) -> None:
    with (
        loopback_upstream() as upstream,
        service(
            tmp_path / "var", REPARTEE_LLM__BASE_URL=f"{upstream}/v1", REPARTEE_API__DRAIN_SECONDS="0.8"
        ) as running,
        ThreadPoolExecutor(1) as pool,
    ):
        _script(upstream, "after=2.0")
        reply = _under_way(pool, running, upstream)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        ready = running.get("/readyz")
        assert (ready.status, ready.body["status"]) == (503, "draining")
        late = running.post("/generate", BODY)
        assert (late.status, late.headers["connection"]) == (200, "close")
        time.sleep(0.9)
        with pytest.raises(OSError, match="refused"):
            running.get("/readyz")
        assert reply.result(timeout=10).status == 200
        assert running.process.wait(timeout=10) == 0


def test_ctrl_c_twice_ends_it_at_once(tmp_path: Path) -> None:
    with (
        loopback_upstream() as upstream,
        service(
            tmp_path / "var", REPARTEE_LLM__BASE_URL=f"{upstream}/v1", REPARTEE_API__DRAIN_SECONDS="20"
        ) as running,
        ThreadPoolExecutor(1) as pool,
    ):
        _script(upstream, "hang")
        reply = _under_way(pool, running, upstream)
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert running.process.poll() is None
        started = time.monotonic()
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(timeout=10) == 130
        assert time.monotonic() - started < 4.0
        assert reply.exception(timeout=10) is not None or reply.result().status >= 500
        assert not (tmp_path / "var" / "server.json").exists()
        assert "Traceback" not in running.output()


def test_a_full_disk_fails_no_reply_is_counted_and_a_closed_terminal_ends_it_in_good_order(
    tmp_path: Path,
) -> None:
    """The embedder is down, so that each request has something to log before its reply."""
    settings = {
        "REPARTEE_EVENTS__ENABLED": "true",
        "REPARTEE_COHERE__API_KEY": "co-1",
        "REPARTEE_COHERE__BASE_URL": "http://127.0.0.1:9",
    }
    body = BODY | {"user": {"id": "ann"}}
    with service(tmp_path / "var", **settings) as running:
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
        full = [running.post("/generate", body) for _ in range(3)]
        metrics = running.get("/metrics").body
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (-1, resource.RLIM_INFINITY))
        assert running.post("/generate", body).status == 200
        after = running.get("/metrics").body
        assert running.stop(signal.SIGHUP) == 0
        said = running.output()
    assert [(one.status, one.body["retrieval"]["status"]) for one in full] == [(200, "error")] * 3
    assert 'repartee_degraded_total{what="event_log"} 3.0' in metrics
    assert 'repartee_degraded_total{what="event_log"} 3.0' in after
    [log] = (tmp_path / "var" / "events").glob("*.jsonl")
    assert log.read_bytes().count(b"\n") == 1
    assert log.read_bytes().endswith(b"\n")
    assert '"lost_lines":' in said
    assert not (tmp_path / "var" / "server.json").exists()


# --- two instances behind a balancer ------------------------------------------------------------------


async def test_rolling_restarts_under_load_fail_nothing_and_a_killed_instance_little(tmp_path: Path) -> None:
    """Both of two instances are replaced; then one is killed. Without the pause: the campaign's control."""
    async with fleet(tmp_path, drain="0.6") as made:
        async with loaded(made.url, at_once=4, pause=0.03) as statuses:
            await made.replace_all()
            while len(statuses) < 300:
                await asyncio.sleep(0.05)
        assert set(statuses) == {200}
        async with loaded(made.url, at_once=4, pause=0.01) as statuses:
            await asyncio.sleep(0.2)
            made.services[0].process.kill()
            await made.balancer.until(1)
            noticed = len(statuses)
            await asyncio.sleep(0.5)
        assert set(statuses) <= {200, 599}
        assert set(statuses[noticed + 8 :]) == {200}
