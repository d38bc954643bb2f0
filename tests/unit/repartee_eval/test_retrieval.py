from dataclasses import replace

import pytest

from repartee.application.add_facts import AddFacts, NewFact
from repartee.application.retrieve_facts import Question, RetrievalPolicy, RetrieveFacts
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.fact import TenantScope
from repartee.domain.ranking import RankingRules
from repartee_eval.retrieval import (
    Context,
    Resampling,
    ScoredMessage,
    measure,
    measure_groups,
    own_thresholds,
    score_messages,
)
from repartee_eval.retrieval_data import LabelledUser
from repartee_eval.statistics.ranking import thresholded
from tests.fakes import FakeEmbedder, FakeFactStore, FakeTelemetry
from tests.unit.repartee_eval.labelled import labelled

QUICK = Resampling(resamples=100)


def message(
    scores: tuple[float, ...],
    grades: tuple[int, ...],
    user: str = "ann",
    language: str = "en",
    split: str = "tune",
) -> ScoredMessage:
    return ScoredMessage(user, language, split, "m", scores, grades)


async def test_every_fact_is_ranked_by_its_score_and_carries_its_grade():
    user = LabelledUser.model_validate(labelled())
    first, second, third = await score_messages(FakeEmbedder(), [user])
    assert (first.user, first.language, first.split, first.message) == ("ann", "en", "tune", "m1")
    assert first.grades[0] == 2
    assert sorted(second.grades, reverse=True) == [2, 1, 0]
    assert third.grades == (0, 0, 0)
    assert all(list(one.scores) == sorted(one.scores, reverse=True) for one in (first, second, third))


async def test_scores_are_those_of_the_embedder():
    user, embedder = LabelledUser.model_validate(labelled()), FakeEmbedder()
    fact = (await embedder.embed_facts(["Has a parrot named Kiwi"]))[0]
    query = await embedder.embed_query("has a parrot named Kiwi bitten you")
    scored = (await score_messages(embedder, [user]))[0]
    assert scored.scores[0] == pytest.approx(sum(a * b for a, b in zip(fact, query, strict=True)))


async def test_messages_with_turns_before_them_are_left_out():
    content = labelled()
    content["messages"][1]["before"] = [{"role": "assistant", "text": "And your cello?"}]
    scored = await score_messages(FakeEmbedder(), [LabelledUser.model_validate(content)])
    assert [one.message for one in scored] == ["m1", "m3"]


async def test_equal_scores_stand_in_order_of_id():
    content = labelled()
    content["facts"] = [
        {"id": f"f{number}", "text": "Likes tea" if number % 2 else "Hates milk"}
        for number in reversed(range(100, 300))
    ]
    content["messages"] = [{"id": "m1", "text": "tea", "relevant": {"f101": 1, "f103": 2, "f298": 1}}]
    scored = await score_messages(FakeEmbedder(), [LabelledUser.model_validate(content)])
    assert scored[0].grades == (1, 2, *[0] * 197, 1)  # 101, 103, … 299, then 100, 102, … 298


async def test_what_is_counted_is_what_the_service_would_retrieve():
    user, embedder, store = LabelledUser.model_validate(labelled()), FakeEmbedder(), FakeFactStore()
    policy = RetrievalPolicy(5.0, RankingRules(drop_near_duplicates=False))
    scope, service = TenantScope("ann"), RetrieveFacts(embedder, store, None, FakeTelemetry(), policy)
    await AddFacts(embedder, store, TenantLocks())(scope, [NewFact(text=fact.text) for fact in user.facts])
    grade_of = {fact.text: {m.id: m.relevant.get(fact.id, 0) for m in user.messages} for fact in user.facts}
    for message, scored in zip(user.messages, await score_messages(embedder, [user]), strict=True):
        for threshold in (0.1, 0.25, 0.4):
            found = await service(scope, Question(message.text), 2, threshold)
            counts = thresholded(scored.scores, scored.grades, 2, threshold)
            relevant = [grade_of[fact.text][message.id] for fact in found.facts]
            assert (len(found.facts), sum(grade > 0 for grade in relevant)) == (
                counts.selected,
                counts.correct,
            )


def test_measures_of_three_messages_worked_out_by_hand():
    messages = [
        message((0.9, 0.8, 0.1), (0, 2, 1)),  # two used, one of them relevant, of two relevant
        message((0.4, 0.3, 0.2), (1, 0, 0)),  # nothing used, one relevant
        message((0.7, 0.1, 0.0), (0, 0, 0)),  # needs nothing, one used
    ]
    found = measure(messages, "tune", limit=2, threshold=0.5, resampling=QUICK).measures
    values = {name: interval.value for name, interval in found.items()}
    assert values["precision"] == pytest.approx(1 / 3)  # (1 + 0 + 0) / (2 + 0 + 1)
    assert values["recall"] == pytest.approx(1 / 3)  # (1 + 0) / (2 + 1)
    assert values["F1"] == pytest.approx(2 / 6)  # 2 * 1 / (3 used + 3 relevant)
    assert values["FPR"] == 1.0  # the one message that needs nothing got something
    assert values["recall@2"] == pytest.approx((1 / 2 + 1) / 2)
    assert values["hit rate@2"] == 1.0
    assert values["MRR"] == pytest.approx((1 / 2 + 1) / 2)
    # dcg@2 of 0, 2 is 3 / log2(3) = 1.892789, ideal 3 + 1 / log2(3) = 3.630930: 0.521296; the other is 1
    assert values["nDCG@2"] == pytest.approx((0.521296 + 1) / 2, abs=1e-6)
    assert {name: found[name].n for name in ("recall@2", "precision", "F1", "FPR")} == {
        "recall@2": 2, "precision": 2, "F1": 3, "FPR": 1,
    }  # fmt: skip


def test_a_limit_of_ten_is_not_measured_twice():
    names = list(measure([message((0.5,), (1,))], "tune", 10, 0.1, QUICK).measures)
    assert names == ["recall@10", "nDCG@10", "hit rate@10", "MRR", "precision", "recall", "F1", "FPR"]


def test_groups_are_per_language_and_split_and_languages_are_never_mixed():
    messages = [
        message((0.5,), (1,), user="ru1", language="ru"),
        message((0.5,), (1,), user="en1"),
        message((0.5,), (1,), user="en2", split="test"),
    ]
    rows = measure_groups(messages, 3, 0.1, QUICK)
    placed = [(row.language, row.split, row.users, row.messages) for row in rows]
    assert placed == [
        ("en", "tune", ("en1",), 1),
        ("en", "test", ("en2",), 1),
        ("en", "all", ("en1", "en2"), 2),
        ("ru", "tune", ("ru1",), 1),
    ]


def test_intervals_are_clustered_by_user():
    good, bad = [message((0.5,), (1,), user="good")] * 9, [message((0.1,), (1,), user="bad")] * 9
    recall = measure([*good, *bad], "all", 3, 0.3, QUICK).measures["recall"]
    assert (recall.value, recall.low, recall.high, recall.clusters) == (0.5, 0.0, 1.0, 2)


async def test_each_message_carries_its_script_and_the_embedders_threshold_for_it():
    class Calibrated(FakeEmbedder):
        profile = replace(FakeEmbedder.profile, thresholds={"cyrillic": 0.1})

    content = labelled()
    content["messages"][1]["text"] = "снова cello"
    scored = await score_messages(Calibrated(), [LabelledUser.model_validate(content)])
    assert [(one.script, one.threshold) for one in scored] == [
        ("latin", 0.25), ("cyrillic", 0.1), ("latin", 0.25),
    ]  # fmt: skip
    assert own_thresholds(scored) == {"cyrillic": 0.1, "latin": 0.25}


def test_without_a_threshold_each_message_is_judged_by_its_own():
    strict = replace(message((0.5,), (1,)), threshold=0.6)
    lenient = replace(message((0.5,), (1,)), threshold=0.4)
    own, given = (measure([strict, lenient], "tune", 3, used, QUICK) for used in (None, 0.3))
    assert (own.threshold, own.measures["recall"].value) == (None, 0.5)
    assert (given.threshold, given.measures["recall"].value) == (0.3, 1.0)
    assert measure_groups([strict, lenient], 3, None, QUICK)[0].measures["recall"].value == 0.5


def test_a_false_positive_rate_for_n_facts_is_the_mean_chance_over_messages_that_need_none():
    messages = [
        message((0.9, 0.8, 0.1, 0.1), (0, 0, 0, 0)),  # two above: 1 - C(2, 2) / C(4, 2) = 5/6
        message((0.9, 0.1, 0.1, 0.1), (0, 0, 0, 0)),  # one above: 1 - C(3, 2) / C(4, 2) = 1/2
        message((0.9, 0.9), (2, 0)),  # needs one: does not count
        message((0.9,), (0,)),  # of a user with fewer facts: does not count
    ]
    found = measure(messages, "tune", 3, 0.5, QUICK, [2]).measures["FPR@2"]
    assert (found.value, found.n) == (pytest.approx((5 / 6 + 1 / 2) / 2), 2)


async def test_turns_before_are_mixed_into_follow_ups_only_where_asked_for():
    content = labelled()
    content["facts"] = [{"id": "f1", "text": "Has a parrot"}, {"id": "f2", "text": "Plays chess"}]
    content["messages"] = [
        {
            "id": "m1",
            "text": "again",
            "relevant": {"f1": 2},
            "before": [{"role": "user", "text": "my parrot"}],
        },
        {"id": "m2", "text": "chess", "relevant": {"f2": 2}},
    ]
    user = LabelledUser.model_validate(content)

    async def grades(*context: object) -> list[tuple[str, tuple[int, ...]]]:
        scored = await score_messages(FakeEmbedder(), [user], Context(*context))
        return [(one.message, one.grades) for one in scored]

    assert await grades("follow-ups", 1, 0.5) == [("m1", (2, 0))]
    [misled] = await score_messages(FakeEmbedder(), [user], Context("new-topics", 1, 0.5))
    [alone] = await score_messages(FakeEmbedder(), [user], Context("new-topics", 0))
    assert (misled.message, alone.message) == ("m2", "m2")
    assert misled.scores[0] < alone.scores[0] == pytest.approx(0.707, abs=0.001)
