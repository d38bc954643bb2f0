"""A tuned classifier as a moderator: it knows the tags that it was trained on, and reads no context."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from repartee.application.ports import Moderator as Classifier
from repartee.application.text_classifier import TagFound
from repartee_eval.judges.question import Judge, Question, question_of
from repartee_eval.judges.reading import FlagReading
from repartee_eval.judges.rubrics import Flag
from repartee_eval.judges.subject import Subject
from repartee_eval.moderators import Read
from repartee_eval.runs.job import Answer, Job
from repartee_eval.runs.store_reader import StoreReader


@dataclass(frozen=True, slots=True)
class ClassifierJob:
    """A text to label in this process: a `Job` of the runner."""

    question: Question
    text: str
    classifier: Classifier

    @property
    def key(self) -> str:
        """The question's key."""
        return self.question.key

    @property
    def endpoint(self) -> str:
        """The classifier's name: it is no server."""
        return self.classifier.name

    @property
    def worst_cost(self) -> float | None:
        """Nothing."""
        return 0.0

    async def send(self) -> Answer:
        """Label the text."""
        started = time.perf_counter()
        found = await self.classifier.label(self.text)
        raw = orjson.dumps({tag: [one.level, one.score] for tag, one in found.items()}).decode()
        return Answer(raw, time.perf_counter() - started, 0.0, model=self.classifier.name)


@dataclass(frozen=True, slots=True)
class ClassifierModerator:
    """What `repartee-tune train moderation` made, from its folder."""

    classifier: Classifier

    @property
    def name(self) -> str:
        """The classifier's id."""
        return self.classifier.name

    @property
    def is_language_model(self) -> bool:
        """True: a trained classifier, though a small one."""
        return True

    def knows(self, flag: Flag) -> bool:
        """Return whether it was trained on the flag."""
        return flag.id in self.classifier.tags

    def job(self, subject: Subject, flags: Sequence[Flag]) -> Job:
        """Return the call about a message."""
        return ClassifierJob(self._question(subject, flags), _judged(subject), self.classifier)

    def read(self, subject: Subject, flags: Sequence[Flag], store: StoreReader) -> Read:
        """Return what the kept answer says; the flags that the classifier does not know are not in it."""
        kept = store.answer(self._question(subject, flags).key)
        if kept is None:
            return None
        found: Mapping[str, list[object]] = orjson.loads(kept.answer.raw)
        asked = [flag.id for flag in flags if flag.id in found]
        return tuple(_reading(tag, TagFound(*found[tag])) for tag in asked)  # type: ignore[arg-type] # as written

    def _question(self, subject: Subject, flags: Sequence[Flag]) -> Question:
        judge = Judge(model=self.name, structured=False, is_language_model=True)
        data = tuple({"id": flag.id} for flag in flags if self.knows(flag))
        return question_of(judge, "moderation", subject.id, data, {"input": _judged(subject)}, "")


def _judged(subject: Subject) -> str:
    judged = subject.side.messages[subject.side.focus :]
    return "\n\n".join(message.text for message in judged if message.role == "character")


def _reading(tag: str, found: TagFound) -> FlagReading:
    reason = f"score {found.score:.2f}" if found.level != "none" else ""
    return FlagReading(flag=tag, level=found.level, reason=reason, score=found.score)
