"""What is tested on is never trained on: exact and near copies are an error that names the item."""

import json
from pathlib import Path

import pytest

from repartee_eval.errors import EvalError
from repartee_eval.preferences.example import PromptTurn
from repartee_eval.preferences.formats import guarded
from repartee_eval.preferences.golden import load_golden, refuse_leaks, says_golden
from tests.unit.repartee_eval.preferences.examples import SYSTEM, example

ASKED = "Would you still take the night ferry if the harbour master told you not to?"
REFERENCE = "*taps the pipe out* I have taken it against better men's advice than his."


def _golden(folder: Path, *, asked: str = ASKED) -> Path:
    path = folder / "golden.jsonl"
    item = {"item": "g17", "messages": [{"role": "user", "content": asked}], "references": [REFERENCE]}
    path.write_text(json.dumps(item), "utf-8")
    return path


def _check(path: Path, asked: str, reply: str = "Aye.") -> None:
    row = example(1, prompt=(SYSTEM, PromptTurn(role="user", content=asked)), chosen=reply, dialogue="d9")
    refuse_leaks([guarded(example(5)), guarded(row)], load_golden([path]))


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        (ASKED, "Aye."),
        (f"  {ASKED.upper()} ", "Aye."),
        (ASKED.replace("still ", ""), "Aye."),
        ("\u200b".join(ASKED), "Aye."),
        (ASKED.translate(str.maketrans("eoac", "еоас")), "Aye."),
        (
            f"Before you answer, and since you know boats better than I do, tell me this: {ASKED} Well?",
            "Aye.",
        ),
        ("Something else entirely?", REFERENCE),
        ("Something else entirely?", REFERENCE.replace("better", "wiser")),
    ],
)
def test_copies_are_refused_by_name(tmp_path: Path, asked: str, reply: str) -> None:
    with pytest.raises(EvalError, match=r"golden.jsonl item g17 in dialogue d9"):
        _check(_golden(tmp_path), asked, reply)


def test_a_short_message_that_is_the_whole_conversation_is_told_and_no_error(tmp_path: Path) -> None:
    path = _golden(tmp_path, asked="hi there")
    is_golden = says_golden(load_golden([path]))
    for asked, same in (("Hi  there!", True), ("hi there, I found a key under your mat", False)):
        _check(path, asked)
        row = example(1, prompt=(SYSTEM, PromptTurn(role="user", content=asked)))
        assert is_golden(guarded(row)) is same


def test_other_words_pass(tmp_path: Path) -> None:
    _check(_golden(tmp_path), "Would you take the morning train instead of the boat, then?")


def test_canaries_and_golden_dialogues_are_read(tmp_path: Path) -> None:
    canaries = tmp_path / "canaries.yaml"
    canaries.write_text(f"prompts:\n- id: c1\n  text: {ASKED!r}\n", "utf-8")
    dialogue = tmp_path / "dialogues.jsonl"
    said = {"id": "t1", "golden": True, "messages": [{"role": "user", "text": ASKED}]}
    dialogue.write_text(json.dumps(said), "utf-8")
    with pytest.raises(EvalError, match=r"canaries.yaml item c1.*dialogues.jsonl item t1"):
        refuse_leaks(
            [guarded(example(1, prompt=(PromptTurn(role="user", content=ASKED),)))],
            load_golden([canaries, dialogue]),
        )


@pytest.mark.parametrize(("text", "told"), [("{", "line 1: is not JSON"), ("{}", "line 1: has no text")])
def test_a_golden_file_that_cannot_be_read_is_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(EvalError, match=told):
        load_golden([path])
