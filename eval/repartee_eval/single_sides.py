"""Replies judged by themselves: flags and scores of every reply in dialogues."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from repartee_eval.cases import Side
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.windows import UNKNOWN
from repartee_eval.judges.question import Unreadable
from repartee_eval.judges.reading import FlagReading, ScoreReading
from repartee_eval.judges.rubrics import Dimension, Flag
from repartee_eval.judges.subject import Subject
from repartee_eval.panel import Seat
from repartee_eval.runs.job import Job
from repartee_eval.runs.store_reader import StoreReader


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
        """The mean over the dimensions; None without scores."""
        return sum(one.score for one in self.scores) / len(self.scores) if self.scores else None


def reply_subjects(dialogues: Iterable[Dialogue]) -> Iterator[Subject]:
    """Yield every message of the character with what stands before it; equal ones have equal ids."""
    for dialogue in dialogues:
        for place, turn in enumerate(dialogue.messages):
            if turn.role == "character":
                yield _subject(dialogue, place)


def _subject(dialogue: Dialogue, place: int) -> Subject:
    turn = dialogue.messages[place]
    subject = Subject(
        id="",
        kind="reply",
        cluster=dialogue.id,
        character_id=dialogue.character_id,
        character=dialogue.character,
        user=dialogue.user,
        scenario=dialogue.scenario,
        scenario_id=dialogue.scenario_id,
        shared=dialogue.history(place),
        side=Side(
            model=turn.model or UNKNOWN,
            messages=(turn.message,),
            dialogue_id=dialogue.id,
            reply_ids=(turn.id,),
            emulated=dialogue.emulated,
            truncated=turn.finish_reason == "length",
            prompt_version=turn.prompt_version,
        ),
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
