"""The shadow: in the background, bounded, with a deadline of its own, and cancelled at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from repartee.application.arms import Arm, Arms, FixedModel
from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.deadline import deadline_in
from repartee.application.generate_reply import GenerateReply, GenerateRequest, Reply, ReplyPolicy
from repartee.application.ports import Sampling
from repartee.application.retrieve_facts import RetrievalPolicy, RetrieveFacts
from repartee.application.shadow_replies import ShadowPolicy, ShadowReplies
from repartee.domain.errors import UpstreamUnavailable
from repartee.infrastructure.settings import shipped_folder
from repartee.integrations.folder_character_library import FolderCharacterLibrary
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from tests.fakes import FakeChatModel, FakeEmbedder, FakeEventLog, FakeFactStore, FakeTelemetry, emitted
from tests.serving import WordCounter

REQUEST = GenerateRequest.model_validate(
    {"messages": [{"role": "user", "text": "evening"}], "user": {"id": "ann"}, "character": "blaze"}
)


class Stage:
    """A service whose replies a shadow answers too."""

    def __init__(self, shadow: FakeChatModel, **policy: float) -> None:
        self.telemetry, self.events, self.model = FakeTelemetry(), FakeEventLog(), FakeChatModel("Evening.")
        compose = ComposePrompt(
            MakoPromptRenderer(shipped_folder("prompts")), WordCounter(), PromptBudget(8_000, 100)
        )
        arm = Arm("shadow", FixedModel(shadow), compose)
        self.shadow = ShadowReplies(arm, self.events, self.telemetry, ShadowPolicy(**policy))
        retrieve = RetrieveFacts(FakeEmbedder(), FakeFactStore(), None, self.telemetry, RetrievalPolicy(0.5))
        self.generate = GenerateReply(
            FolderCharacterLibrary(shipped_folder("characters")),
            retrieve,
            compose,
            self.model,
            self.events,
            self.telemetry,
            ReplyPolicy(5.0, Sampling(max_tokens=50)),
            Arms.single(self.model, compose),
            self.shadow,
        )

    async def reply(self, request: GenerateRequest = REQUEST) -> Reply:
        reply = await self.generate(request, "req-1")
        assert isinstance(reply, Reply)
        return reply

    @property
    def shadowed(self) -> list[dict]:
        return [event for event in self.events.events if event["type"] == "shadow"]


@asynccontextmanager
async def stage(shadow: FakeChatModel, **policy: float) -> AsyncIterator[Stage]:
    made = Stage(shadow, **policy)
    try:
        yield made
    finally:
        await made.shadow.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not condition():
            await asyncio.sleep(0.005)


async def test_the_shadow_is_asked_the_same_and_only_logged() -> None:
    other = FakeChatModel("Good evening, Ann.")
    async with stage(other) as made:
        reply = await made.reply()
        assert reply.text == "Evening."
        await until(lambda: bool(made.shadowed))
        [event] = made.shadowed
    assert event["reply_id"] == reply.id
    assert (event["arm"], event["answered_by"], event["text"]) == ("shadow", "default", "Good evening, Ann.")
    assert (event["version"], event["user"]) == ("fake", {"id": "ann"})
    assert other.prompts[0].messages == made.model.prompts[0].messages
    assert made.telemetry.shadows == ["ok"]
    assert len(made.telemetry.replies) == 1


async def test_a_slow_shadow_delays_no_reply_and_outlives_the_requests_deadline() -> None:
    async with stage(FakeChatModel("late", delay=0.3)) as made:
        started = asyncio.get_running_loop().time()
        async with deadline_in(0.1):
            await made.reply()
        assert asyncio.get_running_loop().time() - started < 0.1
        await until(lambda: bool(made.shadowed))
    assert made.shadowed[0]["text"] == "late"


async def test_what_finds_the_queue_full_is_dropped_and_counted() -> None:
    async with stage(FakeChatModel("slow", delay=0.05), queue=2, at_once=1) as made:
        for _ in range(6):
            await made.reply()
        await until(lambda: len(made.telemetry.shadows) == 6)
    assert made.telemetry.shadows.count("dropped") == 6 - len(made.shadowed)
    assert 3 <= made.telemetry.shadows.count("dropped") <= 4


async def test_its_deadline_and_its_failures_are_its_own() -> None:
    async with stage(FakeChatModel("late", delay=1.0), deadline_seconds=0.05) as made:
        assert (await made.reply()).text == "Evening."
        await until(lambda: bool(made.shadowed))
    assert made.telemetry.shadows == ["upstream_timeout"]
    assert made.shadowed[0]["error"] == "upstream_timeout"
    broken = FakeChatModel("x", failure=UpstreamUnavailable("down", "model"))
    async with stage(broken) as made:
        assert (await made.reply()).text == "Evening."
        await until(lambda: bool(made.shadowed))
        broken.failure = None
        await made.reply()
        await until(lambda: len(made.shadowed) == 2)
    assert made.telemetry.shadows == ["upstream_unavailable", "ok"]


async def test_a_bug_in_it_ends_neither_the_service_nor_the_shadow() -> None:
    broken = FakeChatModel("fine again", failure=ZeroDivisionError())
    async with stage(broken, at_once=1) as made:
        await made.reply()
        await until(lambda: made.telemetry.shadows == ["internal"])
        broken.failure = None
        await made.reply()
        await until(lambda: made.telemetry.shadows == ["internal", "ok"])


async def test_at_the_end_it_may_finish_within_its_grace_and_is_cancelled_after_it() -> None:
    async with stage(FakeChatModel("quick", delay=0.05), grace_seconds=1.0) as made:
        await made.reply()
    assert made.shadowed[0]["text"] == "quick"
    slow = FakeChatModel("never", delay=30.0)
    made = Stage(slow, grace_seconds=0.05, at_once=1)
    for _ in range(3):
        await made.reply()
    await made.shadow.close()
    assert slow.cancelled == 1
    assert made.telemetry.shadows == ["cancelled"] * 3
    await made.reply()
    assert made.telemetry.shadows == ["cancelled"] * 3


async def test_a_share_of_the_replies_is_answered_too() -> None:
    async with stage(FakeChatModel("x"), share=30.0, queue=500) as made:
        for _ in range(300):
            await made.reply()
        await made.shadow.close()
    assert 50 <= len(made.shadowed) <= 130  # 90 are expected, five standard deviations are 40


@pytest.mark.parametrize("changed", [{"messages": []}, {"generation": {"model": "x/y"}}])
async def test_greetings_and_named_models_have_no_shadow(changed: dict) -> None:
    async with stage(FakeChatModel("x")) as made:
        await made.reply(GenerateRequest.model_validate(REQUEST.model_dump(exclude_unset=True) | changed))
        await made.shadow.close()
    assert made.shadowed == []


async def test_a_streamed_reply_has_a_shadow_too() -> None:
    async with stage(FakeChatModel("x")) as made:
        events = await emitted(partial(made.generate.stream_several, REQUEST, "r", 1))
        await made.shadow.close()
    assert isinstance(events[-1][1], Reply)
    assert made.shadowed[0]["reply_id"] == events[-1][1].id
