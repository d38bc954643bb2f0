"""Which of the facts near a message are used, and why."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Final, Literal

from repartee.domain.fact import RetrievedFact, folded

Verdict = Literal["kept", "pinned", "all", "below_threshold", "below_rerank", "near_duplicate", "over_limit"]
"""`kept`, `pinned` and `all` (the user has so few facts that all are used) are in, the others are out."""

USED: Final[frozenset[Verdict]] = frozenset({"kept", "pinned", "all"})

_WORDS: Final = re.compile(r"\w+")
_SHARED_WORDS: Final = 0.8
_SECONDS_PER_DAY: Final = 86_400.0
_FIRST: Final = itemgetter(0)


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
    found: Iterable[RetrievedFact],
    threshold: float,
    now: datetime,
    rules: RankingRules,
    *,
    complete: bool,
    wanted: int | None = None,
) -> list[Candidate]:
    """Return the candidates, pinned first, then by score. `complete`: the user has no other facts.

    With `wanted`, near duplicates are looked for until so many facts are kept: the ones after them say `kept`
    and are over any limit up to `wanted`.
    """
    facts = list(found)
    use_all = complete and len(facts) <= rules.use_all_up_to
    rest: Verdict = "all" if use_all else "below_threshold"
    ordered = []
    for fact in facts:
        recency = _recency(fact, now, rules) if rules.recency_weight else 1.0
        verdict: Verdict = "pinned" if fact.pinned else "kept" if fact.score > threshold else rest
        place = (not fact.pinned, -fact.score * recency, fact.id)
        ordered.append((place, Candidate(fact, recency, verdict)))
    ordered.sort(key=_FIRST)
    candidates = [candidate for _, candidate in ordered]
    return _without_near_duplicates(candidates, wanted) if rules.drop_near_duplicates else candidates


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
        kept += one.verdict == "kept"
        result.append(_out(one, "over_limit") if one.verdict == "kept" and kept > limit else one)
    return result


def _out(one: Candidate, verdict: Verdict) -> Candidate:
    return Candidate(one.fact, one.recency, verdict, one.rerank)


def _recency(fact: RetrievedFact, now: datetime, rules: RankingRules) -> float:
    age = max((now - fact.created_at).total_seconds() / _SECONDS_PER_DAY, 0.0)
    share = math.exp2(-age / rules.recency_half_life_days)
    return 1.0 - rules.recency_weight * (1.0 - share)


def _without_near_duplicates(candidates: Iterable[Candidate], wanted: int | None) -> list[Candidate]:
    seen: list[frozenset[str]] = []
    kept = 0
    result = []
    for one in candidates:
        is_kept = one.verdict == "kept"
        if not one.used or (is_kept and wanted is not None and kept >= wanted):
            result.append(one)
            continue
        words = words_of_fact(one.fact.text)
        if is_kept and any(say_the_same(words, other) for other in seen):
            result.append(_out(one, "near_duplicate"))
            continue
        kept += is_kept
        seen.append(words)
        result.append(one)
    return result


def words_of_fact(text: str) -> frozenset[str]:
    """Return the words by which facts are compared."""
    return frozenset(_WORDS.findall(folded(text)))


def say_the_same(words: frozenset[str], other: frozenset[str]) -> bool:
    """Tell near duplicates. Another number is another fact, however alike the rest is."""
    size, others = len(words), len(other)
    if size < _SHARED_WORDS * others or others < _SHARED_WORDS * size:
        return False  # as the smaller one cannot share more words than it has
    shared = len(words & other)
    if shared < _SHARED_WORDS * (size + others - shared):
        return False
    return not any(map(str.isdigit, words ^ other))
