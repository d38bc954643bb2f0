"""Votes and reviews as CSV become examples; a bad line is named."""

import csv
from pathlib import Path
from typing import Any

import pytest

from repartee_eval.preferences.example import PromptTurn
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.logged_prompts import LoggedReply
from repartee_tune.data.people import review_examples, vote_examples
from repartee_tune.data.sources import told_sources
from repartee_tune.errors import TuneError

LOGGED = {"rpl_1": LoggedReply((PromptTurn(role="user", content="Tea?"),), "No tea.", "hash", ())}


def _csv(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _vote(item: str, voter: str, vote: str, **fields: str) -> dict[str, Any]:
    given = {"prompt": "Tea?", "reply_a": "No.", "reply_b": "Aye, black."}
    return {"item": item, "voter": voter, "vote": vote, **given, **fields}


def test_votes_make_a_pair_where_enough_agree(tmp_path: Path) -> None:
    rows = [_vote("i1", voter, vote) for voter, vote in (("p", "b"), ("q", "b"), ("r", "tie"))]
    rows += [_vote("i2", "p", "a"), _vote("i2", "q", "b"), _vote("i3", "p", "a")]
    funnel = Funnel()
    pairs = vote_examples(_csv(tmp_path / "votes.csv", *rows), {}, 0.7, funnel)
    assert [(one.case, one.chosen, one.margin) for one in pairs] == [
        ("i1", "Aye, black.", 0.666667),
        ("i3", "No.", 1.0),
    ]
    assert pairs[0].judges == ("people:3",)
    assert funnel.as_json()["steps"][0] == {
        "step": "below_margin",
        "removed": 1,
        "left": 2,
        "by_source": {"vote": 1},
    }


def test_a_voter_counts_once_with_the_last_vote(tmp_path: Path) -> None:
    path = _csv(tmp_path / "votes.csv", _vote("i1", "p", "a"), _vote("i1", "p", "b"), _vote("i1", "q", "b"))
    assert vote_examples(path, {}, 0.9, Funnel())[0].chosen == "Aye, black."


def test_lines_of_an_item_may_show_its_replies_in_either_order(tmp_path: Path) -> None:
    turned = {"reply_a": "Aye, black.", "reply_b": "No."}
    rows = [_vote("i1", "p", "b"), _vote("i1", "q", "a", **turned), _vote("i1", "r", "a", **turned)]
    [pair] = vote_examples(_csv(tmp_path / "votes.csv", *rows), {}, 0.9, Funnel())
    assert (pair.chosen, pair.margin) == ("Aye, black.", 1.0)
    other = [*rows, _vote("i1", "s", "a", reply_a="Perhaps.")]
    with pytest.raises(TuneError, match=r"line 5: item: has other replies than on .*line 2"):
        vote_examples(_csv(tmp_path / "votes.csv", *other), {}, 0.9, Funnel())


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheets_headers_spaces_and_blank_lines_are_fine(tmp_path: Path, delimiter: str) -> None:
    lines = [
        ["Item", " Reply A", "REPLY_B ", "Vote", "Voter", "Prompt"],
        [" i1 ", "No; none, at all.", "Aye, black.", " B ", "p", "[OOC: hi] Tea?"],
        [""] * 6,
        ["i1", "No; none, at all.", "Aye, black.", "b", "q"],
    ]
    path = tmp_path / "votes.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(lines)
    assert told_sources([path])[0].kind == "votes"
    [pair] = vote_examples(path, {}, 0.9, Funnel())
    assert (pair.case, pair.chosen, pair.newest) == ("i1", "Aye, black.", "[OOC: hi] Tea?")
    assert pair.judges == ("people:2",)


def test_a_review_gives_singles_or_edits_against_originals(tmp_path: Path) -> None:
    path = _csv(
        tmp_path / "review.csv",
        {"item": "1", "reply_id": "rpl_1", "verdict": "reject"},
        {"item": "2", "prompt": '[{"role": "user", "content": "Hi"}]', "reply": "Hm.", "verdict": "accept"},
        {"item": "3", "prompt": "Hi", "reply": "Hello", "edited": "Ahoy", "verdict": "edit"},
    )
    singles = review_examples(path, LOGGED, Funnel(), pairs=False)
    assert [(one.chosen, one.rejected) for one in singles] == [
        (None, "No tea."),
        ("Hm.", None),
        ("Ahoy", None),
    ]
    assert (singles[0].user, singles[0].prompt_from) == ("hash", "logged")
    pairs = review_examples(path, LOGGED, Funnel(), pairs=True)
    assert [(one.chosen, one.rejected) for one in pairs] == [("Ahoy", "Hello")]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"item": "1", "prompt": "Hi", "reply": "Ho", "verdict": "fine"}, "line 2: verdict: must be accept"),
        ({"item": "1", "prompt": "Hi", "reply": "", "verdict": "accept"}, "line 2: reply: must not be empty"),
        (
            {"item": "1", "prompt": "", "reply": "Ho", "verdict": "accept"},
            "line 2: prompt: or reply_id is needed",
        ),
        ({"item": "1", "prompt": "[{1", "reply": "Ho", "verdict": "accept"}, "line 2: prompt: must be text"),
        ({"item": "", "prompt": "Hi", "reply": "Ho", "verdict": "accept"}, "line 2: item: must not be empty"),
        (
            {"item": "1", "reply_id": "rpl_9", "reply": "Ho", "verdict": "accept"},
            "reply_id: is not in the event log",
        ),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: dict[str, Any], told: str) -> None:
    with pytest.raises(TuneError, match=told):
        review_examples(_csv(tmp_path / "review.csv", row), LOGGED, Funnel(), pairs=False)
