import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repartee_eval.retrieval_data import SHIPPED, RetrievalDataError, load_retrieval_data
from tests.unit.repartee_eval.labelled import labelled, write

Change = Callable[[dict[str, Any]], object]


def test_shipped_data_are_valid_and_as_their_readme_says():
    users = load_retrieval_data(SHIPPED).users
    placed = {user.user.id: (user.language, user.split, len(user.facts)) for user in users}
    assert placed["tess"] == ("en", "tune", 90)
    assert {(user.language, user.split) for user in users} == {
        (language, split) for language in ("en", "ru") for split in ("tune", "test")
    }
    for user in users:
        alone = [message for message in user.messages if not message.before]
        after = [message for message in user.messages if message.before]
        assert (len(alone), sum(not message.relevant for message in alone)) == (72, 24)
        assert [message.id for message in after] == [f"m{number:03}" for number in range(73, 93)]
        assert [bool(message.relevant) for message in after] == [True] * 12 + [False] * 8
        assert all(2 <= len(message.before) <= 5 for message in after)


def test_turns_before_a_message_are_read_in_order(tmp_path: Path):
    user = labelled()
    user["messages"][1]["before"] = [{"role": "user", "text": "so"}, {"role": "assistant", "text": "Yes?"}]
    first, second, _ = load_retrieval_data(write(tmp_path, user)).users[0].messages
    assert first.before == ()
    assert [(turn.role, turn.text) for turn in second.before] == [("user", "so"), ("assistant", "Yes?")]


def test_fingerprint_changes_with_any_file(tmp_path: Path):
    first = load_retrieval_data(write(tmp_path, labelled("ann"), labelled("ben"))).fingerprint
    assert load_retrieval_data(tmp_path).fingerprint == first
    write(tmp_path, labelled("ben", split="test"))
    assert load_retrieval_data(tmp_path).fingerprint != first


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda user: user.update(language="English"), "language"),
        (lambda user: user.update(split="train"), "split"),
        (lambda user: user.update(note="?"), "note"),
        (lambda user: user.update(facts=[]), "facts"),
        (lambda user: user["facts"][1].update(text="  "), "facts.1.text"),
        (lambda user: user["facts"][1].update(id="f1"), "facts: two have the id 'f1'"),
        (lambda user: user["messages"][0].update(id="m2"), "messages: two have the id 'm2'"),
        (lambda user: user["messages"][2].pop("relevant"), "messages.2.relevant"),
        (lambda user: user["messages"][0]["relevant"].update(f1=3), "messages.0.relevant.f1"),
        (lambda user: user["messages"][0]["relevant"].update(f1=True), "messages.0.relevant.f1"),
        (lambda user: user["messages"][0].update(before="so"), "messages.0.before"),
        (lambda user: user["messages"][0].update(before=[{"role": "user"}]), "messages.0.before.0.text"),
        (
            lambda user: user["messages"][0].update(before=[{"role": "user", "text": " "}]),
            "messages.0.before.0.text",
        ),
        (
            lambda user: user["messages"][0].update(before=[{"role": "system", "text": "so"}]),
            "messages.0.before.0.role",
        ),
        (
            lambda user: user["messages"][0].update(before=[{"role": "user", "text": "so", "at": 1}]),
            "messages.0.before.0.at",
        ),
        (
            lambda user: user["messages"][0]["relevant"].update(f9=1),
            "messages.0.relevant: there is no fact 'f9'",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, change: Change, named: str):
    user = labelled()
    change(user)
    with pytest.raises(RetrievalDataError) as error:
        load_retrieval_data(write(tmp_path, user))
    assert str(error.value).startswith(f"ann.json: {named}")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b'"text"', b"[" * 100_000, b'{"user": 1, "user": 2}', b"NaN"]
)
def test_what_is_no_labelled_user_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "odd.json").write_bytes(content)
    with pytest.raises(RetrievalDataError, match=r"^odd\.json: "):
        load_retrieval_data(tmp_path)


def test_a_label_given_twice_is_refused(tmp_path: Path):
    text = json.dumps(labelled()).replace('"f1": 2', '"f1": 2, "f1": 1')
    (tmp_path / "ann.json").write_text(text, "utf-8")
    with pytest.raises(RetrievalDataError, match="'f1' stands twice"):
        load_retrieval_data(tmp_path)


def test_one_user_in_two_files_is_refused(tmp_path: Path):
    write(tmp_path, labelled("ann"))
    (tmp_path / "copy.json").write_text((tmp_path / "ann.json").read_text("utf-8"), "utf-8")
    with pytest.raises(RetrievalDataError, match=r"two files have the user\.id 'ann'"):
        load_retrieval_data(tmp_path)


def test_a_folder_without_files_is_refused(tmp_path: Path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RetrievalDataError, match=r"no \*\.json"):
            load_retrieval_data(folder)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path):
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(RetrievalDataError, match=r"^folder\.json: cannot be read"):
        load_retrieval_data(tmp_path)
