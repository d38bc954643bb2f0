from dataclasses import replace

import pytest

from repartee_eval.cases import Case
from repartee_eval.judges.offline_judge import offline_verdict
from repartee_eval.judges.pairwise import pairwise_questions
from repartee_eval.judges.probes import Probe, probe_accuracy, probes_of
from repartee_eval.judges.question import offline_judge
from repartee_eval.judges.rows import rows_of
from repartee_eval.judges.verdict_reading import read_verdict
from repartee_eval.verdict_rows import VerdictRow
from tests.unit.repartee_eval.judges.judging import (
    CRITERIA,
    GOOD,
    PROMPTS,
    character,
    reply_case,
    window_case,
)


def other_case() -> Case:
    timur = {
        "character_id": "timur",
        "character": character("timur"),
        "id": "case-2",
        "cluster": "dialogue-2",
    }
    return reply_case(a="*подливает чай* Садись, айда к теплу, поезд подождёт.").model_copy(update=timur)


def by_kind(probes: list[Probe]) -> dict[str, Probe]:
    return {probe.kind: probe for probe in probes if probe.case.character_id == "vera"}


def broken(probe: Probe) -> str:
    return probe.case.b.messages[-1].text


def test_each_kind_breaks_the_real_reply_in_its_own_way() -> None:
    probes = by_kind(probes_of([reply_case(), other_case()]))
    assert set(probes) == {"off_language", "other_character", "flattery", "assistant", "shuffled"}
    assert all(probe.case.a == reply_case().a for probe in probes.values())
    assert broken(probes["other_character"]) == other_case().a.messages[0].text
    assert broken(probes["off_language"]).isascii()
    assert (
        sorted(broken(probes["shuffled"]).split())
        == sorted(GOOD.split())
        != broken(probes["shuffled"]).split()
    )
    assert probes["flattery"].case.b.model == "probe:flattery"


def test_ids_differ_by_kind_and_are_the_same_for_the_same_seed() -> None:
    probes = probes_of([reply_case(), other_case()], seed=3)
    assert len({probe.case.id for probe in probes}) == len(probes) == 10
    assert probes == probes_of([reply_case(), other_case()], seed=3)


def test_what_cannot_be_broken_in_a_way_is_left_out() -> None:
    assert "other_character" not in {probe.kind for probe in probes_of([reply_case()])}
    assert "shuffled" not in {probe.kind for probe in probes_of([reply_case(a="Сняли кота.")])}


def test_a_window_keeps_its_users_turns() -> None:
    (probe,) = probes_of([window_case()], kinds=("assistant",))
    assert probe.case.b.messages[:3] == window_case().a.messages[:3]
    assert "языковая модель" in broken(probe)


def test_accuracy_counts_orders_and_leaves_failures_out() -> None:
    (probe,) = probes_of([reply_case()], kinds=("flattery",))
    row = VerdictRow(probe.case.id, "c", "engagement", "x", "y", "a", "a", judge="j")
    rows = [
        row,
        replace(row, first="b", verdict="b"),
        replace(row, verdict="failed", replicate=1),
        replace(row, item="?"),
    ]
    (found,) = probe_accuracy([probe], rows)
    assert (found.n, found.right, found.failed, found.accuracy, found.both_right) == (2, 1, 1, 0.5, 0.0)
    (none,) = probe_accuracy([probe], [replace(row, verdict="failed")])
    assert (none.accuracy, none.both_right) == (None, None)


@pytest.mark.parametrize("kind", ["off_language", "assistant"])
def test_the_baseline_passes_the_probes_that_its_features_see(kind: str) -> None:
    probes = [probe for probe in probes_of([reply_case(), other_case()]) if probe.kind == kind]
    rows = [
        row
        for probe in probes
        for asked in pairwise_questions(probe.case, CRITERIA[:1], offline_judge(), PROMPTS)
        for row in rows_of(asked, probe.case, read_verdict(asked, offline_verdict(asked, probe.case)), None)
    ]
    (found,) = probe_accuracy(probes, rows)
    assert (found.n, found.accuracy, found.both_right) == (4, 1.0, 1.0)
