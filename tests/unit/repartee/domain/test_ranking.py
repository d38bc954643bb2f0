from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.domain.fact import RetrievedFact, text_key
from repartee.domain.ranking import Candidate, RankingRules, judged, limited, reranked, words_of_fact

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def fact(text: str, score: float, days: float = 0.0, *, pinned: bool = False) -> RetrievedFact:
    return RetrievedFact(
        id=text, text=text, score=score, created_at=NOW - timedelta(days=days), pinned=pinned
    )


def verdicts(candidates: list[Candidate]) -> list[tuple[str, str]]:
    return [(one.fact.text, one.verdict) for one in candidates]


def judge(*facts: RetrievedFact, threshold: float = 0.3, complete: bool = True, **rules) -> list[Candidate]:
    return judged(facts, threshold, NOW, RankingRules(**rules), complete=complete)


def test_the_threshold_has_to_be_exceeded() -> None:
    found = judge(fact("above", 0.31), fact("equal", 0.3), fact("below", 0.29))
    assert verdicts(found) == [("above", "kept"), ("equal", "below_threshold"), ("below", "below_threshold")]


def test_pinned_facts_stand_first_and_are_used_whatever_their_score() -> None:
    found = limited(judge(fact("near", 0.9), fact("far", -0.2, pinned=True), fact("mid", 0.5)), 1)
    assert verdicts(found) == [("far", "pinned"), ("near", "kept"), ("mid", "over_limit")]
    assert [one.used for one in found] == [True, True, False]


def test_age_lowers_the_place_but_not_the_similarity_that_the_threshold_sees() -> None:
    old, new = fact("old", 0.5, days=90), fact("new", 0.4)
    assert verdicts(judge(old, new)) == [("old", "kept"), ("new", "kept")]
    [first, second] = judge(old, new, recency_weight=0.8, recency_half_life_days=90)
    assert (first.fact.text, second.fact.text) == ("new", "old")
    assert second.recency == pytest.approx(0.6)
    assert second.score == pytest.approx(0.3)
    assert second.verdict == "kept"


def test_a_fact_from_the_future_is_as_good_as_new() -> None:
    [one] = judge(fact("x", 0.5, days=-10), recency_weight=1.0)
    assert one.recency == 1.0


def test_all_facts_are_used_only_where_they_are_all_and_few() -> None:
    facts = [fact("a", 0.5), fact("b", 0.1)]
    assert verdicts(judge(*facts, use_all_up_to=2)) == [("a", "kept"), ("b", "all")]
    assert verdicts(judge(*facts, use_all_up_to=1))[1] == ("b", "below_threshold")
    assert verdicts(judge(*facts, use_all_up_to=2, complete=False))[1] == ("b", "below_threshold")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("Has a grey cat named Tom", True),
        ("has a grey cat, named TOM!", True),
        ("Has a grey cat named Tom now", True),
        ("Has 2 grey cats named Tom", False),
        ("Has a dog", False),
    ],
)
def test_near_duplicates_do_not_take_two_places(other: str, same: bool) -> None:
    found = judge(fact("Has a grey cat named Tom", 0.9), fact(other + " ", 0.8))
    assert (found[1].verdict == "near_duplicate") == same
    assert judge(fact("a b", 0.9), fact("b a", 0.8), drop_near_duplicates=False)[1].verdict == "kept"


def test_another_number_is_another_fact() -> None:
    text = "Ran the city marathon in the rain in {}"
    assert judge(fact(text.format(2024), 0.9), fact(text.format(2025), 0.8))[1].verdict == "kept"


def test_near_duplicates_are_looked_for_among_the_facts_that_are_wanted() -> None:
    facts = [fact("a b", 0.9), fact("b a", 0.8), fact("c", 0.7), fact("A, B", 0.6)]
    found = judged(facts, 0.3, NOW, RankingRules(), complete=True, wanted=2)
    assert verdicts(found) == [("a b", "kept"), ("b a", "near_duplicate"), ("c", "kept"), ("A, B", "kept")]


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "a b", "b a", "a 1"]), st.floats(-1, 1), st.booleans()),
        max_size=12,
    ),
    st.integers(0, 5),
)
def test_a_reply_uses_the_same_facts_when_only_so_many_are_wanted(rows, limit: int) -> None:
    facts = [fact(text, score, pinned=pinned) for text, score, pinned in rows]
    whole = limited(judge(*facts), limit)
    short = limited(judged(facts, 0.3, NOW, RankingRules(), complete=True, wanted=limit), limit)
    assert [one.fact for one in short if one.used] == [one.fact for one in whole if one.used]


@given(st.text(max_size=40))
def test_words_are_compared_as_texts_are(text: str) -> None:
    assert words_of_fact(text) == words_of_fact(text_key(text))


def test_a_reranker_orders_the_kept_ones_in_their_places() -> None:
    found = judge(fact("pin", 0.1, pinned=True), fact("a", 0.9), fact("b", 0.8), fact("low", 0.1))
    ordered = reranked(found, [0.2, 0.7], RankingRules())
    assert [(one.fact.text, one.rerank) for one in ordered] == [
        ("pin", None),
        ("b", 0.7),
        ("a", 0.2),
        ("low", None),
    ]


def test_a_rerank_threshold_drops_what_does_not_exceed_it() -> None:
    found = judge(fact("a", 0.9), fact("b", 0.8))
    assert verdicts(reranked(found, [0.5, 0.6], RankingRules(rerank_threshold=0.5))) == [
        ("b", "kept"),
        ("a", "below_rerank"),
    ]


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.booleans(), st.floats(0, 1_000)), max_size=20),
    st.integers(0, 10),
    st.floats(0, 1),
)
def test_no_more_than_the_limit_is_kept_and_nothing_is_lost(rows, limit: int, weight: float) -> None:
    facts = [fact(f"t{n}", score, days, pinned=pin) for n, (score, pin, days) in enumerate(rows)]
    found = limited(judge(*facts, recency_weight=weight), limit)
    assert sorted(one.fact.id for one in found) == sorted(one.id for one in facts)
    kept = [one for one in found if one.verdict == "kept"]
    assert len(kept) <= limit
    assert all(one.fact.score > 0.3 for one in kept)
    assert [one.score for one in kept] == sorted((one.score for one in kept), reverse=True)
