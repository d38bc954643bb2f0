"""Rows for embedder, reranker and moderation, and what may not be in them."""

from pathlib import Path

import pytest

from repartee_eval.preferences.example import PromptTurn
from repartee_eval.preferences.logged_prompts import LoggedReply
from repartee_tune.data import retrieval_rows
from tests.unit.repartee_eval.labelled import labelled
from tests.unit.repartee_eval.labelled import write as write_users
from tests.unit.repartee_tune.data.commands import failed, read, run, write

USERS = ("ann", "bob", "cleo")


def _people(folder: Path, split: str = "tune") -> Path:
    users = [labelled(name, split) for name in USERS]
    for number, user in enumerate(users):
        for message in user["messages"]:
            message["text"] = f"{message['text']} {number}"
    return write_users(folder, *users)


def test_triples_hold_a_fact_that_matters_and_one_that_does_not(tmp_path: Path) -> None:
    out = tmp_path / "set"
    run("data", _people(tmp_path / "people"), "--kind", "embedder", "--to", out, "--negatives", 1)
    rows = {part: read(out / f"{part}.jsonl") for part in ("train", "eval")}
    assert not {r["cluster"] for r in rows["train"]} & {r["cluster"] for r in rows["eval"]}
    row = next(row for row in rows["train"] if row["query"].startswith("has a parrot"))
    assert row["positive"] == "Has a parrot named Kiwi"
    assert row["negative"] in {"Plays the cello badly", "Works nights in a bakery"}
    cello = next(row for row in rows["train"] if row["query"].startswith("cello"))
    assert cello["negative"] == "Has a parrot named Kiwi"  # the bakery is related: neither right nor wrong


def test_pairs_have_both_labels_for_each_message(tmp_path: Path) -> None:
    out = tmp_path / "set"
    run("data", _people(tmp_path / "people"), "--kind", "reranker", "--to", out)
    labels = {(row["query"], row["label"]) for row in read(out / "train.jsonl")}
    assert len(labels) == 2 * len({query for query, _ in labels})


def test_persons_who_are_measured_on_are_refused_by_name(tmp_path: Path) -> None:
    people = _people(tmp_path / "people", split="test")
    assert "ann, bob, cleo have the split test" in failed(
        run("data", people, "--kind", "embedder", "--to", tmp_path / "set")
    )


def test_a_person_of_the_golden_folder_is_refused(tmp_path: Path) -> None:
    golden = _people(tmp_path / "golden")
    arguments = ("--kind", "embedder", "--to", tmp_path / "set", "--golden", golden)
    assert "has a parrot" not in (told := failed(run("data", _people(tmp_path / "people"), *arguments)))
    assert "ann m1 in person ann" in told


def test_logged_facts_matter_where_the_reply_takes_them_up() -> None:
    prompt = (PromptTurn(role="user", content="What shall we have for dinner?"),)
    facts = ("Grows tomatoes on the balcony", "Failed the driving test twice")
    reply = LoggedReply(prompt, "Those balcony tomatoes of yours, what else?", "u" * 64, facts)
    (found,) = retrieval_rows._of_log({"r": reply})
    assert (found.positives, found.negatives) == (facts[:1], facts[1:])


def _flag_lines(count: int = 20) -> list[dict[str, object]]:
    return [
        {
            "text": f"{at * 7919} words of the {at * 104729}th message, none of them alike",
            "tags": {"hate": "mild" if at % 5 == 0 else "none", "sexual": "none"},
            "dialogue": f"d{at // 2}",
            "character": "vera",
            "judge": "judge",
        }
        for at in range(count)
    ]


def test_flags_become_labelled_texts_without_a_dialogue_in_both_parts(tmp_path: Path) -> None:
    out = tmp_path / "set"
    lines = _flag_lines()
    golden = {**lines[1], "text": "a golden text that nobody may learn from", "golden": True}
    differing = {**lines[2], "tags": {"hate": "severe", "sexual": "none"}}
    source = write(tmp_path / "flags.jsonl", [*lines, golden, differing])
    result = run("data", source, "--kind", "moderation", "--to", out, "--eval-share", 0.3)
    rows = {part: read(out / f"{part}.jsonl") for part in ("train", "eval")}
    assert sum(map(len, rows.values())) == 19
    assert not {r["dialogue"] for r in rows["train"]} & {r["dialogue"] for r in rows["eval"]}
    assert set(rows["train"][0]["tags"]) == {"hate", "sexual"}
    assert "labels_differ" in result.stdout


def test_tags_that_were_never_raised_are_refused(tmp_path: Path) -> None:
    lines = [{**line, "tags": {"hate": "none"}} for line in _flag_lines()]
    source = write(tmp_path / "flags.jsonl", lines)
    told = failed(run("data", source, "--kind", "moderation", "--to", tmp_path / "set"))
    assert "no tag was raised in 20 texts" in told


@pytest.mark.parametrize("level", ["high", 1, None])
def test_an_unknown_level_is_named(tmp_path: Path, level: object) -> None:
    source = write(tmp_path / "flags.jsonl", [{"text": "a", "tags": {"hate": level}}])
    told = failed(run("data", source, "--kind", "moderation", "--to", tmp_path / "set"))
    assert "line 1: tags.hate: must be none, mild or severe" in told
