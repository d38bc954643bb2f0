"""The file format: what is written is read again, and what is no dialogue is told with its line."""

import json
import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.domain.character import Character
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.scenario import Scenario
from repartee.domain.user import User
from repartee_eval.dialogues import jsonl
from repartee_eval.dialogues.bad_lines import BadLines
from repartee_eval.dialogues.characters import Characters
from repartee_eval.dialogues.dialogue import Dialogue, Discarded, Turn
from repartee_eval.dialogues.jsonl import load_dialogues, read_line, write_dialogues, write_line
from repartee_eval.errors import EvalError
from tests.unit.repartee_eval.dialogues.talks import MARLOW, talk

KNOWN = Characters({"marlow": MARLOW})

texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), min_size=1, max_size=40
)
ids = st.from_regex(r"[!-~]{1,20}", fullmatch=True)
dates = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
optional = st.none() | st.text(max_size=8)


@st.composite
def dialogues(draw: st.DrawFn) -> Dialogue:
    turns = tuple(
        Turn(
            id=turn_id,
            role=draw(st.sampled_from(["user", "character"])),
            text=draw(texts),
            model=draw(optional),
            at=draw(st.none() | dates),
            feedback=draw(st.sampled_from([(), ("like",), ("flag", "dislike")])),
            discarded=(Discarded(id="x", text=draw(texts)),) if draw(st.booleans()) else (),
        )
        for turn_id in draw(st.lists(ids, min_size=1, max_size=4, unique=True))
    )
    return Dialogue(
        id=draw(ids),
        character_id=draw(ids),
        character=Character(name="Ana", tags=("a", "b"), extensions={"x": {"y": [1, 2.5, draw(texts)]}}),
        user=User(name="Maya", age=draw(st.none() | st.integers(0, 150))),
        scenario=Scenario(setting=draw(texts)) if draw(st.booleans()) else None,
        messages=turns,
        emulated=draw(st.booleans()),
        golden=draw(st.booleans()),
    )


@settings(max_examples=60, deadline=None)
@given(dialogues())
def test_what_is_written_is_read_again(dialogue: Dialogue) -> None:
    line = write_line(dialogue)
    assert "\n" not in line
    assert read_line(line, KNOWN.get) == dialogue


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*Dialogue.model_fields, "messages.0.text", "messages.0.role", "messages.0.id"]),
    json_values,
)
def test_any_value_in_any_field_is_refused_or_read_and_written_again(field: str, value: Any) -> None:
    fields = json.loads(write_line(talk("d", "hi", "ho")))
    inside = fields["messages"][0] if "." in field else fields
    inside[field.rsplit(".", maxsplit=1)[-1]] = value
    with suppress(ChatError):
        read = read_line(json.dumps(fields), KNOWN.get)
        assert read_line(write_line(read), KNOWN.get) == read


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_a_line_of_any_bytes_is_bad_and_nothing_else_breaks(data: bytes) -> None:
    bad = BadLines(skip=True)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "dialogues.jsonl"
        path.write_bytes(data)
        assert list(jsonl.iter_dialogues(path, KNOWN.get, bad)) == []
    assert bad.count == sum(
        1 for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if not _is_blank(line)
    )


def _is_blank(line: bytes) -> bool:
    try:
        return not line.decode("utf-8").strip()
    except UnicodeDecodeError:
        return False


GOOD = write_line(talk("good", "Sit.", "Hello", "Tea?"))


def changed(**fields: Any) -> str:
    return json.dumps({**json.loads(GOOD), **fields})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object"),
        (GOOD.replace('"id": "good"', '"id": "good", "id": "good"', 1), "same key twice"),
        (GOOD.replace('"name": "Marlow"', '"name": "Marlow", "age": NaN'), "NaN"),
        (changed(user={"name": "\ud800"}), "lone surrogate"),
        (changed(format="repartee.dialogue/2"), "format: must be"),
        (changed(id=7), "id: Input should be a valid string"),
        (changed(golden="yes"), "golden: Input should be a valid boolean"),
        (changed(colour="red"), "colour: Extra inputs are not permitted"),
        (changed(messages=[]), "messages: must hold at least one"),
        (changed(messages=[{"id": "1", "role": "bot", "text": "x"}]), "messages.0.role"),
        (changed(messages=[{"id": "1", "role": "user", "text": ""}]), "messages.0.text"),
        (changed(messages=[{"id": "1", "role": "user", "text": "x"}] * 2), "same id"),
        (changed(character="nobody"), "character: no character 'nobody'; there are: marlow"),
        (changed(character={"name": ""}), "character.name"),
        (changed(character=None), "character"),
    ],
)
def test_a_line_that_is_no_dialogue_says_why(line: str, problem: str) -> None:
    with pytest.raises(ChatError, match=problem.replace("?", r"\?")):
        read_line(line, KNOWN.get)


def test_errors_do_not_repeat_what_people_wrote() -> None:
    with pytest.raises(ChatError) as caught:
        read_line(changed(user={"name": "Maya", "age": "my secret age"}), KNOWN.get)
    assert "secret" not in caught.value.message


def test_a_character_may_be_named_instead_of_written_out() -> None:
    fields = json.loads(GOOD)
    del fields["character_id"]
    read = read_line(json.dumps({**fields, "character": "marlow"}), KNOWN.get)
    assert (read.character_id, read.character) == ("marlow", MARLOW)


def test_all_bad_lines_are_told_at_once_with_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "dialogues.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode() + b"\n\nnope\n\xff\n" + GOOD.encode() + b"\n")
    with pytest.raises(EvalError, match="3 lines cannot be used") as caught:
        load_dialogues(path, KNOWN.get)
    assert [f"line {number}:" in caught.value.message for number in (3, 4, 5)] == [True] * 3
    loaded = load_dialogues(path, KNOWN.get, skip_bad=True)
    assert [dialogue.id for dialogue in loaded.dialogues] == ["good"]
    assert loaded.bad.numbers == {str(path): [3, 4, 5]}


def test_a_line_that_is_too_long_is_bad_and_the_next_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "LINE_BYTES", len(GOOD) + 10)
    path = tmp_path / "dialogues.jsonl"
    path.write_text("x" * 5_000 + "\n" + GOOD)
    loaded = load_dialogues(path, KNOWN.get, skip_bad=True)
    assert (len(loaded.dialogues), loaded.bad.first[0].line) == (1, 1)


def test_a_file_without_dialogues_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "dialogues.jsonl"
    path.write_text("\n\n")
    with pytest.raises(EvalError, match="holds no dialogues"):
        load_dialogues(path, KNOWN.get)


def test_a_file_is_written_whole_or_not_at_all_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert write_dialogues(path, [talk("a", "hi", "ho")]) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def breaking() -> Any:
        yield talk("b", "hi", "ho")
        raise RuntimeError("broke off")

    with pytest.raises(RuntimeError):
        write_dialogues(path, breaking())
    assert [dialogue.id for dialogue in load_dialogues(path, KNOWN.get).dialogues] == ["a"]
    assert list(tmp_path.iterdir()) == [path]


def test_the_list_of_bad_lines_is_bounded_and_their_count_is_not() -> None:
    bad = BadLines(kept=3, numbered=4)
    for number in range(1, 11):
        bad.add("f", number, "x" * 1_000)
    assert (bad.count, len(bad.first), bad.numbers["f"]) == (10, 3, [1, 2, 3, 4])
    assert len(bad.first[0].problem) == 200
