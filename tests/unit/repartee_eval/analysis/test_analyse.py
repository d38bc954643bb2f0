import csv
import json
import random
import warnings
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee_eval.analysis import AnalysisOptions, analyse, win_rates_by
from repartee_eval.errors import EvalError
from repartee_eval.reports.analysis import as_json, tables
from repartee_eval.verdict_rows import LabelRow, VerdictRow

LLMFAO = Path(__file__).resolve().parents[4].parent / "shared" / "data" / "llmfao"
SIDES = {"left": "a", "right": "b", "tie": "tie"}
FAST = AnalysisOptions(resamples=0)


def row(item, verdict, first=None, a="old", b="new", **more):
    return VerdictRow(
        str(item), more.pop("cluster", ""), more.pop("criterion", ""), a, b, first, verdict, **more
    )


def one_rate(rows, options=FAST):
    (rate,) = analyse(rows, (), options).win_rates
    return rate


def mirrored(one):
    other = {"a": "b", "b": "a"}
    return replace(
        one,
        model_a=one.model_b,
        model_b=one.model_a,
        first=other.get(one.first),
        verdict=other.get(one.verdict, one.verdict),
        p_b=None if one.p_b is None else 1 - one.p_b,
        len_a=one.len_b,
        len_b=one.len_a,
    )


# --- Win rates ----------------------------------------------------------------------------------------


def test_counts_add_up_and_the_rate_is_wins_and_half_of_ties_and_flips():
    rows = [row(n, "b", side) for n in range(4) for side in "ab"]
    rows += [row(4, "a", "a"), row(4, "b", "b"), row(5, "tie", "a"), row(5, "tie", "b")]
    rows += [row(6, "a", "a"), row(6, "failed", "b"), row(7, "failed", "a"), row(8, "not_applicable", "a")]
    rate = one_rate(rows)
    assert (rate.wins_b, rate.wins_a, rate.ties, rate.flips) == (4, 1, 1, 1)
    assert (rate.failed, rate.not_applicable, rate.unjudged, rate.items) == (2, 1, 2, 7)
    assert rate.win_rate_b == pytest.approx((4 + 1) / 7)
    assert rate.rows.win_rate_b == pytest.approx((9 + 1) / 13)  # row by row: 9 for B, 2 ties of 13


def test_rows_of_both_ways_round_are_one_pair():
    rows = [row(n, "b", "a") for n in range(5)] + [
        row(5, "a", "a"),
        mirrored(row(6, "b", "b")),
        mirrored(row(7, "tie")),
    ]
    rate = one_rate(rows)
    assert (rate.model_a, rate.model_b) == ("old", "new")
    assert (rate.wins_b, rate.wins_a, rate.ties) == (6, 1, 1)


def test_a_failed_call_is_no_tie_and_no_loss():
    rows = [row(n, "b" if n % 3 else "a") for n in range(30)]
    failed = [row(30 + n, "failed", failure="timeout") for n in range(20)]
    assert one_rate(rows + failed).win_rate_b == one_rate(rows).win_rate_b


def test_holm_is_over_the_criteria_of_a_pair():
    rows = [row(n, "b" if n % 5 else "a", criterion=name) for n in range(60) for name in ("x", "y", "z")]
    rates = analyse(rows, (), FAST).win_rates
    assert [rate.criterion for rate in rates] == ["x", "y", "z"]
    assert [rate.p_holm for rate in rates] == pytest.approx([3 * rate.p_value for rate in rates])
    assert all(rate.superior and rate.non_inferior for rate in rates)


def test_two_alike_models_are_non_inferior_with_enough_items_only():
    few = one_rate([row(n, "ab"[n % 2]) for n in range(40)])
    many = one_rate([row(n, "ab"[n % 2]) for n in range(4_000)])
    assert (few.non_inferior, many.non_inferior) == (False, True)
    assert not many.superior
    assert not many.inferior


def test_clusters_are_dialogues_or_characters_on_request():
    rows = [
        row(n, "b" if n % 12 < 7 else "a", cluster=str(n // 2), character=str(n // 12)) for n in range(60)
    ]
    by_character = one_rate(rows, AnalysisOptions(cluster="character", resamples=0))
    assert (one_rate(rows).clusters, by_character.clusters) == (30, 5)


def test_probabilities_are_the_score_on_request_and_shown_beside_otherwise():
    rows = [row(n, "b" if p > 0.5 else "a", p_b=p) for n, p in enumerate([0.9, 0.8, 0.55, 0.1])]
    weighted = one_rate(rows, AnalysisOptions(score="probability"))
    assert weighted.win_rate_b == pytest.approx(0.5875)
    assert weighted.se == pytest.approx(np.std([0.9, 0.8, 0.55, 0.1], ddof=1) / 2)
    assert weighted.discrete_win_rate_b == 0.75
    discrete = one_rate(rows)
    assert (discrete.win_rate_b, discrete.probability_win_rate_b.value) == (0.75, pytest.approx(0.5875))


def test_length_is_controlled_where_lengths_are_known():
    rnd = random.Random(4)
    rows = []
    for n in range(300):
        longer = rnd.random() < 0.8  # B is longer, and the longer one wins
        rows.append(
            row(n, "b" if (rnd.random() < 0.85) == longer else "a", len_a=100, len_b=200 if longer else 50)
        )
    rate = one_rate(rows)
    assert rate.length.win_rate_b.value < rate.win_rate_b - 0.05
    bias = analyse(rows, (), FAST).bias
    assert bias.prefers_longer.value > 0.8
    assert any(flag.startswith("length: prefers the longer") for flag in bias.flags)


def test_a_row_written_the_other_way_round_brings_its_numbers_along():
    rows = [row(n, "b", "a", p_b=0.9, len_a=10, len_b=30) for n in range(3)]
    rows += [mirrored(row(n, "b", "a", p_b=0.8, len_a=10, len_b=30)) for n in range(3, 5)]
    found = analyse(rows, (), FAST)
    (rate,) = found.win_rates
    assert rate.probability_win_rate_b.value == pytest.approx((3 * 0.9 + 2 * 0.8) / 5)
    assert rate.length.mean_difference == 20
    assert (found.bias.prefers_longer.value, found.bias.first_share) == (1.0, 0.0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 12),
            st.sampled_from(["a", "b", "tie", "failed"]), st.sampled_from(["a", "b", None]),
            st.integers(0, 1),
        ),
        min_size=1,
        max_size=30,
    )
)  # fmt: skip
def test_exchanging_the_models_mirrors_everything(cells):
    rows = [row(item, verdict, first, judge=f"j{judge}") for item, verdict, first, judge in cells]
    found, other = analyse(rows, (), FAST), analyse([mirrored(one) for one in rows], (), FAST)
    (rate,), (back,) = found.win_rates, other.win_rates
    assert (rate.wins_a, rate.wins_b, rate.ties, rate.flips) == (
        back.wins_b,
        back.wins_a,
        back.ties,
        back.flips,
    )
    if rate.items:
        assert rate.win_rate_b == pytest.approx(1 - back.win_rate_b)
        assert rate.interval == pytest.approx((1 - back.interval[1], 1 - back.interval[0]))
        assert rate.lower == pytest.approx(1 - back.upper)
    assert found.bias.first_share == other.bias.first_share
    assert found.order.consistency == other.order.consistency
    for method in found.rankings:
        scores = ({one.model: one.score for one in which.rankings[method]} for which in (found, other))
        assert next(scores) == pytest.approx(next(scores), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_rows_matters_for_elo_only(seed):
    rnd = random.Random(seed)
    rows = [
        row(n % 20, "ab"[rnd.random() < 0.6], "ab"[n % 2], judge=str(n % 3), cluster=str(n % 20 // 2))
        for n in range(100)
    ]
    one, other = analyse(rows, (), FAST), analyse(rnd.sample(rows, len(rows)), (), FAST)
    (rate,), (same,) = one.win_rates, other.win_rates
    assert (rate.wins_a, rate.wins_b, rate.ties, rate.flips) == (
        same.wins_a,
        same.wins_b,
        same.ties,
        same.flips,
    )
    assert rate.interval == pytest.approx(same.interval)
    assert one.order.consistency == pytest.approx(other.order.consistency)
    assert one.bias.first.interval == pytest.approx(other.bias.first.interval)
    assert one.agreement.alpha == pytest.approx(other.agreement.alpha)


# --- Judges and labels --------------------------------------------------------------------------------


def test_a_label_is_written_as_the_rows_of_its_item():
    rows = [mirrored(row(1, "b")), row(2, "b"), row(3, "b")]  # item 1 is written (new, old), verdict a
    labels = [LabelRow("1", "", "p", "a"), LabelRow("2", "", "p", "b"), LabelRow("3", "", "p", "a")]
    quality = analyse(rows, labels, FAST).judge_quality
    assert (quality.n, quality.accuracy) == (3, pytest.approx(2 / 3))


def test_labels_without_models_on_items_of_several_pairs_are_left_out_with_a_note():
    rows = [row(1, "b"), row(1, "b", b="newer")]
    found = analyse(rows, [LabelRow("1", "", "p", "b")], FAST)
    assert found.judge_quality.n == 0
    assert any("model_a and model_b" in note for note in found.notes)
    named = analyse(rows, [LabelRow("1", "", "p", "a", "newer", "old")], FAST)
    assert (named.judge_quality.n, named.judge_quality.accuracy) == (1, 1.0)


def test_accuracies_of_both_orders():
    # right in both, right then tie, right then wrong, wrong in both
    verdicts = {1: "aa", 2: "at", 3: "ab", 4: "bb"}
    rows = [
        row(item, {"t": "tie"}.get(one, one), side)
        for item, pair in verdicts.items()
        for side, one in zip("ab", pair, strict=True)
    ]
    order = analyse(rows, [LabelRow(str(item), "", "p", "a") for item in verdicts], FAST).order
    assert (order.n, order.consistency, order.flip_rate, order.reversal_rate) == (4, 0.5, 0.5, 0.25)
    assert (order.accuracy_first_a, order.accuracy_first_b) == (0.75, 0.25)
    assert (order.accuracy_both, order.accuracy_mean, order.accuracy_counter) == (0.25, 0.5, 0.5)


def test_several_judges_are_a_jury_and_each_by_itself():
    rows = [
        row(n, verdict, judge=name)
        for n in range(10)
        for name, verdict in (("x", "b"), ("y", "b"), ("z", "a"))
    ]
    found = analyse(rows, (), FAST)
    assert found.win_rates[0].wins_b == 10
    assert {one.judge: one.win_rates[0].wins_b for one in found.judges} == {"x": 10, "y": 10, "z": 0}
    assert found.agreement.of == "judges"
    assert found.agreement.judges_pair_agreement == pytest.approx(1 / 3)


def test_a_judge_that_takes_the_first_answer_is_flagged_and_a_fair_one_is_not():
    rnd = random.Random(2)
    biased = [
        row(n, side if rnd.random() < 0.7 else "ab"[side == "a"], side) for n in range(200) for side in "ab"
    ]
    fair = [row(n, "b" if n % 10 < 6 else "a", side) for n in range(200) for side in "ab"]
    assert any(
        flag.startswith("position: prefers the answer shown first")
        for flag in analyse(biased, (), FAST).bias.flags
    )
    assert analyse(fair, (), FAST).bias.flags == ()


def test_a_judge_that_prefers_its_family_over_the_labels_is_flagged():
    rows = [row(n, "b", "ab"[n % 2], a="claude-3", b="GPT 4", judge="openai/gpt-4o") for n in range(60)]
    labels = [LabelRow(str(n), "", "p", "ab"[n % 2]) for n in range(60)]
    (own,) = analyse(rows, labels, FAST).bias.self_preference
    assert (own.family, own.win_rate.value) == ("gpt", 1.0)
    assert own.excess.value == pytest.approx(0.5)
    assert any("self-preference" in flag for flag in analyse(rows, labels, FAST).bias.flags)


def test_win_rates_are_corrected_with_the_labels():
    rnd = random.Random(6)
    truth = ["b" if rnd.random() < 0.6 else "a" for _ in range(900)]
    wrong = {"a": "b", "b": "a"}
    rows = [
        row(n, one if rnd.random() < (0.9 if one == "b" else 0.6) else wrong[one])
        for n, one in enumerate(truth)
    ]
    (found,) = analyse(
        rows, [LabelRow(str(n), "", "p", one) for n, one in enumerate(truth[:300])], FAST
    ).corrected
    assert (found.labelled, found.raw > 0.66) == (300, True)
    for one in (found.rogan_gladen, found.ppi):
        assert one.interval[0] < 0.6 < one.interval[1]
        assert abs(one.value - 0.6) < abs(found.raw - 0.6)


# --- The shape of the result, and data that say little ------------------------------------------------

DEGENERATE = {
    "no rows": [],
    "one row": [row(1, "b")],
    "all failed": [row(n, "failed", "a") for n in range(5)],
    "all ties": [row(n, "tie", side) for n in range(30) for side in "ab"],
    "all wins": [row(n, "b", side, len_a=1, len_b=2) for n in range(30) for side in "ab"],
    "one cluster": [row(n, "ab"[n % 2], "a", cluster="c") for n in range(30)],
    "one model": [row(n, "a", a="m", b="m") for n in range(3)],
    "three models in a chain": [row(1, "b", a="x", b="y"), row(2, "b", a="y", b="z")],
    "names": [row("ряд ☃", "b", a="модель,\n1", b="モデル\x1b[31m", judge="суд")],
    "no order, two judges": [row(1, "b", judge="x"), row(1, "tie", judge="y"), row(2, "not_applicable")],
}


@pytest.mark.parametrize("rows", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("labels", [(), (LabelRow("1", "", "p", "b"), LabelRow("9", "", "q", "tie"))])
def test_data_that_say_little_give_nulls_and_notes(rows, labels):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = analyse(rows, labels)
    json.dumps(asdict(found), allow_nan=False)  # raises for NaN
    content = json.loads(as_json(found))
    assert content["n"] == len(rows)
    assert content["notes"]
    for rate in found.win_rates:
        if rate.interval:
            assert rate.interval[0] < rate.interval[1]
    assert isinstance(tables(found), list)


def test_json_has_the_promised_fields():
    content = json.loads(as_json(analyse([row(n, "ab"[n % 2], "a") for n in range(8)], (), FAST)))
    assert {"n", "failed", "win_rates", "rankings", "judge_quality", "order", "bias", "agreement"} <= set(
        content
    )
    rate = content["win_rates"][0]
    assert {
        "criterion", "model_a", "model_b", "wins_a", "wins_b", "ties", "failed",
        "win_rate_b", "se", "interval",
        "clusters",
    } <= set(rate)  # fmt: skip
    assert len(rate["interval"]) == 2
    assert set(content["rankings"]["bradley_terry"][0]) >= {"model", "score"}
    assert {"n", "accuracy", "precision", "recall", "f1", "kappa", "decisive_accuracy"} <= set(
        content["judge_quality"]
    )
    assert {"consistency", "accuracy_first_a", "accuracy_first_b", "accuracy_both"} <= set(content["order"])
    assert {"first_share", "flags"} <= set(content["bias"])
    assert content["agreement"]["alpha"] is None


def test_options_that_mean_nothing_are_refused():
    for wrong in ({"margin": 0.5}, {"level": 1.0}, {"seed": -1}):
        with pytest.raises(EvalError):
            AnalysisOptions(**wrong)


def test_parts_have_their_own_win_rates():
    rows = [row(n, "b" if n % 4 else "a", character="Mia" if n < 20 else "Ada") for n in range(40)] + [
        row(99, "a")
    ]
    parts = win_rates_by("character", rows)
    assert list(parts) == ["Ada", "Mia"]
    assert parts["Mia"][0].items == 20


def test_the_same_seed_gives_the_same_analysis():
    rnd = random.Random(1)
    rows = [row(n, rnd.choice(["a", "b", "tie"]), a=f"m{n % 3}", b=f"m{(n + 1) % 3}") for n in range(90)]
    options = AnalysisOptions(resamples=100, seed=5)
    assert asdict(analyse(rows, (), options)) == asdict(analyse(rows, (), options))
    assert analyse(rows, (), options).rank_sets.models[0].best == 1


# --- Published numbers --------------------------------------------------------------------------------

needs_llmfao = pytest.mark.skipif(
    not LLMFAO.is_dir(), reason="the LLMFAO votes are not beside the repository"
)


def votes(name, judge=""):
    with (LLMFAO / name).open(encoding="utf-8", newline="") as file:
        return [
            VerdictRow(one["id"], "", "", one["left"], one["right"], "a", SIDES[one["winner"]], judge=judge)
            for one in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def crowd():
    with (LLMFAO / "crowd-comparisons.csv").open(encoding="utf-8", newline="") as file:
        return [LabelRow(one["id"], "", one["worker"], SIDES[one["winner"]]) for one in csv.DictReader(file)]


@needs_llmfao
def test_every_ranking_of_the_crowd_is_the_published_one():
    found = analyse(votes("crowd-comparisons.csv"), (), FAST)
    with (LLMFAO / "golden-rankings.csv").open(encoding="utf-8", newline="") as file:
        golden = {(one["algorithm"], one["item"]): float(one["score"]) for one in csv.DictReader(file)}
    close = {"average_win_rate": 1e-12, "counting": 1e-12, "elo": 1e-12, "bradley_terry": 3e-8}
    for method, ranked in found.rankings.items():
        for one in ranked:
            assert one.score == pytest.approx(golden[method, one.model], rel=close.get(method, 1e-6))
    assert Counter(method for method, _ in golden) == {
        method: len(one) for method, one in found.rankings.items()
    }
    assert found.n == 8_931


@needs_llmfao
@pytest.mark.parametrize(
    ("judge", "measures", "decisive", "first", "flagged"),
    [
        ("gpt4", (0.4462, 0.5312, 0.5079, 0.3980, 0.2181), (0.7459, 1_043), 0.4549, False),
        ("gpt3", (0.3774, 0.4047, 0.4127, 0.3460, 0.1015), (0.6313, 971), 0.6951, True),
    ],
)
def test_judges_are_as_good_as_published(crowd, judge, measures, decisive, first, flagged):
    found = analyse(votes(f"{judge}-crowd-comparisons.csv", judge), crowd, FAST)
    quality = found.judge_quality
    assert quality.n == 1_831
    assert (quality.accuracy, quality.precision, quality.recall, quality.f1, quality.kappa) == pytest.approx(
        measures, abs=5e-5
    )
    assert (round(quality.decisive_accuracy, 4), quality.decisive_n) == decisive
    assert found.bias.first_share == pytest.approx(first, abs=5e-5)
    assert any(flag.startswith("position") for flag in found.bias.flags) == flagged
    assert found.agreement.alpha == pytest.approx(0.290595, abs=5e-7)
    assert found.agreement.annotators_pair_agreement == pytest.approx(0.53223, abs=5e-6)
    assert (found.agreement.annotators_pairs, found.agreement.raters) == (15_112, 124)
