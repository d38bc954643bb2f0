"""Test doubles: one per port, each a subclass of its Protocol."""

import asyncio
import hashlib
import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from repartee.application.ports import (
    ChatModel,
    CircuitState,
    CollectionStats,
    Completion,
    EmbeddedFact,
    Embedder,
    EmbedderProfile,
    EventLog,
    FactArchive,
    FactPage,
    FactStore,
    Prompt,
    ReplyMeasurement,
    Reranker,
    RetryDecision,
    Sampling,
    Telemetry,
    Usage,
    Vector,
)
from repartee.application.reply import Emit, ReplyEvent
from repartee.domain.errors import UpstreamError
from repartee.domain.fact import Fact, FactView, RetrievedFact, TenantScope, character_key, text_key
from repartee.integrations.fact_payload import checked_id, checked_vector

DIMENSION = 64
FAKE_PROFILE = EmbedderProfile(id="fake-64", model="fake", revision="1", dimension=DIMENSION, threshold=0.25)


async def emitted(stream: Callable[[Emit], Awaitable[None]]) -> list[tuple[int, ReplyEvent]]:
    """Return what a stream emits to its end."""
    events: list[tuple[int, ReplyEvent]] = []

    async def emit(place: int, event: ReplyEvent) -> None:
        events.append((place, event))

    await stream(emit)
    return events


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class FakeTelemetry(Telemetry):
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.replies: list[ReplyMeasurement] = []
        self.upstreams: list[tuple[str, str]] = []
        self.left_out: list[str] = []
        self.retries: list[tuple[str, str]] = []
        self.circuits: list[tuple[str, str]] = []
        self.extractions: list[tuple[int, list[str], Usage]] = []
        self.digests: list[Usage] = []
        self.notices: list[str] = []
        self.signs: list[tuple[str, str, str]] = []
        self.arms: list[tuple[str, str]] = []
        self.shadows: list[str] = []

    def arm(self, name: str, outcome: str, seconds: float) -> None:
        self.arms.append((name, outcome))

    def shadow(self, outcome: str) -> None:
        self.shadows.append(outcome)

    def reply(self, measurement: ReplyMeasurement) -> None:
        self.replies.append(measurement)

    def upstream(self, dependency: str, outcome: str, seconds: float) -> None:
        self.upstreams.append((dependency, outcome))

    def retried(self, dependency: str, decision: RetryDecision) -> None:
        self.retries.append((dependency, decision))

    def circuit(self, dependency: str, state: CircuitState) -> None:
        self.circuits.append((dependency, state))

    def degraded(self, what: str) -> None:
        self.left_out.append(what)

    def extraction(self, accepted: int, rejected: Sequence[str], usage: Usage) -> None:
        self.extractions.append((accepted, list(rejected), usage))

    def digest(self, usage: Usage) -> None:
        self.digests.append(usage)

    def notice(self, kind: str) -> None:
        self.notices.append(kind)

    def self_harm(self, found_in: str, level: str, action: str) -> None:
        self.signs.append((found_in, level, action))


class FakeEmbedder(Embedder):
    """Hashed bag of words, unit length: texts that share words are near each other."""

    profile = FAKE_PROFILE

    def __init__(self, *, failure: Exception | None = None, delay: float = 0.0) -> None:
        self.calls: list[str] = []
        self.failure = failure
        self.delay = delay

    async def embed_query(self, text: str) -> Vector:
        [vector] = await self.embed_facts([text])
        return vector

    async def embed_facts(self, texts: Sequence[str]) -> list[Vector]:
        self.calls.extend(texts)
        await asyncio.sleep(self.delay)
        if self.failure:
            raise self.failure
        return [_bag_of_words(text) for text in texts]

    async def check(self) -> None:
        if self.failure:
            raise self.failure


def _bag_of_words(text: str) -> Vector:
    vector = [0.0] * DIMENSION
    for word in re.findall(r"\w+", text.lower()) or [text]:
        vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % DIMENSION] += 1.0
    length = math.hypot(*vector)
    return [value / length for value in vector]


_CURRENT = FactView()


def _is_visible(fact: Fact, view: FactView) -> bool:
    knows = view.character is None or character_key(fact.character) in {"", character_key(view.character)}
    return knows and (view.superseded or fact.invalid_at is None)


class FakeFactStore(FactStore):
    """A dictionary per tenant, searched by brute force."""

    name = "fake store"

    def __init__(self, profile: EmbedderProfile = FAKE_PROFILE, failure: Exception | None = None) -> None:
        self._profile = profile
        self._tenants: dict[TenantScope, dict[str, EmbeddedFact]] = {}
        self.failure = failure

    def _of(self, scope: TenantScope) -> dict[str, EmbeddedFact]:
        if self.failure:
            raise self.failure
        return self._tenants.setdefault(scope, {})

    async def ensure(self) -> None:
        if self.failure:
            raise self.failure

    async def search(
        self,
        scope: TenantScope,
        vector: Vector,
        limit: int,
        view: FactView = _CURRENT,
        *,
        pinned: int = 0,
    ) -> list[RetrievedFact]:
        checked_vector(self._profile, vector)
        hits = [
            RetrievedFact(
                **dict(row.fact),
                score=max(-1.0, min(1.0, sum(a * b for a, b in zip(vector, row.vector, strict=True)))),
            )
            for row in self._of(scope).values()
            if _is_visible(row.fact, view)
        ]
        ordered = sorted(hits, key=lambda hit: (-hit.score, hit.id))
        also = [hit for hit in ordered if hit.pinned][:pinned]
        return [hit for hit in ordered if hit in ordered[:limit] or hit in also]

    async def upsert(self, scope: TenantScope, facts: Sequence[EmbeddedFact]) -> None:
        for row in facts:
            checked_id(row.fact.id, "id")
            checked_vector(self._profile, row.vector)
        foreign = {id_ for tenant, rows in self._tenants.items() if tenant != scope for id_ in rows}
        self._of(scope).update({row.fact.id: row for row in facts if row.fact.id not in foreign})

    async def get(self, scope: TenantScope, ids: Sequence[str]) -> list[Fact]:
        return [row.fact for id_, row in self._of(scope).items() if id_ in set(ids)]

    async def find(self, scope: TenantScope, texts: Sequence[str]) -> list[Fact]:
        wanted = {text_key(text) for text in texts}
        return [row.fact for row in self._of(scope).values() if text_key(row.fact.text) in wanted]

    async def annotate(self, scope: TenantScope, facts: Sequence[Fact]) -> None:
        rows = self._of(scope)
        for fact in facts:
            if (row := rows.get(fact.id)) and text_key(row.fact.text) == text_key(fact.text):
                rows[fact.id] = EmbeddedFact(fact, row.vector)

    async def page(
        self, scope: TenantScope, after: str | None, limit: int, view: FactView = _CURRENT
    ) -> FactPage:
        cursor = "" if after is None else checked_id(after, "after")
        visible = [row.fact for row in self._of(scope).values() if _is_visible(row.fact, view)]
        facts = sorted((fact for fact in visible if fact.id > cursor), key=lambda fact: fact.id)
        return FactPage(tuple(facts[:limit]), facts[limit - 1].id if len(facts) > limit else None)

    async def count(self, scope: TenantScope) -> int:
        return len(self._of(scope))

    def all_facts(self) -> list[tuple[TenantScope, Fact]]:
        return [(scope, row.fact) for scope, rows in self._tenants.items() for row in rows.values()]

    async def delete(self, scope: TenantScope, ids: Sequence[str]) -> int:
        return sum(self._of(scope).pop(id_, None) is not None for id_ in set(ids))

    async def delete_all(self, scope: TenantScope) -> int:
        count = len(self._of(scope))
        self._of(scope).clear()
        return count

    async def check(self) -> None:
        if self.failure:
            raise self.failure


class FakeFactArchive(FactArchive):
    """Collections of other profiles, as lists."""

    def __init__(
        self, collections: dict[str, list[tuple[TenantScope, Fact]]], store: FakeFactStore | None = None
    ) -> None:
        self.collections = collections
        self._store = store

    def _pairs(self, profile_id: str) -> list[tuple[TenantScope, Fact]]:
        if self._store and profile_id == FAKE_PROFILE.id:
            return self._store.all_facts()
        return self.collections[profile_id]

    async def stale_profiles(self) -> list[str]:
        return sorted(self.collections)

    async def export(self, profile_id: str) -> AsyncIterator[tuple[TenantScope, Fact]]:
        for pair in self._pairs(profile_id):
            yield pair

    async def load(self, rows: Sequence[tuple[TenantScope, EmbeddedFact]]) -> None:
        assert self._store, "give the store that is to be loaded"
        for scope, embedded in rows:
            await self._store.upsert(scope, [embedded])

    async def stats(self, profile_id: str) -> CollectionStats:
        pairs = self._pairs(profile_id)
        return CollectionStats(
            profile_id=profile_id,
            facts=len(pairs),
            users=len({scope for scope, _ in pairs}),
            superseded=sum(fact.invalid_at is not None for _, fact in pairs),
            pinned=sum(fact.pinned for _, fact in pairs),
        )

    async def forget(self, scope: TenantScope, ids: Sequence[str] | None = None) -> None:
        for profile, pairs in self.collections.items():
            self.collections[profile] = [
                (owner, fact)
                for owner, fact in pairs
                if owner != scope or (ids is not None and fact.id not in ids)
            ]

    async def drop(self, profile_id: str) -> None:
        del self.collections[profile_id]


class FakeReranker(Reranker):
    """Prefers short texts."""

    name = "fake reranker"

    def __init__(self, failure: UpstreamError | None = None, delay: float = 0.0) -> None:
        self.failure = failure
        self.delay = delay
        self.calls: list[tuple[str, tuple[str, ...]]] = []

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        self.calls.append((query, tuple(texts)))
        await asyncio.sleep(self.delay)
        if self.failure:
            raise self.failure
        return [-float(len(text)) for text in texts]

    async def check(self) -> None:
        if self.failure:
            raise self.failure


class FakeChatModel(ChatModel):
    """Answers with the texts that it was given, in turn; remembers every prompt."""

    name = "fake"

    def __init__(
        self, *texts: str, failure: Exception | None = None, delay: float = 0.0, fail_after: int | None = None
    ) -> None:
        self._texts = texts or ("*nods* All right.",)
        self.failure = failure
        self.delay = delay
        self.fail_after = fail_after
        self.prompts: list[Prompt] = []
        self.samplings: list[Sampling] = []
        self.cancelled = 0

    async def complete(self, prompt: Prompt, sampling: Sampling) -> Completion:
        text = self._texts[len(self.prompts) % len(self._texts)]
        self.prompts.append(prompt)
        self.samplings.append(sampling)
        try:
            await asyncio.sleep(self.delay)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure and self.fail_after is None:
            raise self.failure
        return Completion(text=text, model=sampling.model or "fake", finish_reason="stop", usage=Usage(10, 5))

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str | Completion, None]:
        completion = await self.complete(prompt, sampling)
        try:
            for number, piece in enumerate(re.findall(r"\S+\s*", completion.text)):
                if self.failure and self.fail_after == number:
                    raise self.failure
                yield piece
                await asyncio.sleep(self.delay)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise
        yield completion

    async def check(self) -> None:
        if self.failure:
            raise self.failure


class FakeEventLog(EventLog):
    """A list; `failure` stands for a full disk."""

    def __init__(self, failure: OSError | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.failure = failure

    async def append(self, event: dict[str, Any]) -> None:
        if self.failure:
            raise self.failure
        self.events.append(event)

    async def of_user(self, user_id: str) -> AsyncIterator[dict[str, Any]]:
        if self.failure:
            raise self.failure
        for event in self._of(user_id):
            yield event

    async def forget(self, user_id: str) -> int:
        mine = self._of(user_id)
        self.events = [event for event in self.events if event not in mine]
        return len(mine)

    def _of(self, user_id: str) -> list[dict[str, Any]]:
        replies = [
            event
            for event in self.events
            if event["type"] in {"reply", "shadow"} and event["user"]["id"] == user_id
        ]
        ids = {event["reply"]["id"] for event in replies if event["type"] == "reply"}
        return [
            event
            for event in self.events
            if event in replies
            or (event["type"] == "feedback" and (event["reply_id"] in ids or event["user_id"] == user_id))
        ]
