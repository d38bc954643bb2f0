import json
from pathlib import Path

import pytest

from tests.chat_files import GREETING, HEADER, SILLYTAVERN, WORDS, from_json_lines, json_lines
from tests.commands import FakeRuntime, failed, run


@pytest.fixture
def runtime(tmp_path: Path) -> FakeRuntime:
    return FakeRuntime(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "rain.jsonl"
    path.write_bytes(json_lines(*SILLYTAVERN))
    return path


def test_a_chat_goes_into_our_form_and_back(runtime: FakeRuntime, tmp_path: Path, source: Path) -> None:
    ours, back = tmp_path / "ours.json", tmp_path / "back.jsonl"
    said = run(runtime, "chat", "convert", str(source), str(ours))
    size = f"{ours.stat().st_size:,}"
    assert said.stdout == f"wrote {ours}: repartee, 3 messages and 1 other line, {size} bytes\n"
    assert said.stderr == ""
    run(runtime, "chat", "convert", str(ours), str(back))
    assert back.read_bytes() == source.read_bytes()
    assert ours.stat().st_mode & 0o077 == 0


def test_openai_messages_say_what_is_left_out(runtime: FakeRuntime, tmp_path: Path, source: Path) -> None:
    target = tmp_path / "tuning.jsonl"
    said = run(runtime, "chat", "convert", str(source), str(target), "--to", "openai")
    assert "openai, 3 messages, " in said.stdout
    assert said.stderr.startswith("left out: lines that are hidden or have no text: 1\n")
    [row] = from_json_lines(target.read_bytes())
    assert [message["role"] for message in row["messages"]] == ["assistant", "user", "system"]


def test_new_lines_have_the_time_of_writing(runtime: FakeRuntime, tmp_path: Path) -> None:
    plain, target = tmp_path / "plain.json", tmp_path / "out.jsonl"
    plain.write_text(json.dumps([{"role": "user", "content": "hi"}]))
    run(runtime, "chat", "convert", str(plain), str(target))
    header, row = from_json_lines(target.read_bytes())
    assert header["create_date"] == row["send_date"]
    assert row["send_date"].endswith("Z")


def test_a_file_is_replaced_only_by_force(runtime: FakeRuntime, tmp_path: Path, source: Path) -> None:
    target = tmp_path / "out.json"
    target.write_text("precious")
    said = failed(run(runtime, "chat", "convert", str(source), str(target)), status=2)
    assert said == f"{target}: is already there: add --force to replace it"
    assert target.read_text() == "precious"
    assert run(runtime, "chat", "convert", str(source), str(target), "--force").exit_code == 0
    assert json.loads(target.read_bytes())["character"] == "Blaze"


def test_a_bad_line_is_named_and_nothing_is_written(
    runtime: FakeRuntime, tmp_path: Path, source: Path
) -> None:
    source.write_bytes(json_lines(HEADER, GREETING, "oops", WORDS))
    target = tmp_path / "out.json"
    said = failed(run(runtime, "chat", "convert", str(source), str(target)), status=2)
    assert said == f"{source}, line 3, column 1: is not JSON: Expecting value"
    assert not target.exists()


def test_bad_lines_can_be_skipped_and_are_counted(runtime: FakeRuntime, tmp_path: Path, source: Path) -> None:
    source.write_bytes(json_lines(HEADER, GREETING, *["oops"] * 21, WORDS))
    said = run(runtime, "chat", "convert", str(source), str(tmp_path / "out.json"), "--skip-bad")
    assert "repartee, 2 messages, " in said.stdout
    lines = said.stderr.splitlines()
    assert lines[0] == f"skipped: {source}, line 3, column 1: is not JSON: Expecting value"
    assert len(lines) == 21
    assert lines[-1] == f"skipped 21 bad parts of {source}, the first 20 are above"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no.jsonl", "out.json"], "no.jsonl: No such file or directory"),
        (["rain.jsonl", "out.txt"], "out.txt: name it .jsonl or .json, or choose its format with --to"),
        (
            ["rain.jsonl", "out.json", "--from", "repartee"],
            "rain.jsonl, line 2, column 1: is not JSON: Extra data",
        ),
        (["rain.jsonl", "no/out.json"], "OUT no/out.json: No such file or directory: choose another file"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    runtime: FakeRuntime, source: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(source.parent)
    assert failed(run(runtime, "chat", "convert", *arguments), status=2) == said
