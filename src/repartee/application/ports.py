"""Everything outside the process, as the use cases see it: one Protocol per role."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Protocol

from repartee.application.text_classifier import TagFound
from repartee.domain.cast import Cast
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.fact import Fact, FactView, RetrievedFact, TenantScope
from repartee.domain.lorebook.result import LoreResult
from repartee.domain.safety.notices import NoticeKind
from repartee.domain.safety.self_harm import SelfHarm, SelfHarmSigns
from repartee.domain.scenario import Scenario
from repartee.domain.story import Story
from repartee.domain.text import Script, script_of
from repartee.domain.turn_mode import TurnMode
from repartee.domain.user import User

Vector = list[float]
"""Unit length, finite; its size is the profile's dimension."""


# --- the model that answers ---------------------------------------------------------------------------

SafetyDuty = Literal["tell_ai", "take_care"]
"""What a prompt ends with, whatever the card says: who answers, and care for a user who may be at risk."""


@dataclass(frozen=True, slots=True)
class Turn:
    """All that one reply is made from. `avoid` are alternatives that were given already.

    In a scene of several characters `cast` holds all of them, and `character` is the one who speaks.
    """

    character: Character
    user: User
    scenario: Scenario | None
    messages: tuple[Message, ...]
    facts: tuple[RetrievedFact, ...] = ()
    summary: str = ""
    story: Story = field(default_factory=Story)
    mode: TurnMode = "reply"
    avoid: tuple[str, ...] = ()
    cast: Cast | None = None
    duties: tuple[SafetyDuty, ...] = ()


class PromptMessage(NamedTuple):
    """One message as it goes to the model. A tuple, for a prompt makes one of each message of the chat.

    Where `cache_until` is given, the prompt up to that character of the content comes again in the next turn,
    and the model's server is to be told so.
    """

    role: Literal["system", "user", "assistant"]
    content: str
    name: str | None = None
    cache_until: int | None = None


@dataclass(frozen=True, slots=True)
class ExtractTask:
    """Propose facts from the messages as JSON; `turn.facts` are known, by number from 1. `now` dates them."""

    now: datetime


@dataclass(frozen=True, slots=True)
class DigestTask:
    """Sum up the turn's messages, after `turn.summary`, in up to `max_words`."""

    max_words: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked: `messages` is the whole of it; `turn` is what they were rendered from.

    Without a `task` the character's next message is asked for. `sections` says how its tokens are spent, by
    estimate; `lore` what became of the turn's lorebooks.
    """

    messages: tuple[PromptMessage, ...]
    turn: Turn
    task: ExtractTask | DigestTask | None = None
    sections: Mapping[str, int] = field(default_factory=dict)
    lore: LoreResult | None = None


@dataclass(frozen=True, slots=True)
class ResponseSchema:
    """The JSON that an answer must be. A model that cannot be held to it still gets it in words."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sampling:
    """Generation settings; None leaves the choice to the model's server.

    `choice` numbers several answers to one prompt: with it, a model that repeats itself gives others.
    """

    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    choice: int = 0
    response_schema: ResponseSchema | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the model's server counted."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """One whole answer. `finish_reason` is `length` where the model was cut off by a limit."""

    text: str
    model: str
    finish_reason: Literal["stop", "length"]
    usage: Usage


class ChatModel(Protocol):
    """A model that continues a conversation. Failures are `UpstreamError`s, never empty answers."""

    @property
    def name(self) -> str:
        """The model used where a request names none; for people to read."""
        ...

    async def complete(self, prompt: Prompt, sampling: Sampling) -> Completion:
        """Return the whole answer: non-blank text."""
        ...

    def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str | Completion, None]:
        """Yield non-empty pieces of text, then exactly one `Completion` that holds all of it.

        A stream that ends early raises; closing the iterator closes the upstream call.
        """
        ...

    async def check(self) -> None:
        """Raise UpstreamError if the model cannot be reached."""
        ...


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model, and the registry's immutable id of it where it comes from there."""

    model: ChatModel
    version: str | None = None


class ModelSource(Protocol):
    """Hands out the model of an arm. What it hands out keeps working when another one takes its place."""

    def current(self) -> ServedModel | None:
        """Return what is to answer a request that begins now, None where there is nothing."""
        ...


# --- retrieval ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EmbedderProfile:
    """What makes vectors comparable. `id` names the collection, so that a switch never mixes vectors.

    `threshold` is the cosine above which a fact counts as relevant, calibrated for this embedder;
    `thresholds` are those of scripts that need another one. `id` has only characters that are safe in a
    file name.
    """

    id: str
    model: str
    revision: str
    dimension: int
    threshold: float
    thresholds: Mapping[Script, float] = field(default_factory=dict)

    def threshold_for(self, text: str) -> float:
        """Return the threshold for a message, by the script that most of its letters are of."""
        return self.thresholds.get(script_of(text), self.threshold)


class Embedder(Protocol):
    """Turns text into vectors. Facts are documents, messages are queries."""

    @property
    def profile(self) -> EmbedderProfile:
        """The identity of the vectors."""
        ...

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of a message."""
        ...

    async def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per message, in order; a remote embedder makes one call of it."""
        return [await self.embed_query(text) for text in texts]

    async def embed_facts(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, in order. An empty list needs no call."""
        ...

    async def check(self) -> None:
        """Raise UpstreamError if unreachable, ConfigurationError if vectors do not fit the profile."""
        ...


class Reranker(Protocol):
    """Reads query and texts together; slower and sharper than a cosine."""

    @property
    def name(self) -> str:
        """The model, for people to read."""
        ...

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one relevance per text, in order of `texts`, higher is better."""
        ...

    async def check(self) -> None:
        """Raise UpstreamError if the model cannot be reached."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddedFact:
    """A fact with the vector of its text."""

    fact: Fact
    vector: Vector


_CURRENT: Final = FactView()


@dataclass(frozen=True, slots=True)
class FactPage:
    """Facts in order of id; `next` is the cursor of the following page, None at the end."""

    facts: tuple[Fact, ...]
    next: str | None


class FactStore(Protocol):
    """The index of facts. No call that reads or writes facts exists without the tenant's scope.

    Raises InvalidInput for vectors that are not finite or not of the profile's dimension,
    and UpstreamError where the engine fails.
    """

    @property
    def name(self) -> str:
        """Engine and place, for people to read; never a secret."""
        ...

    async def ensure(self) -> None:
        """Create the collection and its tenant index where they are missing; idempotent.

        Raises ConfigurationError if what exists has another dimension or distance.
        """
        ...

    async def search(
        self, scope: TenantScope, vector: Vector, limit: int, view: FactView = _CURRENT, *, pinned: int = 0
    ) -> list[RetrievedFact]:
        """Return the nearest facts of the view and, in the same round trip, up to `pinned` pinned ones.

        Each once, sorted by score descending, then id.
        """
        ...

    async def upsert(self, scope: TenantScope, facts: Sequence[EmbeddedFact]) -> None:
        """Write facts by id; on return they are durable and found by a search."""
        ...

    async def annotate(self, scope: TenantScope, facts: Sequence[Fact]) -> None:
        """Rewrite all but the vectors of those facts that exist with the same text."""
        ...

    async def get(self, scope: TenantScope, ids: Sequence[str]) -> list[Fact]:
        """Return those of the facts that exist, in any order, also those that no longer hold."""
        ...

    async def find(self, scope: TenantScope, texts: Sequence[str]) -> list[Fact]:
        """Return the facts whose text has the same `text_key` as one of `texts`, as `get` does."""
        ...

    async def page(
        self, scope: TenantScope, after: str | None, limit: int, view: FactView = _CURRENT
    ) -> FactPage:
        """Return up to `limit` facts of the view whose id comes after the cursor."""
        ...

    async def count(self, scope: TenantScope) -> int:
        """Return how many facts are stored, also those that no longer hold."""
        ...

    async def delete(self, scope: TenantScope, ids: Sequence[str]) -> int:
        """Delete facts by id and return how many existed; on return they are not found any more."""
        ...

    async def delete_all(self, scope: TenantScope) -> int:
        """Delete every fact of the tenant and return how many there were."""
        ...

    async def check(self) -> None:
        """Raise UpstreamError if the engine does not answer."""
        ...


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """What is in one profile's collection; `superseded` and `pinned` facts are among the `facts`."""

    profile_id: str
    facts: int
    users: int
    superseded: int
    pinned: int


class FactArchive(Protocol):
    """Whole collections, of all users: the current profile's, and those left behind by other embedders."""

    async def stale_profiles(self) -> list[str]:
        """Return the ids of profiles, other than the current one, that have a collection."""
        ...

    def export(self, profile_id: str) -> AsyncIterator[tuple[TenantScope, Fact]]:
        """Yield every fact of that collection with its owner's scope, also those that no longer hold."""
        ...

    async def load(self, rows: Sequence[tuple[TenantScope, EmbeddedFact]]) -> None:
        """Write facts of many users into the current profile's collection; on return all are durable.

        Much faster than as many calls of `upsert`, and like that it leaves other users' points alone.
        """
        ...

    async def stats(self, profile_id: str) -> CollectionStats:
        """Count what is in that collection. Raises NotFound."""
        ...

    async def forget(self, scope: TenantScope, ids: Sequence[str] | None = None) -> None:
        """Delete the tenant's facts, or those with these ids, from every stale collection."""
        ...

    async def drop(self, profile_id: str) -> None:
        """Delete a stale collection with all that is in it. Raises NotFound."""
        ...


class FactIndex(FactStore, FactArchive, Protocol):
    """A store and its archive on one engine, to be closed by its owner."""

    async def close(self) -> None:
        """Let go of files and connections."""
        ...


# --- the rest -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RulesView:
    """Values of the standing instructions."""

    character: str
    user: str
    actions: Literal["asterisks", "none"]
    min_words: int
    max_words: int | None
    style_notes: str
    language: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SystemView:
    """Values of the prompt's stable part, macros already expanded.

    `company` has a line about each of the others in a scene. `summary_fence` is no part of the summary.
    """

    rules: str
    character: str
    character_age: str
    description: str
    personality: str
    user: str
    user_age: str
    user_description: str
    scenario: str
    setting: str
    relationship: str
    goal: str
    examples: tuple[tuple[Message, ...], ...]
    summary: str = ""
    lore_before: str = ""
    lore_after: str = ""
    company: tuple[str, ...] = ()
    summary_fence: str = ""


@dataclass(frozen=True, slots=True)
class TailView:
    """Values of the prompt's volatile part. `fence` is unguessable, so that no fact can close its block.

    `asks_for_reply` is false where the prompt is the client's own, and only the memories are put into it.
    """

    character: str
    user: str
    user_facts: tuple[str, ...]
    character_facts: tuple[str, ...]
    fence: str
    post_history_instructions: str
    asks_for_reply: bool = True
    lore: str = ""
    mode: TurnMode = "reply"
    avoid: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    duties: tuple[SafetyDuty, ...] = ()


@dataclass(frozen=True, slots=True)
class ExtractView:
    """Values of the question for facts. `known` and `turns` are lines of JSON, between marks of `fence`."""

    character: str
    user: str
    today: str
    weekday: str
    known: tuple[str, ...]
    turns: tuple[str, ...]
    fence: str


@dataclass(frozen=True, slots=True)
class DigestView:
    """Values of the question for a summary. `turns` are lines of JSON, between lines marked `fence`."""

    character: str
    user: str
    summary: str
    max_words: int
    turns: tuple[str, ...]
    fence: str


class PromptRenderer(Protocol):
    """Turns values into the prompt's text. Values are data: nothing in them is ever a template."""

    @property
    def fingerprint(self) -> str:
        """Short hash of the templates that replies are made with: it changes when any of them does."""
        ...

    def rules(self, view: RulesView) -> str:
        """Return the standing instructions, which a card may replace or quote."""
        ...

    def system(self, view: SystemView) -> str:
        """Return the stable part."""
        ...

    def tail(self, view: TailView) -> str:
        """Return the volatile part."""
        ...

    def extract(self, view: ExtractView) -> str:
        """Return the question for facts."""
        ...

    def digest(self, view: DigestView) -> str:
        """Return the question for a summary."""
        ...


class TokenCounter(Protocol):
    """Estimates how much room a text takes in a prompt."""

    def count(self, text: str) -> int:
        """Return a number of tokens, 0 for an empty text."""
        ...


class SelfHarmDetector(Protocol):
    """Finds signs of suicide or self-harm in a text, of the user or of a reply."""

    def at_once(self, text: str) -> SelfHarmSigns | None:
        """Return the most serious sign where that needs no waiting; None where `detect` has to be asked."""
        del text
        return None

    async def detect(self, text: str) -> SelfHarmSigns:
        """Return the most serious sign. Whatever it raises counts as `unknown` and leads to a notice."""
        ...


class Moderator(Protocol):
    """Labels a text with tags, such as hate or violence. It decides nothing."""

    @property
    def name(self) -> str:
        """Which one: for records."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that it knows."""
        ...

    async def label(self, text: str) -> Mapping[str, TagFound]:
        """Return every tag that it knows, with its level."""
        ...


class CharacterLibrary(Protocol):
    """The characters that ship with the service."""

    def names(self) -> tuple[str, ...]:
        """Return the short names, sorted."""
        ...

    def get(self, name: str) -> Character:
        """Return a character by short name. Raises NotFound."""
        ...


class EventLog(Protocol):
    """Record of replies and feedback: the raw material of judging and tuning.

    A reply is its user's; feedback is the user's whose reply it is about, or who is named in it.
    """

    async def append(self, event: dict[str, Any]) -> None:
        """Write one event. Raises OSError where it cannot be written."""
        ...

    def of_user(self, user_id: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the user's events as they were written. Raises OSError where they cannot be read."""
        ...

    async def forget(self, user_id: str) -> int:
        """Erase the user's events and return how many there were; on return they are durably gone.

        Everything else stays as it is. Raises OSError where it cannot be done; doing it again is safe.
        """
        ...


RetrievalStatus = Literal["ok", "empty", "below_threshold", "error", "disabled"]


@dataclass(slots=True)
class ReplyMeasurement:
    """What one reply cost, for the counters."""

    model: str
    retrieval_status: RetrievalStatus
    usage: Usage = field(default_factory=Usage)
    facts_used: int = 0


CircuitState = Literal["closed", "open", "half_open"]

RetryDecision = Literal["retry", "fallback", "no_budget", "too_long"]
"""`no_budget`: retries would be more than their share. `too_long`: the wait asked for passes the deadline."""


class Telemetry(Protocol):
    """Counters and histograms. Labels come from closed lists, never from a user's words."""

    def reply(self, measurement: ReplyMeasurement) -> None:
        """Count one reply."""
        ...

    def upstream(self, dependency: str, outcome: str, seconds: float) -> None:
        """Count one call; `outcome` is `ok` or an error code."""
        ...

    def retried(self, dependency: str, decision: RetryDecision) -> None:
        """Count what was decided after an attempt failed that another one might have helped."""
        ...

    def circuit(self, dependency: str, state: CircuitState) -> None:
        """Note the state of a dependency's circuit."""
        ...

    def degraded(self, what: str) -> None:
        """Count something that was left out so that the reply could still be given."""
        ...

    def extraction(self, accepted: int, rejected: Sequence[str], usage: Usage) -> None:
        """Count one extraction of facts; `rejected` are reasons from a closed list."""
        ...

    def digest(self, usage: Usage) -> None:
        """Count one summary."""
        ...

    def notice(self, kind: NoticeKind) -> None:
        """Count a notice that was due by the clock."""
        ...

    def self_harm(self, found_in: Literal["message", "reply"], level: SelfHarm, action: str) -> None:
        """Count what the detector found, and what was done about it."""
        ...

    def arm(self, name: str, outcome: str, seconds: float) -> None:
        """Count one answer of an arm's model; `outcome` is `ok` or an error code."""
        ...

    def shadow(self, outcome: str) -> None:
        """Count what became of one reply of the shadow: `ok`, an error code, `dropped` or `cancelled`."""
        ...
