"""Judges with the means to reach them: questions become calls, and kept answers become readings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson

from repartee_eval.cases import Case
from repartee_eval.judges.moderating import moderation_question, read_flags
from repartee_eval.judges.offline_flags import offline_flags
from repartee_eval.judges.offline_job import OfflineJob
from repartee_eval.judges.offline_judge import offline_scores, offline_verdict
from repartee_eval.judges.pairwise import Orders, pairwise_questions
from repartee_eval.judges.prompts import JudgePrompts
from repartee_eval.judges.question import Judge, Question, Unreadable
from repartee_eval.judges.reading import FlagReading, ScoreReading
from repartee_eval.judges.rows import rows_of
from repartee_eval.judges.rubrics import Criterion, Dimension, Flag
from repartee_eval.judges.scoring import read_scores, score_questions
from repartee_eval.judges.subject import Subject
from repartee_eval.judges.verdict_reading import read_verdict
from repartee_eval.runs.chat_endpoint import ChatEndpoint, ChatRequest
from repartee_eval.runs.job import Answer, Job
from repartee_eval.runs.manifest import JudgeSection
from repartee_eval.runs.store_reader import StoreReader
from repartee_eval.verdict_rows import VerdictRow


@dataclass(frozen=True, slots=True)
class EndpointJob:
    """A question's call to a judge's server: a `Job` of the runner. The body is written once."""

    key: str
    endpoint: str
    chat: ChatEndpoint
    request: ChatRequest

    @property
    def worst_cost(self) -> float | None:
        """US dollars of one attempt at most."""
        return self.chat.worst_cost(self.request)

    async def send(self) -> Answer:
        """Make one attempt. Raises CallFailed."""
        return await self.chat.complete(self.request)


@dataclass(frozen=True, slots=True)
class Asking:
    """What pairwise questions are about and how often they are put."""

    criteria: tuple[Criterion, ...]
    orders: Orders = "both"
    replicates: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Seat:
    """One judge. `chat` is None for the offline baseline, which answers here."""

    judge: Judge
    prompts: JudgePrompts
    chat: ChatEndpoint | None = None

    def section(self, rubrics: dict[str, str]) -> JudgeSection:
        """Return what the run's manifest says of the judge. `rubrics`: SHA-256 by id."""
        judge = self.judge
        return JudgeSection(
            id=judge.name,
            model=judge.model,
            endpoint=judge.address,
            prompts=self.prompts.fingerprints,
            criteria=rubrics,
            settings={
                "mode": judge.mode,
                "joint": judge.joint,
                "temperature": judge.temperature,
                "max_tokens": judge.max_tokens,
                "extra": dict(judge.extra),
                "seed": judge.seed,
                "history": judge.history,
                "structured": judge.structured,
                "logprobs": judge.logprobs,
                "not_applicable": judge.not_applicable,
                "is_language_model": judge.is_language_model,
            },
        )

    # --- verdicts -------------------------------------------------------------------------------------

    def questions(self, case: Case, asking: Asking) -> list[Question]:
        """Return the pairwise questions about a case."""
        return pairwise_questions(
            case,
            asking.criteria,
            self.judge,
            self.prompts,
            orders=asking.orders,
            replicates=asking.replicates,
            seed=asking.seed,
        )

    def verdict_job(self, question: Question, case: Case) -> Job:
        """Return the call for a pairwise question."""
        return self._job(question) or OfflineJob(question, lambda: offline_verdict(question, case))

    def rows(self, case: Case, asking: Asking, store: StoreReader) -> Iterator[VerdictRow]:
        """Yield the verdict rows of a case as far as the store holds answers or failures."""
        for question in self.questions(case, asking):
            kept = store.answer(question.key)
            if kept is not None:
                outcome = read_verdict(question, kept.answer.raw)
                yield from rows_of(question, case, outcome, kept.answer)
            elif (failure := store.failure(question.key)) is not None:
                yield from rows_of(question, case, Unreadable(failure.reason, failure.message), None)

    # --- flags and scores of one side -----------------------------------------------------------------

    def flag_question(self, subject: Subject, flags: Sequence[Flag]) -> Question:
        """Return the question which flags the subject raises."""
        return moderation_question(subject, flags, self.judge, self.prompts)

    def flag_job(self, question: Question, subject: Subject, flags: Sequence[Flag]) -> Job:
        """Return the call for it."""
        return self._job(question) or OfflineJob(question, lambda: offline_flags(question, subject, flags))

    def flags(
        self, subject: Subject, flags: Sequence[Flag], store: StoreReader
    ) -> tuple[FlagReading, ...] | Unreadable | None:
        """Return what was read of the kept answer; None where the call was not made."""
        question = self.flag_question(subject, flags)
        kept = store.answer(question.key)
        return read_flags(question, kept.answer.raw) if kept else _failure(store, question.key)

    def score_question(self, subject: Subject, dimensions: Sequence[Dimension]) -> Question:
        """Return the question how good the subject is."""
        return score_questions(subject, dimensions, self.judge, self.prompts)[0]

    def score_job(self, question: Question, subject: Subject) -> Job:
        """Return the call for it."""
        return self._job(question) or OfflineJob(question, lambda: offline_scores(question, subject))

    def scores(
        self, subject: Subject, dimensions: Sequence[Dimension], store: StoreReader
    ) -> tuple[ScoreReading, ...] | Unreadable | None:
        """Return what was read of the kept answer; None where the call was not made."""
        question = self.score_question(subject, dimensions)
        kept = store.answer(question.key)
        return read_scores(question, kept.answer.raw) if kept else _failure(store, question.key)

    def _job(self, question: Question) -> Job | None:
        if self.chat is None:
            return None
        return EndpointJob(question.key, self.chat.name, self.chat, ChatRequest.of(question.body))


def rubric_hashes(rubrics: Sequence[Criterion | Dimension | Flag]) -> dict[str, str]:
    """Return the SHA-256 of each rubric by its id, for the run's manifest."""
    return {
        rubric.id: sha256(orjson.dumps(rubric.model_dump(), option=orjson.OPT_SORT_KEYS)).hexdigest()
        for rubric in rubrics
    }


def _failure(store: StoreReader, key: str) -> Unreadable | None:
    failure = store.failure(key)
    return Unreadable(failure.reason, failure.message) if failure else None
