"""What both Qdrant adapters agree on: the payload of a fact, and what is believed of one that comes back."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from repartee.application.ports import EmbedderProfile, FactPage, Telemetry, Vector
from repartee.domain.errors import InvalidInput
from repartee.domain.fact import Fact, RetrievedFact, TenantScope, character_key, text_key

OWNER_KEY: Final = "user_id"
TEXT_KEY: Final = "text_key"
CHARACTER_KEY: Final = "character_key"
PINNED_KEY: Final = "is_pinned"
SUPERSEDED_KEY: Final = "is_superseded"
YES: Final = "yes"
"""Flags are keywords: the embedded engine (0.9) matches no booleans, it takes them for integers."""
_COLLECTION_PREFIX: Final = "facts__"
_CANONICAL_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_LARGEST: Final = 1e18
"""Far above any embedding; its square still fits the engine's 32-bit floats."""


AnyFact = TypeVar("AnyFact", bound=Fact)
AnyPoint = TypeVar("AnyPoint", bound="Stored")
VectorKind = Literal["float32", "float16", "int8"]
"""How vectors are kept: float16 halves the room and moves scores by less than 0.001."""


class Stored(Protocol):
    """A point as either engine returns it."""

    @property
    def id(self) -> Any:
        """The point's id: a UUID or its text."""
        ...

    @property
    def payload(self) -> dict[str, Any] | None:
        """What was stored with it."""
        ...


class Scored(Stored, Protocol):
    """A point that a search found."""

    @property
    def score(self) -> float:
        """The cosine."""
        ...


def collection_name(profile_id: str) -> str:
    """Return the collection of a profile's vectors."""
    return _COLLECTION_PREFIX + profile_id


def profile_of(collection: str) -> str | None:
    """Return the profile whose collection this is, None where it is not one of ours."""
    if not collection.startswith(_COLLECTION_PREFIX):
        return None
    return collection.removeprefix(_COLLECTION_PREFIX)


def payload_of(scope: TenantScope, fact: Fact) -> dict[str, Any]:
    """Return what is stored beside the vector: the fact, its tenant, and what filters compare.

    The owner of a point is one string, never a list.
    """
    return {
        **fact.model_dump(mode="json", exclude={"id"}, exclude_defaults=True),
        OWNER_KEY: scope.user_id,
        TEXT_KEY: text_key(fact.text),
        CHARACTER_KEY: character_key(fact.character),
        PINNED_KEY: YES if fact.pinned else "no",
        SUPERSEDED_KEY: YES if fact.invalid_at else "no",
    }


def checked_vector(profile: EmbedderProfile, vector: Vector) -> Vector:
    """Return `vector` as it is. Raises InvalidInput unless it is finite and of the profile's dimension."""
    if len(vector) != profile.dimension:
        raise InvalidInput(
            f"a vector of {profile.id} has {profile.dimension} numbers, not {len(vector)}", field="vector"
        )
    if not math.hypot(*vector) < _LARGEST and not all(-_LARGEST < value < _LARGEST for value in vector):
        raise InvalidInput("a vector must hold finite numbers", field="vector")
    return vector


def checked_id(value: str, field: str) -> str:
    """Return the id as it is. Raises InvalidInput unless it is a UUID in its canonical form."""
    if not _CANONICAL_UUID.fullmatch(value):
        raise InvalidInput("must be the id of a fact: a UUID in lower case", field=field)
    return value


def known_ids(ids: Iterable[str]) -> list[str]:
    """Return those that a stored fact can have, once each.

    Engines read `{A…}`, `urn:uuid:a…` and `a…` as one id; here only the last one is it.
    """
    return sorted({value for value in ids if _CANONICAL_UUID.fullmatch(value)})


class FactReader:
    """Reads stored points strictly; one that is not the tenant's is dropped, counted and never returned.

    The filter already keeps others' facts out: a `foreign_fact` in the counters means that it did not.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def facts(self, scope: TenantScope, points: Iterable[Stored]) -> list[Fact]:
        """Return the tenant's facts among the points, in their order."""
        rows = [{**payload, "id": str(point.id)} for point, payload in self._owned(scope, points)]
        return self._read(Fact, _FACTS, rows)

    def retrieved(self, scope: TenantScope, points: Iterable[Scored]) -> list[RetrievedFact]:
        """Return the tenant's facts among the points, each once, by score descending, then id."""
        rows: dict[str, dict[str, Any]] = {}
        for point, payload in self._owned(scope, points):
            name, score = str(point.id), point.score
            if math.isfinite(score):
                rows[name] = {**payload, "id": name, "score": max(-1.0, min(1.0, score))}
            else:
                self._telemetry.degraded("unreadable_fact")
        facts = self._read(RetrievedFact, _RETRIEVED_FACTS, list(rows.values()))
        return sorted(facts, key=lambda fact: (-fact.score, fact.id))

    def page(self, scope: TenantScope, points: Sequence[Stored], after: str | None, limit: int) -> FactPage:
        """Return the page made of `points`: up to `limit` + 2 in order of id, from the cursor's own on."""
        following = [point for point in points if str(point.id) != after]
        window = following[:limit]
        more = len(following) > limit
        return FactPage(tuple(self.facts(scope, window)), str(window[-1].id) if more else None)

    def owned(self, points: Iterable[Stored]) -> list[tuple[TenantScope, Fact]]:
        """Return every readable fact among the points with its owner's scope."""
        pairs = []
        for point in points:
            try:
                scope = TenantScope((point.payload or {}).get(OWNER_KEY, ""))
            except (InvalidInput, TypeError):
                self._telemetry.degraded("unreadable_fact")
                continue
            pairs += [(scope, fact) for fact in self.facts(scope, [point])]
        return pairs

    def _owned(
        self, scope: TenantScope, points: Iterable[AnyPoint]
    ) -> Iterator[tuple[AnyPoint, dict[str, Any]]]:
        """Yield the tenant's points with their payloads."""
        owner = scope.user_id
        for point in points:
            payload = point.payload or {}
            if payload.get(OWNER_KEY) == owner:
                yield point, payload
            else:
                self._telemetry.degraded("foreign_fact")

    def _read(
        self, kind: type[AnyFact], whole: TypeAdapter[list[AnyFact]], rows: list[dict[str, Any]]
    ) -> list[AnyFact]:
        """Return the facts of the rows, all at once where all are fine: one by one takes twice as long."""
        try:
            return whole.validate_python(rows, extra="ignore")
        except ValidationError:
            return [fact for row in rows if (fact := self._read_one(kind, row)) is not None]

    def _read_one(self, kind: type[AnyFact], row: dict[str, Any]) -> AnyFact | None:
        try:
            return kind.model_validate(row, extra="ignore")
        except ValidationError:
            self._telemetry.degraded("unreadable_fact")
            return None


_FACTS: Final = TypeAdapter(list[Fact])
_RETRIEVED_FACTS: Final = TypeAdapter(list[RetrievedFact])
