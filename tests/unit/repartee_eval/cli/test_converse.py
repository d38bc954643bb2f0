"""`converse`: dialogues that a service made with a user who is a model, or lines."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.loopback.judge import JudgeServer
from tests.unit.repartee_eval.simulated import invoke

pytestmark = pytest.mark.usefixtures("here")

SHIPPED = Path(__file__).parents[4] / "eval" / "data" / "scenes.yaml"
SCENE = """format: repartee.scenes/1
scenes:
  - {id: bar, character: blaze, goal: "Order a {{user}} special.", user: {name: Dana}, lines: [Hi., And now.]}
"""


@pytest.fixture
def scenes(here: Path) -> Path:
    path = here / "scenes.yaml"
    path.write_text(SCENE)
    return path


def _dialogues(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_shipped_scenes_play_offline_and_every_dialogue_is_marked(here: Path):
    result = invoke("converse", SHIPPED, "--service", "offline", "--turns", 1, "--out", "r")
    assert result.exit_code == 0
    assert "marked as emulated" in result.stdout
    found = _dialogues(here / "r" / "a-offline.jsonl")
    assert len(found) == 11
    assert sum(one["character"].get("language") == "ru" for one in found) == 3
    assert all(one["emulated"] for one in found)
    assert [turn["role"] for turn in found[0]["messages"]] == ["character", "user", "character"]


def test_offline_is_deterministic_and_resumes(scenes: Path, here: Path):
    invoke("converse", scenes, "--service", "offline", "--turns", 3, "--out", "one")
    first = (here / "one" / "a-offline.jsonl").read_bytes()
    again = invoke("converse", scenes, "--service", "offline", "--turns", 3, "--out", "one")
    assert "0 answered, 6 kept from before" in again.stderr
    invoke("converse", scenes, "--service", "offline", "--turns", 3, "--out", "two")
    assert first == (here / "one" / "a-offline.jsonl").read_bytes()
    assert first == (here / "two" / "a-offline.jsonl").read_bytes()


def test_a_model_plays_the_user_and_two_services_can_be_compared(
    judge: JudgeServer, scenes: Path, here: Path
):
    judge.reply = "What do you have?"
    asked = ("--service", "offline", "--service", f"{judge.url}#new", "--user-model", f"{judge.url}#person")
    result = invoke("converse", scenes, *asked, "--turns", 2, "--repeats", 3, "--out", "r")
    assert result.exit_code == 0
    assert judge.calls == {"reply": 3 + 6 + 2 * 3}  # first words are asked once for both services
    files = sorted((here / "r").glob("*.jsonl"))
    assert [file.name[:2] for file in files] == ["a-", "b-"]
    (dialogue, *_) = _dialogues(files[1])
    assert dialogue["messages"][1]["text"] == "What do you have?"
    assert dialogue["source"] == "converse with person"
    assert dialogue["messages"][2]["model"] == f"{judge.url}#new"
    compared = invoke("compare", *files, "--judge", "offline", "--out", "c", "--window", 4)
    assert compared.exit_code == 30  # three dialogues are too few
    assert "Emulated" in compared.stdout


def test_a_service_that_fails_ends_its_dialogues(judge: JudgeServer, scenes: Path, here: Path):
    judge.status = 400
    asked = ("--service", f"{judge.url}#new", "--user-model", "offline")
    result = invoke("converse", scenes, *asked, "--turns", 3, "--out", "r")
    assert "1 of 1 dialogues broke off: no reply: refused" in result.stderr
    assert "no dialogue has a reply" in result.stderr
    assert not list((here / "r").glob("*.jsonl"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SCENE.replace("blaze", "nobody"), "scene bar: no character 'nobody'"),
        (SCENE.replace("goal:", "aim:"), "scenes.0.goal: Field required"),
        (SCENE.replace("lines: [Hi., And now.]", "lines: []"), "scenes.0.lines"),
        (SCENE + SCENE.splitlines()[-1], "scene bar is there twice"),
    ],
)
def test_a_bad_scene_names_its_field(here: Path, text: str, told: str):
    (here / "bad.yaml").write_text(text)
    result = invoke("converse", here / "bad.yaml", "--service", "offline")
    assert result.exit_code == 1
    assert told in result.stderr


def test_the_same_service_twice_is_a_mistake(scenes: Path):
    result = invoke("converse", scenes, "--service", "offline", "--service", "offline")
    assert result.exit_code == 2
    assert "two different ones" in result.stderr
