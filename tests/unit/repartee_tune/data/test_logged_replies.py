"""What of a log must not be trained on, and whose words the rest is: every kind of export says so."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.unit.repartee_tune.data.commands import failed, read, run, write
from tests.unit.repartee_tune.data.event_lines import SAFETY, rated, reply, verdict, write_log

OPERATORS = "If you are thinking about ending your life, call this number now."


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(tmp_path / "service"))


def _removed(result: Result) -> dict[str, int]:
    steps = json.loads(result.stdout)["funnel"]["steps"]
    return {step["step"]: step["removed"] for step in steps if step["removed"]}


def _data(source: Path, kind: str, *more: object) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Build a dataset beside the source; return what was removed, and the rows."""
    out = source.parent / f"{kind}-rows"
    result = run("data", source, *more, "--kind", kind, "--split", "dialogue", "--to", out, "--json")
    return _removed(result), [row for part in ("train", "eval") for row in read(out / f"{part}.jsonl")]


@pytest.mark.parametrize("kind", ["kto", "sft"])
@pytest.mark.parametrize("prompt", [[], [{"role": "user", "content": "I want to die tonight, I really do."}]])
def test_the_operators_text_is_in_no_rows(tmp_path: Path, kind: str, prompt: list[dict[str, str]]) -> None:
    spoken = [reply(at, model=SAFETY, text=OPERATORS, prompt=prompt) for at in (91, 92)]
    log = write_log(tmp_path / "log", *rated(), *spoken, verdict(91, "like"), verdict(92, "dislike"))
    removed, rows = _data(log, kind)
    assert removed["operator_text"] == 2
    assert OPERATORS not in json.dumps(rows)


def test_nobody_is_trained_to_say_something_else_than_the_operators_text(tmp_path: Path) -> None:
    first = reply(91, model=SAFETY, text=OPERATORS)
    again = {**reply(91, id="rpl_92"), "mode": "regenerate", "at": "2026-11-01T10:32:00+03:00"}
    others = [
        line
        for at in range(1, 9)
        for line in (
            reply(at),
            {**reply(at, id=f"rpl_{at}00", text=f"{at} no, {at * 32452843}."), "mode": "regenerate"},
            verdict(at * 100, "like"),
        )
    ]
    removed, rows = _data(write_log(tmp_path / "log", *others, first, again, verdict(92, "like")), "dpo")
    assert removed == {"operator_text": 1}
    assert len(rows) == 8


def test_reviewed_and_voted_operators_texts_and_greetings_are_counted_out(tmp_path: Path) -> None:
    greeting = reply(93, finish_reason="greeting", model="greeting", prompt=[])
    log = write_log(tmp_path / "log", *rated(), reply(91, model=SAFETY, prompt=[]), greeting)
    review = tmp_path / "review.csv"
    with review.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("item", "reply_id", "verdict"), (1, "rpl_91", "accept"), (2, "rpl_93", "accept")]
        )
    removed, _ = _data(log, "sft", review)
    assert (removed["operator_text"], removed["no_prompt"]) == (1, 1)


def test_a_logged_reply_that_was_cut_is_not_accepted_by_review(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", *rated(), reply(91, finish_reason="length"))
    review = tmp_path / "review.csv"
    review.write_text("item,reply_id,verdict\n1,rpl_91,accept\n2,rpl_1,reject\n", "utf-8")
    removed, rows = _data(log, "kto", review)
    assert removed["truncated"] == 1
    told = next(row["provenance"] for row in rows if row["provenance"]["source"] == "dislike")
    assert told["rejected_model"] == "main"


def test_rows_for_an_embedder_leave_the_operators_text_out(tmp_path: Path) -> None:
    facts = [{"id": "1", "text": "Lights the lamps each night"}, {"id": "2", "text": "Plays the cello badly"}]
    taken = "Your lamps and their lights, each night the same."
    events = [reply(at, facts=facts, text=taken) for at in range(1, 6)]
    log = write_log(tmp_path / "log", *events, reply(91, model=SAFETY, facts=facts, text=taken))
    result = run("data", log, "--kind", "embedder", "--to", tmp_path / "set", "--json")
    assert _removed(result)["operator_text"] == 1
    told = json.loads(result.stdout)
    assert (told["persons"], told["messages"]) == (5, 5)


def test_moderation_and_task_rows_leave_the_operators_text_and_withdrawn_users_out(tmp_path: Path) -> None:
    lines = [
        {
            "text": f"{at * 7919} words of the {at * 104729}th message",
            "tags": {"hate": "mild" if at % 5 == 0 else "none"},
            "dialogue": f"d{at}",
            "user": f"u{at}",
            "model": SAFETY if at == 3 else "main",
            "golden": at == 4,
        }
        for at in range(20)
    ]
    gone = tmp_path / "gone.txt"
    gone.write_text("u7\n", "utf-8")
    flags = write(tmp_path / "flags.jsonl", lines)
    wanted = {"user_withdrawn": 1, "operator_text": 1, "golden_dialogue": 1}
    arguments = ("--kind", "moderation", "--to", tmp_path / "set", "--without-users", gone, "--json")
    assert _removed(run("data", flags, *arguments)) == wanted
    scored = [{**line, "question": line["text"], "answer": "Aye.", "overall": 1} for line in lines]
    out = tmp_path / "rows.jsonl"
    arguments = ("--task", "qa", write(tmp_path / "s.jsonl", scored), "--to", out, "--without-users", gone)
    run("export", *arguments)
    assert len(read(out)) == 17


def test_each_member_of_a_cast_has_rows_of_its_own(tmp_path: Path) -> None:
    cast = ["Vera", "Отто"]
    members: list[dict[str, Any]] = []
    for at in range(1, 9):
        asked = {"role": "user", "text": f"Vera, what of boat {at * 7919} and its {at * 104729} sails?"}
        vera = reply(at, cast=cast, messages=[asked])
        said = {"role": "character", "text": vera["reply"]["text"], "speaker": "Vera"}
        more = {"role": "user", "text": f"Отто, а что с лодкой номер {at * 31337}?"}
        otto = reply(
            at * 100,
            cast=cast,
            text=f"*кивает* Лодка {at * 15485863} утонула ещё осенью.",
            character={"name": "Отто", "language": "ru"},
            messages=[asked, said, more],
            user=vera["user"],
            prompt=[{"role": "system", "content": "Ты Отто."}, {"role": "user", "content": more["text"]}],
        )
        members += [vera, otto, verdict(at, "like"), verdict(at * 100, "like")]
    _, rows = _data(write_log(tmp_path / "log", *members), "sft")
    who = {(row["prompt"][0]["content"], row["provenance"]["character"]) for row in rows}
    assert who == {("You are Vera.", "vera"), ("Ты Отто.", "отто")}
    assert len(rows) == 16


def test_what_another_member_said_is_counted_out_where_its_prompt_is_not_known(tmp_path: Path) -> None:
    dialogues = [
        {
            "format": "repartee.dialogue/1",
            "id": f"d{at}",
            "character_id": "vera",
            "character": {"name": "Vera", "description": "Keeps a lighthouse."},
            "messages": [
                {"id": f"{at}a", "role": "user", "text": f"Who is at door {at * 7919} tonight?"},
                {
                    "id": f"{at}b",
                    "role": "character",
                    "text": f"Number {at * 104729}, and no other.",
                    "speaker": "Otto" if at == 3 else "",
                    "feedback": ["like"],
                },
            ],
        }
        for at in range(6)
    ]
    removed, rows = _data(write(tmp_path / "dialogues.jsonl", dialogues), "sft")
    assert removed == {"other_speaker": 1}
    assert len(rows) == 5


def test_a_shadows_answer_is_nobodys_reply(tmp_path: Path) -> None:
    shadow = {**reply(91), "type": "shadow", "reply_id": "rpl_1"}
    review = tmp_path / "review.csv"
    review.write_text("item,reply_id,verdict\n1,rpl_91,accept\n", "utf-8")
    log = write_log(tmp_path / "log", *rated(), shadow)
    told = failed(run("data", log, review, "--kind", "sft", "--to", tmp_path / "set"))
    assert "reply_id: is not in the event log" in told


def test_packed_logs_are_no_silence(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", *rated())
    (log / "events-0.jsonl.gz").write_bytes(b"\x1f\x8b")
    told = failed(run("data", log, "--kind", "sft", "--to", tmp_path / "set"))
    assert "events-0.jsonl.gz: is compressed" in told


def test_a_dataset_inside_its_source_is_refused(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", *rated())
    assert "lies in the source" in failed(run("data", log, "--kind", "sft", "--to", log / "set"))
