"""A character that arrives as a picture: over the API, from a folder, and in the terminal."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from repartee.domain.cards.card_file import CardFile, write_card
from tests.cards import V3
from tests.processes import Service, environment, service

PNG = write_card(CardFile(V3, "json"), "png")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("cards")
    (folder / "characters").mkdir()
    (folder / "characters" / "ada.png").write_bytes(PNG)
    with service(folder / "var", REPARTEE_CHARACTERS_FOLDER=str(folder / "characters")) as started:
        yield started


def test_a_png_is_parsed_and_its_character_answers(running: Service) -> None:
    parsed = running.post("/characters/parse", PNG)
    assert (parsed.status, parsed.body["card"]) == (200, V3)
    for character in (
        parsed.body["character"],
        parsed.body["card"],
        {"card_base64": base64.b64encode(PNG).decode()},
        "ada",
    ):
        reply = running.post("/generate", {"character": character, "user": {"name": "Ann"}})
        assert (reply.status, reply.body["text"]) == (200, "Hello, Ann."), character


def test_no_word_of_a_broken_card_reaches_answer_or_log(running: Service) -> None:
    answer = running.post("/characters/parse", PNG.replace(b"tEXtccv3", b"tEXtcanary"))
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "PNG")
    broken = running.post("/characters/parse", json.dumps({"name": "canary" * 99}).encode())
    assert (broken.status, broken.body["errors"][0]["field"]) == (422, "name")
    assert "canary" not in json.dumps([answer.body, broken.body]) + running.output()


def test_a_card_file_can_be_talked_to(running: Service, tmp_path: Path) -> None:
    (tmp_path / "ada.png").write_bytes(PNG)
    done = subprocess.run(
        [sys.executable, "-m", "repartee", "interact", "--api", running.url, "--card", "ada.png"],
        input="",
        capture_output=True,
        text=True,
        env=environment(tmp_path / "var"),
        cwd=tmp_path,
        timeout=45,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Hello, ")
    assert "Addie and User" in done.stderr
