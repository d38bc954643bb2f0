"""Reading training data, and refusing what must not be trained on."""

import json
from pathlib import Path

import numpy as np
import pytest

from repartee_tune.errors import TuneError
from repartee_tune.retrieval.groups import chosen_groups, read_groups
from repartee_tune.retrieval.leaks import refuse_leaks
from repartee_tune.retrieval.mining import hard_negatives
from repartee_tune.retrieval.users import held_out_users, user_group
from tests.unit.repartee_tune.labelled_people import people


def rows(folder: Path, *lines: dict[str, object]) -> Path:
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return folder


def test_triples_and_pairs_become_graded_groups(tmp_path: Path) -> None:
    triple = {"query": "q", "positive": "yes", "negative": "no", "cluster": "ann"}
    [group] = read_groups(rows(tmp_path / "triples", triple, {**triple, "negative": "never"}))
    assert (group.messages, group.facts, group.grades.tolist()) == (
        ("q",),
        ("yes", "no", "never"),
        [[2, 0, 0]],
    )
    pair = {"query": "q", "cluster": "ann"}
    data = rows(tmp_path / "pairs", {**pair, "fact": "yes", "label": 1}, {**pair, "fact": "no", "label": 0})
    assert read_groups(data)[0].grades.tolist() == [[2, 0]]


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    said = {"query": "one\u2028and\x85two", "fact": "yes", "label": 1}
    (data / "train.jsonl").write_text(json.dumps(said, ensure_ascii=False) + "\n", "utf-8")
    assert read_groups(data)[0].messages == ("one\u2028and\x85two",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"query": "q"}, "train.jsonl:1: positive"),
        ({"query": "q", "fact": "f", "label": 3}, "train.jsonl:1: label"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, line: dict[str, object], message: str) -> None:
    with pytest.raises(TuneError, match=message):
        read_groups(rows(tmp_path / "data", line))


def test_too_few_messages_and_other_languages_are_refused(tmp_path: Path) -> None:
    groups = read_groups(people(tmp_path / "data", ("ada",)))
    with pytest.raises(TuneError, match="10 messages with a relevant fact in en; least_messages asks for 11"):
        chosen_groups(groups, ["en"], 11)
    with pytest.raises(TuneError, match="0 messages with a relevant fact in ru"):
        chosen_groups(groups, ["ru"], 1)


def test_one_class_is_refused(tmp_path: Path) -> None:
    groups = read_groups(rows(tmp_path / "data", {"query": "q", "positive": "only"}))
    with pytest.raises(TuneError, match="nothing to tell apart"):
        chosen_groups(groups, ["en"], 1)


def test_training_on_who_is_measured_is_refused(tmp_path: Path) -> None:
    groups = read_groups(people(tmp_path / "data", ("ada", "bo")))
    users = held_out_users(people(tmp_path / "test", ("bo",), split="test"))
    with pytest.raises(TuneError, match=r"shares 10 facts with --held-out \(bo and bo\)"):
        refuse_leaks(groups, [user_group(user) for user in users])
    refuse_leaks(groups[:1], [user_group(user) for user in users])


def test_a_nearly_equal_message_is_a_leak_and_a_greeting_is_not(tmp_path: Path) -> None:
    group = read_groups(people(tmp_path / "data", ("ada",)))[0]
    said = {"query": "What shall I do about the PIANO today, then?", "positive": "a", "negative": "b"}
    [near] = read_groups(rows(tmp_path / "near", said))
    with pytest.raises(TuneError, match="shares a message"):
        refuse_leaks([near], [group])
    short = {"query": "good morning", "positive": "a", "negative": "b"}
    refuse_leaks(read_groups(rows(tmp_path / "a", short)), read_groups(rows(tmp_path / "b", short)))


def test_hard_negatives_are_nearest_unrelated_facts() -> None:
    scores, grades = np.array([[0.9, 0.8, 0.7, 0.1]]), np.array([[0, 1, 0, 0]])
    assert hard_negatives(scores, grades, 2) == [[0, 2]]
