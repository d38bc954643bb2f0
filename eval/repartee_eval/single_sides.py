"""Replies, dialogues and summaries judged by themselves, with flags or scores."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from repartee.domain.dialogue import Message
from repartee_eval.cases import Side
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.summaries import Summary
from repartee_eval.dialogues.windows import UNKNOWN, model_of
from repartee_eval.judges.question import Unreadable
from repartee_eval.judges.reading import FlagReading, ScoreReading
from repartee_eval.judges.rubrics import Dimension, Flag
from repartee_eval.judges.subject import Subject
from repartee_eval.panel import Seat
from repartee_eval.runs.job import Job
from repartee_eval.runs.store_reader import StoreReader

Kind = Literal["reply", "dialogue", "summary"]
OVERALL: Final = "overall"
"""The dimension that is about all of them, where it is among those asked about."""


@dataclass(frozen=True, slots=True)
class FlaggedReply:
    """A reply with what was read of it; `failure` instead where there is no reading."""

    subject: Subject
    readings: tuple[FlagReading, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class ScoredReply:
    """A reply, or a stretch of dialogue, with its scores; `failure` instead where there are none."""

    subject: Subject
    scores: tuple[ScoreReading, ...] = ()
    failure: str = ""

    @property
    def overall(self) -> float | None:
        """What the judge gave `overall`, else the mean over the dimensions; None without scores."""
        given = next((one.score for one in self.scores if one.dimension == OVERALL), None)
        if given is not None or not self.scores:
            return given
        return sum(one.score for one in self.scores) / len(self.scores)


def reply_subjects(dialogues: Iterable[Dialogue]) -> Iterator[Subject]:
    """Yield every message of the character with what stands before it; equal ones have equal ids."""
    for dialogue in dialogues:
        for place, turn in enumerate(dialogue.messages):
            if turn.role == "character":
                yield _reply(dialogue, place)


def dialogue_subjects(dialogues: Iterable[Dialogue]) -> Iterator[Subject]:
    """Yield each whole dialogue in which the character says something."""
    for dialogue in dialogues:
        replies = [turn for turn in dialogue.messages if turn.role == "character"]
        if replies:
            side = Side(
                model=model_of(replies),
                messages=dialogue.history(len(dialogue.messages)),
                dialogue_id=dialogue.id,
                reply_ids=tuple(turn.id for turn in replies),
                emulated=dialogue.emulated,
                truncated=any(turn.finish_reason == "length" for turn in replies),
            )
            yield _subject(dialogue, "dialogue", (), side)


def summary_subjects(dialogues: Iterable[Dialogue], summaries: Iterable[Summary]) -> Iterator[Subject]:
    """Yield each summary with the whole dialogue that it is about."""
    by_id = {dialogue.id: dialogue for dialogue in dialogues}
    for summary in summaries:
        dialogue = by_id[summary.dialogue]
        side = Side(
            model=summary.model or UNKNOWN,
            messages=(Message(role="character", text=summary.summary),),
            dialogue_id=dialogue.id,
            reply_ids=(summary.id or dialogue.id,),
            emulated=dialogue.emulated,
        )
        yield _subject(dialogue, "summary", dialogue.history(len(dialogue.messages)), side)


def _reply(dialogue: Dialogue, place: int) -> Subject:
    turn = dialogue.messages[place]
    side = Side(
        model=turn.model or UNKNOWN,
        messages=(turn.message,),
        dialogue_id=dialogue.id,
        reply_ids=(turn.id,),
        emulated=dialogue.emulated,
        truncated=turn.finish_reason == "length",
        prompt_version=turn.prompt_version,
    )
    return _subject(dialogue, "reply", dialogue.history(place), side)


def _subject(dialogue: Dialogue, kind: Kind, shared: tuple[Message, ...], side: Side) -> Subject:
    subject = Subject(
        id="",
        kind=kind,
        cluster=dialogue.id,
        character_id=dialogue.character_id,
        character=dialogue.character,
        user=dialogue.user,
        scenario=dialogue.scenario,
        scenario_id=dialogue.scenario_id,
        shared=shared,
        golden=dialogue.golden,
        side=side,
    )
    return subject.model_copy(update={"id": subject.content_hash()})


def flag_jobs(subjects: Iterable[Subject], seat: Seat, flags: Sequence[Flag]) -> Iterator[Job]:
    """Yield the call for every subject."""
    for subject in subjects:
        yield seat.flag_job(seat.flag_question(subject, flags), subject, flags)


def score_jobs(subjects: Iterable[Subject], seat: Seat, dimensions: Sequence[Dimension]) -> Iterator[Job]:
    """Yield the call for every subject."""
    for subject in subjects:
        yield seat.score_job(seat.score_question(subject, dimensions), subject)


def read_flagged(
    subjects: Iterable[Subject], seat: Seat, flags: Sequence[Flag], store: StoreReader
) -> Iterator[FlaggedReply]:
    """Yield every subject with what the kept answers say."""
    for subject in subjects:
        read = seat.flags(subject, flags, store)
        if read is None or isinstance(read, Unreadable):
            yield FlaggedReply(subject, failure=read.reason if read else "not asked")
        else:
            yield FlaggedReply(subject, read)


def read_scored(
    subjects: Iterable[Subject], seat: Seat, dimensions: Sequence[Dimension], store: StoreReader
) -> Iterator[ScoredReply]:
    """Yield every subject with what the kept answers say."""
    for subject in subjects:
        read = seat.scores(subject, dimensions, store)
        if read is None or isinstance(read, Unreadable):
            yield ScoredReply(subject, failure=read.reason if read else "not asked")
        else:
            yield ScoredReply(subject, read)
