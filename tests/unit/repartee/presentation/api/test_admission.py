"""Places for requests: who gets one, who waits, who is turned away, and that none is ever lost."""

import asyncio
import json
from contextlib import suppress

import aiohttp
import pytest

from repartee.domain.errors import Overloaded
from repartee.presentation.api.admission import Admission, Places
from tests.fakes import FakeChatModel
from tests.serving import fake_api, served


class Counted:
    def __init__(self) -> None:
        self.shed: list[str] = []
        self.queued: list[int] = []

    def admission(self, places: Places) -> Admission:
        return Admission(places, self.shed.append, self.queued.append)


async def test_more_than_the_places_wait_in_order_and_get_one_each() -> None:
    admission, order = Counted().admission(Places(1, 3, 5.0)), []

    async def request(number: int) -> None:
        await admission.enter()
        order.append(number)
        await asyncio.sleep(0.01)
        admission.leave()

    await asyncio.gather(*(request(number) for number in range(4)))
    assert order == [0, 1, 2, 3]


async def test_a_full_queue_turns_away_at_once_and_a_long_wait_ends() -> None:
    counted = Counted()
    admission = counted.admission(Places(1, 1, 0.05))
    await admission.enter()
    waiting = asyncio.create_task(admission.enter())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as caught:
        await admission.enter()
    assert caught.value.retry_after == 1.0
    with pytest.raises(Overloaded):
        await waiting
    assert counted.shed == ["queue_full", "queue_wait"]
    admission.leave()
    await admission.enter()


async def test_a_place_that_is_handed_to_somebody_who_has_just_left_goes_to_the_next() -> None:
    admission = Counted().admission(Places(1, 2, 5.0))
    await admission.enter()
    leaving, staying = asyncio.create_task(admission.enter()), asyncio.create_task(admission.enter())
    await asyncio.sleep(0)
    admission.leave()
    leaving.cancel()
    await asyncio.wait_for(staying, 1.0)
    admission.leave()
    assert admission._in_flight == 0


async def test_no_place_is_lost_whatever_happens_to_those_who_wait() -> None:
    admission = Counted().admission(Places(2, 50, 0.02))
    at_work = most = 0

    async def request(number: int) -> None:
        nonlocal at_work, most
        with suppress(Overloaded):
            await admission.enter()
            at_work += 1
            most = max(most, at_work)
            try:
                await asyncio.sleep(0.003 * (number % 3))
            finally:
                at_work -= 1
                admission.leave()

    for _ in range(20):
        tasks = [asyncio.create_task(request(number)) for number in range(40)]
        for number, task in enumerate(tasks):
            if number % 3 == 0:
                asyncio.get_running_loop().call_later(0.001 * (number % 20), task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 2
    assert admission._in_flight == 0
    assert not admission._waiting


BODY = {"character": "blaze", "messages": [{"role": "user", "text": "hi"}]}
CHAT = {"model": "blaze", "messages": [{"role": "user", "content": "hi"}]}


async def _answers(places: Places, requests: list[tuple[str, dict]]) -> list[tuple[int, dict, dict]]:
    app = fake_api(model=FakeChatModel("one two three", delay=0.3), places=places)
    async with served(app) as url, aiohttp.ClientSession(url) as session:

        async def ask(path: str, body: dict) -> tuple[int, dict, dict]:
            async with session.post(path, json=body) as response:
                raw = await response.read()
                found = json.loads(raw) if response.status != 200 else {}
                return response.status, found, {name.lower(): text for name, text in response.headers.items()}

        tasks = []
        for path, body in requests:
            tasks.append(asyncio.create_task(ask(path, body)))
            await asyncio.sleep(0.05)
        for path in ("/healthz", "/readyz", "/metrics", "/"):
            assert (await session.get(path)).status == 200
        metrics = await (await session.get("/metrics")).text()
        answers = await asyncio.gather(*tasks)
    turned_away = sum(status == 503 for status, *_ in answers)
    assert (f'repartee_shed_total{{reason="queue_full"}} {turned_away}.0' in metrics) == bool(turned_away)
    return answers


@pytest.mark.parametrize("first", [BODY, BODY | {"stream": True}])
async def test_without_a_place_both_doors_say_503_and_when_to_come_again(first: dict) -> None:
    requests = [("/generate", first), ("/generate", BODY), ("/v1/chat/completions", CHAT)]
    (status, *_), ours, theirs = await _answers(Places(1, 0), requests)
    assert status == 200
    assert (ours[0], ours[1]["code"], ours[2]["retry-after"]) == (503, "overloaded", "1")
    assert (theirs[0], theirs[1]["error"]["code"], theirs[2]["retry-after"]) == (503, "overloaded", "1")


async def test_with_places_for_all_nobody_is_turned_away() -> None:
    answers = await _answers(Places(3, 0), [("/generate", BODY)] * 3)
    assert [status for status, *_ in answers] == [200, 200, 200]
