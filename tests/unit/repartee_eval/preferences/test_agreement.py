"""Only wins that survive the swap of the sides count, and only above the margin."""

from typing import Any, Literal

import pytest

from repartee_eval.preferences.agreement import agreement
from repartee_eval.verdict_rows import Verdict, VerdictRow


def rows(criterion: str, first_a: Verdict, first_b: Verdict, **fields: Any) -> list[VerdictRow]:
    """Return the verdicts of both orders."""
    shared: dict[str, Any] = {
        "item": "i",
        "cluster": "c",
        "criterion": criterion,
        "model_a": "old",
        "model_b": "new",
        **fields,
    }
    orders: tuple[tuple[Literal["a", "b"], Verdict], ...] = (("a", first_a), ("b", first_b))
    return [VerdictRow(first=first, verdict=verdict, **shared) for first, verdict in orders]


def test_a_consistent_win_counts_with_its_judges_criteria_and_orders() -> None:
    won = agreement(rows("voice", "b", "b", judge="j1") + rows("scene", "b", "b", judge="j2"), 0.7)
    assert (won.winner, won.p, won.margin) == ("b", 1.0, 1.0)
    assert (won.judges, won.criteria, won.orders) == (("j1", "j2"), ("scene", "voice"), ("ab", "ba"))


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        (rows("voice", "a", "b"), "tie_or_flip"),
        (rows("voice", "a", "tie"), "tie_or_flip"),
        (rows("voice", "tie", "tie"), "tie_or_flip"),
        (rows("voice", "b", "b")[:1], "one_order_only"),
        (rows("voice", "failed", "b"), "judge_failed"),
        (rows("voice", "b", "b") + rows("scene", "a", "a") + rows("pace", "b", "b"), "below_margin"),
        (rows("voice", "not_applicable", "not_applicable"), "not_judged"),
        ([], "not_judged"),
    ],
)
def test_what_is_no_win_says_why(verdicts: list[VerdictRow], reason: str) -> None:
    assert agreement(verdicts, 0.7).reason == reason
    assert agreement(verdicts, 0.7).winner is None


def test_a_flip_beside_two_wins_lowers_the_margin() -> None:
    won = agreement(rows("voice", "a", "a") + rows("scene", "a", "a") + rows("pace", "a", "b"), 0.7)
    assert won.winner == "a"
    assert won.p == pytest.approx(5 / 6)


def test_the_judges_probability_is_used_where_there_is_one() -> None:
    verdicts = rows("voice", "b", "b", p_b=0.62)
    assert agreement(verdicts, 0.7).reason == "below_margin"
    assert agreement(verdicts, 0.6).p == pytest.approx(0.62)
