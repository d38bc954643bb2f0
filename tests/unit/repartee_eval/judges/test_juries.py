from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee_eval.errors import EvalError
from repartee_eval.judges.juries import agreement, consistency, jury
from repartee_eval.verdict_rows import Verdict, VerdictRow

ROW = VerdictRow("i", "c", "engagement", "x", "y", "a", "a", judge="j1", cost=0.1, latency=1.0)


def votes(*verdicts: Verdict, p_b: tuple[float | None, ...] = ()) -> list[VerdictRow]:
    shares = p_b or (None,) * len(verdicts)
    return [
        replace(ROW, verdict=verdict, p_b=share, judge=f"j{number}", latency=float(number))
        for number, (verdict, share) in enumerate(zip(verdicts, shares, strict=True), start=1)
    ]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (("a", "a", "b"), "a"),
        (("b", "tie", "b"), "b"),
        (("a", "b"), "tie"),
        (("a", "b", "tie"), "tie"),
        (("tie", "tie", "b"), "tie"),
        (("b", "b", "failed"), "b"),
        (("b", "failed", "failed"), "failed"),
        (("b", "not_applicable", "not_applicable"), "not_applicable"),
    ],
)
def test_the_majority_decides(verdicts: tuple[Verdict, ...], expected: Verdict) -> None:
    (decided,) = jury(votes(*verdicts))
    assert decided.row.verdict == expected
    assert (decided.row.failure is not None) == (expected == "failed")


def test_the_mean_probability_decides_outside_the_tie_band() -> None:
    (decided,) = jury(votes("b", "a", "b", p_b=(0.9, 0.45, None)), "mean_p")
    assert decided.row.p_b == pytest.approx((0.9 + 0.45 + 1.0) / 3)
    assert decided.row.verdict == "b"
    assert jury(votes("a", "b", p_b=(0.45, 0.7)), "mean_p")[0].row.verdict == "tie"
    assert jury(votes("a", "b", p_b=(0.1, 0.6)), "mean_p")[0].row.verdict == "a"


def test_a_jury_is_named_and_its_price_is_the_sum() -> None:
    (decided,) = jury(votes("a", "a", "b"))
    assert decided.row.judge == "jury(majority): j1 + j2 + j3"
    assert decided.row.cost == pytest.approx(0.3)
    assert decided.row.latency == 3.0
    assert decided.row.reason == "j1: a; j2: a; j3: b"
    assert decided.agreement == pytest.approx(1 / 3)
    assert decided.votes == (("j1", "a"), ("j2", "a"), ("j3", "b"))


def test_orders_and_replicates_are_voted_on_apart() -> None:
    rows = [
        replace(row, first=first, replicate=n)
        for row in votes("a", "a")
        for first in ("a", "b")
        for n in (0, 1)
    ]
    assert len(jury(rows)) == 4


def test_a_jury_without_a_quorum_fails_as_most_of_its_judges_did() -> None:
    one, two, three = votes("failed", "failed", "b")
    rows = [replace(one, failure="timeout"), replace(two, failure="timeout"), three]
    assert jury(rows)[0].row.failure == "timeout"
    assert jury(votes("b"))[0].row.failure == "unparseable"


def test_nobody_votes_twice() -> None:
    with pytest.raises(EvalError, match="voted twice"):
        jury([ROW, ROW])


def test_consistency_is_the_share_of_pairs_of_repeats_that_agree() -> None:
    repeats = [replace(ROW, replicate=n, verdict=v) for n, v in enumerate(("a", "a", "b"))]
    other = [replace(ROW, replicate=n, item="k") for n in range(2)]
    once = [replace(ROW, judge="j2")]
    failed = [replace(ROW, judge="j2", replicate=1, verdict="failed")]
    first, second = consistency([*repeats, *other, *once, *failed])
    assert (first.judge, first.groups, first.agreement) == ("j1", 2, pytest.approx((1 / 3 + 1) / 2))
    assert (second.judge, second.groups, second.agreement) == ("j2", 0, None)


@given(st.lists(st.sampled_from(["a", "b", "tie"]), max_size=8))
def test_agreement_is_a_share_and_whole_only_when_unanimous(verdicts: list[Verdict]) -> None:
    share = agreement(verdicts)
    assert (share is None) == (len(verdicts) < 2)
    assert share is None or (share == 1.0) == (len(set(verdicts)) == 1)
