"""`repartee-eval import`: files of all kinds, mixed and broken."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from repartee_eval.cli import cli
from repartee_eval.dialogues.characters import Characters
from repartee_eval.dialogues.importing.import_files import told_kind
from repartee_eval.dialogues.jsonl import load_dialogues, write_dialogues
from repartee_eval.errors import EvalError
from tests.unit.repartee_eval.dialogues.importing.test_event_log import event
from tests.unit.repartee_eval.dialogues.talks import talk

CHAT = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Sit."}]}
SHAREGPT = {"conversations": [{"from": "human", "value": "Yo"}, {"from": "gpt", "value": "Stand."}]}
ST = [{"user_name": "Maya", "character_name": "Wren"}, {"name": "Maya", "is_user": True, "mes": "Fog?"}]


def written(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["import", *map(str, arguments)])


def test_a_folder_of_everything_becomes_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    written(folder / "a.jsonl", CHAT, CHAT)
    written(folder / "b.json", SHAREGPT)
    written(folder / "st" / "c.jsonl", *ST)
    written(folder / "events-1.jsonl", event(1, ["u1"], "c1"))
    write_dialogues(folder / "own.jsonl", [talk("own", "Sit.", "Hello", "Tea?")])
    out = tmp_path / "new" / "out.jsonl"
    result = run(folder, "--out", out)
    assert result.exit_code == 0, result.output
    loaded = load_dialogues(out, Characters().get).dialogues
    assert sorted(each.source or "own" for each in loaded) == [
        "events",
        "openai",
        "own",
        "sharegpt",
        "sillytavern",
    ]
    told = {" ".join(line.split()) for line in result.output.splitlines()}
    assert {"duplicates dropped 1", "bad lines skipped 0", "messages 10"} <= told
    assert any(line.startswith("files 5 (dialogues, events") for line in told)
    assert next(each for each in loaded if each.source == "sillytavern").character_id == "wren"


def test_bad_lines_stop_the_import_unless_they_may_be_skipped(tmp_path: Path) -> None:
    source = written(tmp_path / "a.jsonl", CHAT, "nope", {"messages": 1})
    out = tmp_path / "out.jsonl"
    refused = run(source, "--out", out)
    assert refused.exit_code == 1
    assert "2 lines cannot be used" in refused.output
    assert "a.jsonl, line 2: column 1: is not JSON" in refused.output
    assert not out.exists()
    skipped = run(source, "--out", out, "--skip-bad")
    assert skipped.exit_code == 0
    assert "a.jsonl, line 3:" in skipped.output


def test_many_bad_lines_are_told_by_number(tmp_path: Path) -> None:
    source = written(tmp_path / "a.jsonl", CHAT, *["nope"] * 30)
    result = run(source, "--out", tmp_path / "out.jsonl", "--skip-bad", "--from", "openai")
    assert f"all of {source}: 2, 3, 4" in result.output


def test_a_given_character_answers(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert run(written(tmp_path / "a.jsonl", CHAT), "--character", "Тимур", "--out", out).exit_code == 0
    (dialogue,) = load_dialogues(out, Characters().get).dialogues
    assert (dialogue.character_id, dialogue.character.language) == ("timur", "ru")


def test_two_chats_with_one_id_get_two(tmp_path: Path) -> None:
    source = written(tmp_path / "a.json", {**SHAREGPT, "id": "x"}, {**CHAT, "id": "x"})
    other = written(
        tmp_path / "b.jsonl",
        {"id": "x", "conversations": [*SHAREGPT["conversations"], {"from": "human", "value": "?"}][1:]},
    )
    assert (
        run(source, other, "--out", tmp_path / "out.jsonl", "--from", "sharegpt", "--skip-bad").exit_code == 0
    )
    loaded = load_dialogues(tmp_path / "out.jsonl", Characters().get).dialogues
    assert [each.id for each in loaded] == ["sharegpt-x", "sharegpt-x~2"]


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    source = written(tmp_path / "a.jsonl", {"colour": "red"})
    for arguments in (
        [source, "--out", source],
        [source, "--out", tmp_path / "o"],
        [tmp_path / "none", "--out", "o"],
    ):
        result = run(*arguments)
        assert result.exit_code in {1, 2}
        assert result.output.startswith("error: ")
        assert result.output.count("\n") == 1


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (CHAT, "openai"),
        (SHAREGPT, "sharegpt"),
        (ST[0], "sillytavern"),
        (ST[1], "sillytavern"),
        (event(1, [], "x"), "events"),
    ],
)
def test_a_file_shows_what_it_is_also_after_a_bad_line(tmp_path: Path, row: Any, kind: str) -> None:
    assert told_kind(written(tmp_path / "x.jsonl", "nope", row)) == kind
    with pytest.raises(EvalError, match="no known kind"):
        told_kind(written(tmp_path / "y.jsonl", "nope"))
