import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from repartee.application.ports import ChatModel, Completion, ServedModel
from repartee.domain.errors import ConfigurationError, UpstreamUnavailable
from repartee.integrations.registry_alias import RegistryAlias, RegistryVersion
from repartee.integrations.registry_chat_model import NamedChatModel, RegistryChatModel
from tests.contract.test_chat_model import PLAIN, PROMPT
from tests.fakes import FakeChatModel, FakeClock, FakeTelemetry
from tests.tiny_chat_model import point, write_version

VERSIONS = [f"gen-20261121-{number:012x}" for number in range(8)]
ONE, TWO, THREE = VERSIONS[:3]


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    for version in VERSIONS:
        write_version(tmp_path, version)
    point(tmp_path, champion=ONE)
    return tmp_path


async def said(version: RegistryVersion) -> ChatModel:
    return NamedChatModel(FakeChatModel(f"I am {version.id}"), version.id)


async def made(
    registry: Path,
    opened: Callable[[RegistryVersion], Awaitable[ChatModel]] = said,
    *,
    keeps_last: bool = True,
    telemetry: FakeTelemetry | None = None,
) -> tuple[RegistryChatModel, FakeClock]:
    clock = FakeClock()
    alias = RegistryAlias(registry, "registry:generator/champion")
    model = RegistryChatModel(
        alias, opened, telemetry or FakeTelemetry(), poll_seconds=5.0, keeps_last=keeps_last, clock=clock
    )
    await model.start()
    return model, clock


def version_of(served: ServedModel | None) -> str | None:
    assert served is not None
    return served.version


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_promotion_is_seen_after_the_next_look_and_not_before(registry: Path) -> None:
    model, clock = await made(registry)
    point(registry, champion=TWO)
    clock.now += 4
    assert version_of(model.current()) == ONE
    clock.now += 2
    model.current()
    await settled()
    assert version_of(model.current()) == TWO
    assert (await model.complete(PROMPT, PLAIN)).model == TWO


async def test_a_request_keeps_the_version_that_it_began_with(registry: Path) -> None:
    model, clock = await made(registry)
    held = model.current()
    assert held is not None
    pieces = held.model.stream(PROMPT, PLAIN)
    first = await anext(pieces)
    point(registry, champion=TWO)
    clock.now += 6
    model.current()
    await settled()
    assert version_of(model.current()) == TWO
    *_, whole = [first, *[piece async for piece in pieces]]
    assert isinstance(whole, Completion)
    assert (whole.text, whole.model) == (f"I am {ONE}", ONE)


async def test_a_slow_opening_holds_up_nobody_and_is_done_once(registry: Path) -> None:
    begun, may_end = [], asyncio.Event()

    async def slowly(version: RegistryVersion) -> ChatModel:
        begun.append(version.id)
        if version.id != ONE:
            await may_end.wait()
        return await said(version)

    model, clock = await made(registry, slowly)
    point(registry, champion=TWO)
    for _ in range(3):
        clock.now += 6
        assert version_of(model.current()) == ONE
        await settled()
    may_end.set()
    await settled()
    assert version_of(model.current()) == TWO
    assert begun == [ONE, TWO]


async def test_what_cannot_be_opened_leaves_the_version_before_and_is_tried_again(registry: Path) -> None:
    failures = [ConfigurationError("no such base")]
    telemetry = FakeTelemetry()

    async def fails_once(version: RegistryVersion) -> ChatModel:
        if version.id == TWO and failures:
            raise failures.pop()
        return await said(version)

    model, clock = await made(registry, fails_once, telemetry=telemetry)
    point(registry, champion=TWO)
    clock.now += 6
    model.current()
    await settled()
    assert version_of(model.current()) == ONE
    assert telemetry.left_out == ["registry"]
    clock.now += 61
    model.current()
    await settled()
    assert version_of(model.current()) == TWO


async def test_a_damaged_table_leaves_the_version_that_there_is(registry: Path) -> None:
    telemetry = FakeTelemetry()
    model, clock = await made(registry, telemetry=telemetry)
    (registry / "generator" / "aliases.json").write_text('{"aliases": {"champ')
    clock.now += 6
    assert version_of(model.current()) == ONE
    assert telemetry.left_out == ["registry"]


async def test_an_alias_that_ends_ends_a_trial_at_once_but_not_the_model_for_everybody(
    registry: Path,
) -> None:
    trial, clock = await made(registry, keeps_last=False)
    everybodys, other_clock = await made(registry)
    point(registry)
    clock.now += 6
    other_clock.now += 6
    assert trial.current() is None
    assert version_of(everybodys.current()) == ONE
    with pytest.raises(UpstreamUnavailable):
        await trial.complete(PROMPT, PLAIN)


async def test_an_alias_that_must_mean_something_stops_the_start(registry: Path) -> None:
    point(registry)
    with pytest.raises(ConfigurationError, match="repartee-tune registry promote"):
        await made(registry)
    model, _ = await made(registry, keeps_last=False)
    assert model.current() is None


async def test_no_reply_is_torn_while_another_process_promotes(registry: Path) -> None:
    """Each request's text, version and model agree, while the alias moves hundreds of times."""
    model, clock = await made(registry)
    stop = threading.Event()

    def promote() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            point(registry, champion=VERSIONS[turn % len(VERSIONS)])

    promoter = threading.Thread(target=promote)
    promoter.start()
    seen = set()
    try:
        for _ in range(600):
            clock.now += 6
            served = model.current()
            assert served is not None
            completion = await served.model.complete(PROMPT, PLAIN)
            assert completion.text == f"I am {served.version}"
            assert completion.model == served.version
            seen.add(served.version)
    finally:
        stop.set()
        promoter.join()
    assert len(seen) > 1
