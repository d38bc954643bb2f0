import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.application.add_facts import NewFact
from repartee.presentation.cli.fact_files import read_facts, read_user_file, user_of
from repartee.presentation.cli.failures import UserMistake

_texts = (
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=80)
    .map(str.strip)
    .filter(lambda text: text and not text.startswith(("#", "\ufeff")))
)
_facts = st.lists(
    st.builds(NewFact, text=_texts, owner=st.sampled_from(["user", "character"])),
    min_size=1,
    unique_by=lambda fact: (fact.owner, fact.text),
)


def _written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("facts")


@given(_facts)
def test_json_objects_come_back_as_they_were_written(folder: Path, facts: list[NewFact]) -> None:
    rows = [fact.model_dump(include={"text", "owner"}) for fact in facts]
    assert read_facts(_written(folder, "rows.json", json.dumps(rows))) == facts
    assert read_facts(_written(folder, "object.json", json.dumps({"facts": rows}))) == facts


@given(_facts)
def test_json_lines_come_back_as_they_were_written(folder: Path, facts: list[NewFact]) -> None:
    lines = "\n".join(fact.model_dump_json(include={"text", "owner"}) for fact in facts)
    assert read_facts(_written(folder, "rows.jsonl", lines)) == facts


@given(st.lists(_texts, min_size=1, unique=True), st.sampled_from(["\n", "\r\n", "\n\n", "\n# no fact\n"]))
def test_text_lines_come_back_as_they_were_written(folder: Path, texts: list[str], end: str) -> None:
    read = read_facts(_written(folder, "lines.txt", "# mine" + end + end.join(texts) + end))
    assert [fact.text for fact in read] == texts


def test_strings_are_facts_about_the_user(tmp_path: Path) -> None:
    assert read_facts(_written(tmp_path, "a.json", '["Likes tea"]')) == [NewFact(text="Likes tea")]
    assert read_facts(_written(tmp_path, "a.jsonl", '\n"Likes tea"\n\n')) == [NewFact(text="Likes tea")]


def test_a_byte_order_mark_is_not_part_of_the_first_fact(tmp_path: Path) -> None:
    read = read_facts(_written(tmp_path, "a.txt", "\ufeffLikes tea\r\nHas a cat"))
    assert [fact.text for fact in read] == ["Likes tea", "Has a cat"]


def test_the_same_fact_counts_once(tmp_path: Path) -> None:
    assert len(read_facts(_written(tmp_path, "a.txt", "Likes tea\n Likes tea \n"))) == 1


def test_a_listing_of_ours_can_be_read_back(tmp_path: Path) -> None:
    row = {
        "id": "0f",
        "owner": "user",
        "text": "Likes tea",
        "created_at": "2026-01-01T00:00:00Z",
        "source": "x",
    }
    read = read_facts(_written(tmp_path, "a.json", json.dumps({"facts": [row]})))
    assert read == [NewFact(text="Likes tea", source="x")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", '[\n"x",\n}', "a.json, line 3, column 1: is not JSON"),
        ("a.json", '["x", ""]', "a.json, fact 2: text: String should have at least 1 character"),
        ("a.json", '["x", {"text": "y", "onwer": "user"}]', "a.json, fact 2: onwer: Extra inputs"),
        ("a.json", '["x", 3]', "a.json, fact 2: must be a text or"),
        (
            "a.json",
            '{"fact": []}',
            'a.json: must be a list of facts, or an object with such a list under "facts"',
        ),
        ("a.json", "[]", "a.json holds no facts"),
        ("a.json", "[" * 100_000, "a.json: is nested too deeply"),
        ("a.json", '["\\ud800"]', "a.json, fact 1: text: "),
        ("a.jsonl", '"x"\n\n{"text":}\n', "a.jsonl, line 3, column 9: is not JSON"),
        ("a.jsonl", '"x"\n{"owner": "user"}', "a.jsonl, line 2: text: Field required"),
        ("a.txt", "# only this\n", "a.txt holds no facts"),
        ("a.txt", b"x\nb\xff", "a.txt, line 2: is not UTF-8 text: save the file as UTF-8"),
        ("a.txt", "x\n" + "y" * 2_001, "a.txt, line 2: text: String should have at most 2000 characters"),
        ("a.csv", "x", "a.csv: name it .json, .jsonl or .txt"),
    ],
)
def test_an_error_names_the_file_and_the_place(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    with pytest.raises(UserMistake) as caught:
        read_facts(_written(tmp_path, name, content))
    assert str(caught.value).startswith(f"{tmp_path}/{said}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match=r"none\.txt: No such file or directory"):
        read_facts(tmp_path / "none.txt")
    with pytest.raises(UserMistake, match="Is a directory"):
        read_facts(tmp_path)


def test_a_user_file_holds_a_user_and_facts(tmp_path: Path) -> None:
    path = _written(tmp_path, "maya.json", '{"user": {"id": "maya", "name": "Maya"}, "facts": ["Likes tea"]}')
    read = read_user_file(path)
    assert (read.user.id, read.user.name) == ("maya", "Maya")
    assert read.facts == (NewFact(text="Likes tea"),)
    assert user_of(path) == read.user


def test_a_user_file_needs_no_facts(tmp_path: Path) -> None:
    assert read_user_file(_written(tmp_path, "maya.json", '{"user": {"name": "Maya"}}')).facts == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "a user file looks like"),
        ('{"facts": []}', "a user file looks like"),
        ('{"user": {"id": "no spaces"}}', "user: id: must be 1 to 128 ASCII letters"),
        ('{"user": {"nmae": "Maya"}}', "user: nmae: Extra inputs are not permitted"),
    ],
)
def test_an_error_in_a_user_file_names_the_field(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(UserMistake) as caught:
        read_user_file(_written(tmp_path, "maya.json", content))
    assert str(caught.value).startswith(f"{tmp_path}/maya.json: {said}")


def test_a_list_of_facts_names_no_user(tmp_path: Path) -> None:
    assert user_of(_written(tmp_path, "a.json", '["Likes tea"]')) is None
    assert user_of(_written(tmp_path, "a.txt", "Likes tea")) is None
