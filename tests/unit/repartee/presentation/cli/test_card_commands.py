import json
from pathlib import Path

import pytest

from repartee.domain.cards import limits
from repartee.domain.cards.card_file import CardFile, picture_of, read_card, write_card
from tests.cards import V1, V2, V3, archive, chunk, png, text_chunk
from tests.commands import FakeRuntime, failed, run


@pytest.fixture
def runtime(tmp_path: Path) -> FakeRuntime:
    return FakeRuntime(tmp_path)


def _saved(folder: Path, name: str, data: bytes | dict) -> str:
    path = folder / name
    path.write_bytes(json.dumps(data).encode() if isinstance(data, dict) else data)
    return str(path)


def test_show_says_who_it_is_how_long_and_what_else(runtime: FakeRuntime, tmp_path: Path) -> None:
    data = archive({"card.json": json.dumps(V3).encode(), "a.bin": b"x"})
    shown = run(runtime, "card", "show", _saved(tmp_path, "ada.charx", data))
    assert shown.stderr == ""
    assert shown.stdout.splitlines() == [
        "Ada (Addie), by tests, version 1.2",
        "Character Card V3, CHARX",
        "",
        "field                     characters   tokens (estimate)",
        "description                       22                   3",
        "personality                        7                   1",
        "scenario                          11                   2",
        "first_mes                         16                   2",
        "mes_example                       34                   5",
        "system_prompt                      0                   0",
        "post_history_instructions          0                   0",
        "together                                              13",
        "",
        "greetings     2",
        "lore entries  1",
        "extensions    depth_prompt, talkativeness",
        "assets        1",
    ]


def test_show_obeys_nothing_that_a_card_says_to_the_terminal(runtime: FakeRuntime, tmp_path: Path) -> None:
    card = {"name": "Ada", "creator": "a\n\tb", "extensions": {"\x07x": 1}}
    shown = run(runtime, "card", "show", _saved(tmp_path, "ada.json", card))
    assert shown.stdout.startswith("Ada, by a b\n")
    assert "extensions    x\n" in shown.stdout


def test_show_warns_about_a_newer_version(runtime: FakeRuntime, tmp_path: Path) -> None:
    path = _saved(tmp_path, "ada.json", {**V3, "spec_version": "3.2"})
    assert run(runtime, "card", "show", path).stderr == (
        f"warning: {path}: spec_version: 3.2 is newer than 3.0, which is what is known here\n"
    )


@pytest.mark.parametrize("suffix", ["json", "yaml", "png", "charx"])
def test_convert_writes_the_format_of_the_suffix(runtime: FakeRuntime, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out.{suffix}"
    said = run(runtime, "card", "convert", _saved(tmp_path, "in.json", V3), str(target))
    written = read_card(target.read_bytes())
    assert (written.raw, written.format) == (V3, suffix)
    size = f"{target.stat().st_size:,}"
    assert said.stdout == f"wrote {target}: Character Card V3, {suffix.upper()}, {size} bytes\n"


def test_convert_changes_the_version_on_request_only(runtime: FakeRuntime, tmp_path: Path) -> None:
    source = _saved(tmp_path, "in.json", V1)
    for option, spec in ([], "v1"), (["--spec", "v2"], "v2"), (["--spec", "v3"], "v3"):
        target = tmp_path / f"{spec}.png"
        run(runtime, "card", "convert", source, str(target), *option)
        assert read_card(target.read_bytes()).spec == spec


def test_convert_replaces_a_file_only_if_told_to(runtime: FakeRuntime, tmp_path: Path) -> None:
    source, target = _saved(tmp_path, "in.json", V2), tmp_path / "out.json"
    target.write_text("mine")
    assert "add --force" in failed(run(runtime, "card", "convert", source, str(target)), status=2)
    assert target.read_text() == "mine"
    run(runtime, "card", "convert", source, str(target), "--force")
    assert json.loads(target.read_text()) == V2


def test_convert_that_fails_leaves_what_was_there(
    runtime: FakeRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = _saved(tmp_path, "in.json", V2), tmp_path / "out.yaml"
    target.write_text("mine")
    monkeypatch.setattr(limits, "YAML_BYTES", 30)
    said = failed(run(runtime, "card", "convert", source, str(target), "--force"), status=2)
    assert said.startswith(f"{target}: YAML: would be larger than")
    assert target.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.json", "out.yaml"]


def test_convert_takes_a_picture(runtime: FakeRuntime, tmp_path: Path) -> None:
    mark = chunk(b"tIME", b"1234567")
    picture, target = _saved(tmp_path, "p.png", png(mark)), tmp_path / "out.png"
    source = _saved(tmp_path, "in.json", V2)
    run(runtime, "card", "convert", source, str(target), "--image", picture)
    assert mark in (picture_of(read_card(target.read_bytes())) or b"")
    said = failed(
        run(runtime, "card", "convert", source, str(target), "--force", "--image", source), status=2
    )
    assert said == f"{target}: PNG: is not a PNG file: give one"


def test_convert_says_what_is_left_out(runtime: FakeRuntime, tmp_path: Path) -> None:
    data = archive({"card.json": json.dumps(V3).encode(), "a.bin": b"x"})
    said = run(
        runtime, "card", "convert", _saved(tmp_path, "in.charx", data), str(tmp_path / "out.png")
    ).stderr
    assert said == "left out: 1 asset (.charx keeps assets)\n"


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("out.txt", [], "name it .json"),
        ("out.charx", ["--spec", "v2"], "V3 cards only"),
        ("out.yaml", ["--image", "p.png"], "only .png and .charx"),
        ("no/out.json", [], "No such file"),
        ("out.png", ["--image", "none.png"], "none.png: No such file"),
    ],
)
def test_convert_refuses_in_one_line(
    runtime: FakeRuntime, tmp_path: Path, target: str, options: list[str], words: str
) -> None:
    source = _saved(tmp_path, "in.json", V3)
    said = failed(run(runtime, "card", "convert", source, str(tmp_path / target), *options), status=2)
    assert words in said
    assert [path.name for path in tmp_path.iterdir()] == ["in.json"]


def test_validate_looks_at_every_file_and_names_each_problem(runtime: FakeRuntime, tmp_path: Path) -> None:
    good = _saved(tmp_path, "good.png", write_card(CardFile(V2, "json"), "png"))
    bad = _saved(tmp_path, "bad.json", {**V1, "name": "", "tags": "x"})
    worse = _saved(tmp_path, "worse.png", png(text_chunk("chara", b"{")))
    checked = run(runtime, "card", "validate", bad, worse, str(tmp_path / "none.json"), good)
    assert checked.exit_code == 2
    assert checked.stdout == f"{good}: valid, Character Card V2, PNG\n"
    lines = checked.stderr.splitlines()
    assert [line.removeprefix(f"error: {tmp_path}/").split(": ")[:2] for line in lines] == [
        ["bad.json", "name"],
        ["bad.json", "tags"],
        ["worse.png", "chara"],
        ["none.json", "No such file or directory"],
    ]


def test_validate_of_good_cards_succeeds_with_warnings_beside(runtime: FakeRuntime, tmp_path: Path) -> None:
    path = _saved(tmp_path, "a.yaml", b"spec: chara_card_v2\ndata: {name: Ada}")
    checked = run(runtime, "card", "validate", path)
    assert checked.exit_code == 0
    assert checked.stderr.startswith(f"warning: {path}: spec_version: missing")


def test_a_file_over_the_limit_is_not_read(
    runtime: FakeRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FILE_BYTES", 10)
    said = failed(run(runtime, "card", "show", _saved(tmp_path, "a.json", V1)), status=2)
    assert "a.json: is larger than" in said
