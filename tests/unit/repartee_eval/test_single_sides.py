"""Replies, dialogues and summaries as subjects."""

from pathlib import Path

from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.replay import replay_cases
from repartee_eval.dialogues.summaries import Summary
from repartee_eval.judges.reading import ScoreReading
from repartee_eval.single_sides import (
    ScoredReply,
    dialogue_subjects,
    reply_subjects,
    summary_subjects,
)
from tests.unit.repartee_eval.made_dialogues import dialogue


def _dialogue(turns: int = 2, **fields: object) -> Dialogue:
    return Dialogue.model_validate(dialogue("b", 1, turns=turns) | fields)


def test_every_message_of_the_character_is_a_subject_with_what_stands_before_it():
    first, second = reply_subjects([_dialogue()])
    assert (len(first.shared), len(second.shared)) == (1, 3)
    assert first.side.reply_ids == ("b1.0c",)
    assert second.side.messages[0].text.startswith("beta says 1 1")
    assert (second.side.model, second.cluster, second.kind) == ("model-b", "b1", "reply")


def test_ids_follow_from_the_content():
    ids = [subject.id for subject in reply_subjects([_dialogue()])]
    assert ids == [subject.id for subject in reply_subjects([_dialogue()])]
    assert len(set(ids)) == 2
    other = _dialogue(character={"name": "Somebody"})
    assert not set(ids) & {subject.id for subject in reply_subjects([other])}


def test_a_cut_reply_and_an_emulated_user_are_marked():
    told = dialogue("b", 1)
    told["messages"][1]["finish_reason"] = "length"
    (subject,) = reply_subjects([Dialogue.model_validate(told | {"emulated": True})])
    assert (subject.side.truncated, subject.side.emulated) == (True, True)


def test_golden_dialogues_are_told_by_subjects_and_cases_and_ids_stay():
    plain, golden = _dialogue(), _dialogue(golden=True)
    for made in (reply_subjects, dialogue_subjects):
        before, after = list(made([plain])), list(made([golden]))
        assert [one.id for one in before] == [one.id for one in after]
        assert {one.golden for one in after} == {True}
    cases = [[slot.case(slot.logged) for slot in replay_cases([one], per_depth=2)] for one in (plain, golden)]
    assert [one.id for one in cases[0]] == [one.id for one in cases[1]]
    assert {one.golden for one in cases[1]} == {True}


def test_a_dialogue_is_one_subject_and_one_without_replies_is_none():
    silent = dialogue("b", 2)
    silent["messages"] = silent["messages"][:1]
    (subject,) = dialogue_subjects([_dialogue(), Dialogue.model_validate(silent)])
    assert (subject.kind, len(subject.side.messages), subject.shared) == ("dialogue", 4, ())


def test_a_summary_stands_after_its_whole_dialogue():
    (subject,) = summary_subjects([_dialogue()], [Summary(dialogue="b1", summary="They talk.")])
    assert (subject.kind, len(subject.shared)) == ("summary", 4)
    assert subject.side.messages[0].text == "They talk."
    assert subject.side.reply_ids == ("b1",)


def test_overall_is_the_judges_own_where_it_gave_one_else_the_mean():
    (subject, _) = reply_subjects([_dialogue()])
    parts = (ScoreReading("a", 0.2, ""), ScoreReading("b", 0.4, ""))
    assert ScoredReply(subject, parts).overall == 0.30000000000000004
    assert ScoredReply(subject, (*parts, ScoreReading("overall", 0.9, ""))).overall == 0.9
    assert ScoredReply(subject, failure="refused").overall is None


def test_the_samples_have_subjects():
    from repartee_eval.dialogues.characters import characters_in  # noqa: PLC0415
    from repartee_eval.dialogues.jsonl import load_dialogues  # noqa: PLC0415

    root = Path(__file__).parents[3]
    samples = root / "eval" / "data" / "dialogues" / "floor_examples.jsonl"
    found = load_dialogues(samples, characters_in(root / "characters").get).dialogues
    assert len(list(reply_subjects(found))) == 20
