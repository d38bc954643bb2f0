"""Which of the facts near a message are used, and why."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from repartee.domain.fact import RetrievedFact, text_key

Verdict = Literal["kept", "pinned", "all", "below_threshold", "below_rerank", "near_duplicate", "over_limit"]
"""`kept`, `pinned` and `all` (the user has so few facts that all are used) are in, the others are out."""

USED: Final[frozenset[Verdict]] = frozenset({"kept", "pinned", "all"})

_WORDS: Final = re.compile(r"\w+")
_SHARED_WORDS: Final = 0.8
_SECONDS_PER_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class RankingRules:
    """How candidates are judged. Each rule can be switched off.

    A fact's score is its similarity times a factor that falls with age from 1 to `1 - recency_weight`, half
    of the way every `recency_half_life_days`. The threshold looks at the similarity alone, so that it keeps
    its calibrated meaning. Where the candidates are all facts of the user, and at most `use_all_up_to`, all
    are used.
    """

    recency_weight: float = 0.0
    recency_half_life_days: float = 90.0
    use_all_up_to: int = 0
    drop_near_duplicates: bool = True
    rerank_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fact near the message. `score` orders the facts: the cosine `fact.score` times `recency`.

    `rerank` is the reranker's relevance where there is one, and then the order is its.
    """

    fact: RetrievedFact
    recency: float
    verdict: Verdict
    rerank: float | None = None

    @property
    def score(self) -> float:
        """Similarity and age in one number."""
        return self.fact.score * self.recency

    @property
    def used(self) -> bool:
        """Whether a reply may use it."""
        return self.verdict in USED


def judged(
    found: Iterable[RetrievedFact], threshold: float, now: datetime, rules: RankingRules, *, complete: bool
) -> list[Candidate]:
    """Return the candidates, pinned first, then by score. `complete`: the user has no other facts."""
    facts = list(found)
    use_all = complete and len(facts) <= rules.use_all_up_to

    def verdict(fact: RetrievedFact) -> Verdict:
        if fact.pinned:
            return "pinned"
        if fact.score > threshold:
            return "kept"
        return "all" if use_all else "below_threshold"

    candidates = [Candidate(fact, _recency(fact, now, rules), verdict(fact)) for fact in facts]
    ordered = sorted(candidates, key=lambda one: (not one.fact.pinned, -one.score, one.fact.id))
    return _without_near_duplicates(ordered) if rules.drop_near_duplicates else ordered


def reranked(
    candidates: Sequence[Candidate], relevances: Sequence[float], rules: RankingRules
) -> list[Candidate]:
    """Return candidates in the reranker's order; `relevances` are those of the kept ones, in their order."""
    given = iter(relevances)
    scored = [replace(one, rerank=next(given)) if one.verdict == "kept" else one for one in candidates]
    least = rules.rerank_threshold
    if least is not None:
        scored = [
            replace(one, verdict="below_rerank") if one.rerank is not None and one.rerank <= least else one
            for one in scored
        ]
    places = [place for place, one in enumerate(scored) if one.rerank is not None]
    best_first = sorted((scored[place] for place in places), key=lambda one: -(one.rerank or 0.0))
    for place, one in zip(places, best_first, strict=True):
        scored[place] = one
    return scored


def limited(candidates: Iterable[Candidate], limit: int) -> list[Candidate]:
    """Return the candidates with no more than `limit` kept ones; pinned ones do not count."""
    kept, result = 0, []
    for one in candidates:
        if one.verdict == "kept":
            kept += 1
        result.append(replace(one, verdict="over_limit") if one.verdict == "kept" and kept > limit else one)
    return result


def _recency(fact: RetrievedFact, now: datetime, rules: RankingRules) -> float:
    age = max((now - fact.created_at).total_seconds() / _SECONDS_PER_DAY, 0.0)
    share = math.exp2(-age / rules.recency_half_life_days)
    return 1.0 - rules.recency_weight * (1.0 - share)


def _without_near_duplicates(candidates: Iterable[Candidate]) -> list[Candidate]:
    seen: list[frozenset[str]] = []
    result = []
    for one in candidates:
        words = words_of_fact(one.fact.text)
        if one.verdict == "kept" and any(say_the_same(words, other) for other in seen):
            one = replace(one, verdict="near_duplicate")  # noqa: PLW2901
        elif one.used:
            seen.append(words)
        result.append(one)
    return result


def words_of_fact(text: str) -> frozenset[str]:
    """Return the words by which facts are compared."""
    return frozenset(_WORDS.findall(text_key(text)))


def say_the_same(words: frozenset[str], other: frozenset[str]) -> bool:
    """Tell near duplicates. Another number is another fact, however alike the rest is."""
    shared = len(words & other)
    if shared < _SHARED_WORDS * (len(words) + len(other) - shared):
        return False
    return not any(map(str.isdigit, words ^ other))
