import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee_eval.retrieval import Resampling, ScoredMessage
from repartee_eval.retrieval_data import LabelledUser
from repartee_eval.sweep import (
    CurvePoint,
    Goal,
    SweepError,
    choose,
    curve,
    curves,
    parse_goal,
    require_both_splits,
    require_enough_facts,
    sweep,
)
from tests.unit.repartee_eval.labelled import labelled

QUICK = Resampling(resamples=100)
POINTS = [
    CurvePoint(0.1, precision=0.3, recall=0.9, f1=0.45, fpr=0.8),
    CurvePoint(0.2, precision=0.5, recall=0.6, f1=0.55, fpr=0.3),
    CurvePoint(0.3, precision=0.5, recall=0.6, f1=0.55, fpr=0.1),
    CurvePoint(0.4, precision=0.9, recall=0.2, f1=0.33, fpr=0.0),
    CurvePoint(0.5, precision=None, recall=0.0, f1=0.0, fpr=0.0),
]


def message(score: float, grade: int, split: str = "tune", user: str = "ann") -> ScoredMessage:
    return ScoredMessage(user, "en", split, "m", (score,), (grade,))


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("max-f1", Goal("max-f1")),
        ("precision>=0.5", Goal("precision", 0.5)),
        (" precision >= .5 ", Goal("precision", 0.5)),
        ("fpr<=0", Goal("fpr", 0.0)),
        ("fpr<=1.0", Goal("fpr", 1.0)),
        ("fpr<=0.1@200", Goal("fpr", 0.1, 200)),
        ("fpr <= 0.1 @ 5", Goal("fpr", 0.1, 5)),
    ],
)
def test_goals_are_read_and_written(text: str, goal: Goal):
    assert parse_goal(text) == goal
    assert parse_goal(str(goal)) == goal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f1",
        "precision<=0.5",
        "fpr>=0.1",
        "fpr<=1.1",
        "precision>=",
        "fpr<=-0",
        "fpr<=0.1@",
        "fpr<=0.1@0",
        "precision>=0.1@9",
    ],
)
def test_what_is_no_goal_is_refused(text: str):
    with pytest.raises(ValueError, match="is none of"):
        parse_goal(text)


@pytest.mark.parametrize(
    ("goal", "threshold"),
    [
        ("max-f1", 0.3),  # 0.2 is as good; the higher one uses fewer facts
        ("precision>=0.5", 0.3),  # 0.4 is more precise, but finds less
        ("precision>=0.6", 0.4),
        ("precision>=0.95", None),  # where nothing is used, precision is undefined, not 1
        ("fpr<=0.1", 0.3),
        ("fpr<=0.05", 0.4),
        ("fpr<=1", 0.1),
    ],
)
def test_the_threshold_serves_its_goal(goal: str, threshold: float | None):
    assert choose(POINTS, parse_goal(goal)) == threshold


def test_the_curve_counts_scores_above_each_threshold():
    points = {point.threshold: point for point in curve([message(0.5, 1), message(0.2, 0)], limit=3)}
    assert points[0.1] == CurvePoint(0.1, precision=0.5, recall=1.0, f1=pytest.approx(2 / 3), fpr=1.0)
    assert points[0.2] == CurvePoint(0.2, precision=1.0, recall=1.0, f1=1.0, fpr=0.0)
    assert points[0.5] == CurvePoint(0.5, precision=None, recall=0.0, f1=0.0, fpr=0.0)


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 2)), min_size=1, max_size=8))
def test_recall_and_false_positives_only_fall_with_the_threshold(labelled):
    points = curve([message(score, grade) for score, grade in labelled], limit=3)
    for field in ("recall", "fpr"):
        values = [getattr(point, field) for point in points if getattr(point, field) is not None]
        assert values == sorted(values, reverse=True)


def test_thresholds_are_chosen_on_tune_alone_and_reported_on_test():
    tune = [message(0.6, 1, user="ann"), message(0.4, 0, user="ben")]
    test = [message(0.3, 1, "test", "cat"), message(0.9, 0, "test", "dan")]
    chosen = sweep([*test, *tune], [Goal("max-f1")], 3, QUICK)[0]
    assert chosen.threshold == 0.595  # the highest on the grid that still finds 0.6
    assert chosen.tune.measures["F1"].value == 1.0
    assert chosen.test.measures["F1"].value == 0.0
    assert chosen.test.users == ("cat", "dan")


def test_a_goal_that_nothing_meets_is_reported_as_such():
    messages = [message(0.6, 1), message(0.9, 0), message(0.6, 1, "test", "ben")]
    chosen = sweep(messages, [Goal("precision", 0.9)], 3, QUICK)[0]
    assert (chosen.threshold, chosen.tune, chosen.test) == (None, None, None)


@pytest.mark.parametrize(("given_split", "missing"), [("tune", "test"), ("test", "tune")])
def test_a_language_without_one_of_the_splits_is_refused(given_split: str, missing: str):
    with pytest.raises(SweepError, match=f"en has no {missing} messages"):
        require_both_splits([message(0.5, 1, given_split)])


def test_there_is_a_curve_for_what_there_is():
    assert [(one.language, one.split) for one in curves([message(0.5, 1)], 3)] == [("en", "tune")]


def many(scores: tuple[float, ...], split: str, user: str) -> ScoredMessage:
    """Return a message that needs none of its user's facts."""
    return ScoredMessage(user, "en", split, "m", scores, (0,) * len(scores))


def test_a_goal_for_n_facts_bounds_what_a_user_with_so_many_would_get():
    messages = [
        made
        for split, user in (("tune", "ann"), ("test", "ben"))
        for made in (
            message(0.3, 1, split, user),
            message(0.6, 1, split, user),
            many((0.8, 0.5, 0.2, 0.1), split, user),
        )
    ]
    plain, of_one, of_two = sweep(
        messages, [Goal("fpr", 0.5), Goal("fpr", 0.5, 1), Goal("fpr", 0.5, 2)], 3, QUICK
    )
    assert plain.threshold == 1.0  # any fact above counts, so only 0.8 and more will do, where recall is 0
    assert of_one.threshold == 0.295  # from 0.2 on two of four are above: one drawn is one of them with 1/2
    assert of_two.threshold == 0.595  # from 0.5 on one of four is above: it is among two drawn with 1/2
    assert (of_one.tune.measures["FPR@1"].value, of_two.test.measures["FPR@2"].value) == (0.5, 0.5)
    assert "FPR@2" not in of_one.tune.measures


def test_users_with_fewer_facts_say_nothing_about_more():
    point = curve([many((0.8, 0.5), "tune", "ann"), many((0.8, 0.1, 0.1), "tune", "ben")], 3, 3)[60]
    assert (point.threshold, point.fpr) == (0.3, 1.0)
    assert curve([many((0.8, 0.5), "tune", "ann")], 3, 3)[60].fpr is None


def test_more_facts_than_anyone_has_are_refused_with_the_largest_user():
    users = [
        LabelledUser.model_validate(labelled("ann", "tune")),
        LabelledUser.model_validate(labelled("ben", "test")),
    ]
    require_enough_facts(users, [Goal("max-f1"), Goal("fpr", 0.1, 3)])
    with pytest.raises(SweepError, match=r"fpr<=0\.1@4: the largest en user to tune on, ann, has 3 facts"):
        require_enough_facts(users, [Goal("fpr", 0.1, 4)])
