from dataclasses import replace

import pytest

from repartee.application.add_facts import AddFacts, NewFact
from repartee.application.retrieve_facts import Question, RetrievalPolicy, RetrieveFacts
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.fact import TenantScope
from repartee.domain.ranking import RankingRules
from repartee_eval.reranking import RerankedMessage, Rules, compare, compare_groups, rerank_messages
from repartee_eval.retrieval import Resampling, ScoredMessage, score_messages
from repartee_eval.retrieval_data import LabelledUser
from tests.fakes import FakeEmbedder, FakeFactStore, FakeReranker, FakeTelemetry
from tests.unit.repartee_eval.labelled import labelled

QUICK = Resampling(resamples=100)


def message(
    grades: tuple[int, ...], relevances: tuple[float, ...], scores=(0.9, 0.7, 0.5, 0.3), **said: str
) -> RerankedMessage:
    about = {"user": "ann", "language": "en", "split": "tune", "message": "m", **said}
    dense = ScoredMessage(**about, scores=scores, grades=grades, facts=("f1", "f2", "f3", "f4"))
    return RerankedMessage(dense, relevances)


async def test_the_reranker_reads_the_message_with_its_nearest_facts():
    user, reranker = LabelledUser.model_validate(labelled()), FakeReranker()
    scored = await score_messages(FakeEmbedder(), [user])
    reranked = await rerank_messages(reranker, [user], scored, 2)
    texts = {fact.id: fact.text for fact in user.facts}
    assert reranker.calls == [
        (said.text, tuple(texts[fact] for fact in one.facts[:2]))
        for said, one in zip(user.messages, scored, strict=True)
    ]
    assert [len(one.relevances) for one in reranked] == [2, 2, 2]


def test_reranked_facts_come_first_in_their_order_and_the_others_stay_behind():
    found = message((0, 1, 2, 0), (0.1, 0.2, 0.9)).reranked
    assert found.facts == ("f3", "f2", "f1", "f4")
    assert found.grades == (2, 1, 0, 0)
    assert found.scores == (0.5, 0.7, 0.9, 0.3)


def test_equal_relevances_leave_the_embedders_order():
    assert message((0, 0, 0, 0), (0.5, 0.5, 0.5, 0.6)).reranked.facts == ("f4", "f1", "f2", "f3")


def test_used_is_what_passes_both_thresholds():
    said = message((0, 1, 2, 1), (0.1, 0.8, 0.9, 0.7))
    assert (Rules(2, 0.4).counts(said).selected, Rules(2, 0.4).counts(said).correct) == (2, 2)
    assert (Rules(3, 0.4).counts(said).selected, Rules(3, 0.4).counts(said).correct) == (3, 2)
    assert Rules(3, 0.7).counts(said).selected == 1  # 0.7 is not above 0.7
    strict = replace(said, dense=replace(said.dense, threshold=0.7))
    assert Rules(3, None).counts(strict).selected == 1  # the embedder's own
    assert Rules(3, 0.0, 0.8).counts(said).selected == 1  # nor is 0.8 above 0.8
    assert Rules(3, 0.0, 0.8).counts(said).relevant == 3


def test_measures_of_both_orders_and_their_difference_worked_out_by_hand():
    better = message((0, 2, 0, 0), (0.1, 0.9, 0.2))  # the relevant fact from the second place to the first
    worse = message((1, 0, 0, 0), (0.1, 0.9, 0.2))  # from the first place to the third
    measures = compare([better, better, worse], "tune", Rules(1, 0.4), QUICK).measures
    mean = measures["MRR"]
    assert mean.dense.value == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert mean.reranked.value == pytest.approx((1 + 1 + 1 / 3) / 3)
    assert mean.difference.value == pytest.approx(mean.reranked.value - mean.dense.value)
    precision = measures["precision"]
    assert (precision.dense.value, precision.reranked.value) == (pytest.approx(1 / 3), pytest.approx(2 / 3))


def test_only_a_rerank_threshold_can_lower_false_positives():
    idle = message((0, 0, 0, 0), (0.1, 0.2, 0.3))
    without = compare([idle], "tune", Rules(3, 0.4), QUICK).measures["FPR"]
    assert (without.dense.value, without.reranked.value) == (1.0, 1.0)
    with_one = compare([idle], "tune", Rules(3, 0.4, 0.5), QUICK).measures["FPR"]
    assert (with_one.dense.value, with_one.reranked.value) == (1.0, 0.0)


def test_differences_are_paired_and_clustered_by_user():
    gains = [message((0, 2, 0, 0), (0.1, 0.9, 0.2), user=user) for user in ("ann", "ben")]
    stays = [message((2, 0, 0, 0), (0.9, 0.1, 0.2), user=user) for user in ("ann", "ben")]
    found = compare([*gains * 20, *stays * 20], "all", Rules(1, 0.0), QUICK).measures["MRR"].difference
    # half of the messages gain 1/2, the others nothing
    assert found.value == pytest.approx(0.25)
    assert 0.15 < found.low < 0.25 < found.high < 0.35
    assert found.clusters == 2


def test_groups_are_those_of_retrieval():
    messages = [
        message((1, 0, 0, 0), (0.5,), user="ru1", language="ru"),
        message((1, 0, 0, 0), (0.5,), user="en1"),
        message((1, 0, 0, 0), (0.5,), user="en2", split="test"),
    ]
    placed = [(row.language, row.split, row.users) for row in compare_groups(messages, Rules(3, 0.1), QUICK)]
    assert placed == [
        ("en", "tune", ("en1",)),
        ("en", "test", ("en2",)),
        ("en", "all", ("en1", "en2")),
        ("ru", "tune", ("ru1",)),
    ]


@pytest.mark.parametrize("least", [None, -23.5])
async def test_what_is_counted_is_what_the_service_would_use(least: float | None):
    user, embedder, store = LabelledUser.model_validate(labelled()), FakeEmbedder(), FakeFactStore()
    rules = RankingRules(drop_near_duplicates=False, rerank_threshold=least)
    policy = RetrievalPolicy(5.0, rules, rerank_candidates=2)
    scope, reranker = TenantScope("ann"), FakeReranker()
    service = RetrieveFacts(embedder, store, reranker, FakeTelemetry(), policy)
    await AddFacts(embedder, store, TenantLocks())(scope, [NewFact(text=fact.text) for fact in user.facts])
    grades = {fact.text: {m.id: m.relevant.get(fact.id, 0) for m in user.messages} for fact in user.facts}
    scored = await score_messages(embedder, [user])
    used = 0
    for said, one in zip(user.messages, await rerank_messages(reranker, [user], scored, 2), strict=True):
        for limit, threshold in ((1, 0.05), (2, 0.05), (2, 0.25)):
            found = await service(scope, Question(said.text), limit, threshold)
            counts = Rules(limit, threshold, least).counts(one)
            correct = sum(grades[fact.text][said.id] > 0 for fact in found.facts)
            assert (len(found.facts), correct) == (counts.selected, counts.correct)
            used += counts.selected
    assert used > 3
