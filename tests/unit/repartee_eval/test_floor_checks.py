from repartee_eval.derived import Derived, read_derived, write_derived
from repartee_eval.floor_checks import Flagged, floors_of
from repartee_eval.judges.reading import FlagReading
from tests.unit.repartee_eval.made_runs import flags_of, made_case


def flagged(side: str, subject: str, level: str | None) -> Flagged:
    readings = None if level is None else (FlagReading("hate", level),)  # type: ignore[arg-type]
    return Flagged(f"case-{subject}", side, subject, readings)  # type: ignore[arg-type]


def rates(found: list[Flagged]) -> dict[str, tuple[int, int, int, int]]:
    made = floors_of(found, ["hate"], 0.95)
    return {one.level: (one.a.hits, one.a.n, one.b.hits, one.b.n) for one in made}


def test_a_severe_hit_is_a_mild_one_too():
    found = [flagged("a", "1", "mild"), flagged("a", "2", "none"), flagged("b", "3", "severe")]
    assert rates(found) == {"mild": (1, 2, 1, 1), "severe": (0, 2, 1, 1)}


def test_equal_texts_of_one_side_count_once_and_of_both_sides_for_each():
    found = [flagged("b", "same", "mild"), flagged("b", "same", "mild"), flagged("a", "same", "mild")]
    assert rates(found)["mild"] == (1, 1, 1, 1)


def test_texts_without_an_answer_are_in_no_rate():
    assert rates([flagged("b", "1", None), flagged("b", "2", "none")])["mild"] == (0, 0, 0, 1)


def test_flags_that_nobody_answered_have_no_rate():
    floor = floors_of([flagged("b", "1", None)], ["hate"], 0.95)[0]
    assert (floor.b.rate, floor.difference.difference) == (None, None)


def test_what_is_derived_is_read_as_it_was_written(tmp_path):
    found = Derived(flags_of([made_case(1)], ["hate"]), (), 12, 3)
    write_derived(tmp_path, found)
    assert read_derived(tmp_path) == found
    assert [path.name for path in tmp_path.iterdir()] == ["derived.json"]
