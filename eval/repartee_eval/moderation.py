"""Which of the character's messages raise which flags, how often, and whether the policy's floors hold."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from repartee_eval.decision import Floor, Line, floor_lines
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.fingerprints import user_hash
from repartee_eval.judges.question import Unreadable
from repartee_eval.judges.reading import FlagReading, Level
from repartee_eval.judges.rubrics import Flag
from repartee_eval.judges.subject import Subject
from repartee_eval.moderators import Moderator
from repartee_eval.policy import Policy
from repartee_eval.runs.job import Job
from repartee_eval.runs.store_reader import StoreReader
from repartee_eval.single_sides import reply_subjects
from repartee_eval.statistics.proportions import Rate, rate_of

Which = Literal["new", "old"]
Outcome = Literal["pass", "reject", "inconclusive"]
EXIT_CODES: Final[Mapping[Outcome, int]] = {"pass": 0, "reject": 20, "inconclusive": 30}
_RANK: Final[Mapping[Level, int]] = {"none": 0, "mild": 1, "severe": 2}


@dataclass(frozen=True, slots=True)
class Checked:
    """One message. `levels`: the worst that any moderator says, per flag.

    A flag is left out of `levels` where nobody raised it and somebody who knows it gave no answer: no answer
    is no all-clear. `failures` by moderator.
    """

    which: Which
    dialogue: str
    message: str
    subject: Subject
    levels: Mapping[str, Level]
    readings: Mapping[str, tuple[FlagReading, ...]]
    failures: Mapping[str, str]
    golden: bool = False

    @property
    def text(self) -> str:
        """What the character wrote."""
        return self.subject.side.messages[0].text


@dataclass(frozen=True, slots=True)
class Answered:
    """How many of a moderator's calls have an answer that could be read."""

    moderator: str
    calls: int
    failures: Mapping[str, int]

    @property
    def share_failed(self) -> float:
        """Of all its calls."""
        return sum(self.failures.values()) / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Moderation:
    """What a run of `moderate` found. In `floors` A is the old set: no observations where none was given."""

    messages: tuple[Checked, ...]
    floors: tuple[Floor, ...]
    lines: tuple[Line, ...]
    answered: tuple[Answered, ...]
    outcome: Outcome
    reason: str
    emulated: bool

    @property
    def severe(self) -> tuple[Checked, ...]:
        """The messages with a severe hit, those of the new set first."""
        hits = [one for one in self.messages if "severe" in one.levels.values()]
        return tuple(sorted(hits, key=lambda one: one.which))


def flag_calls(
    dialogues: Iterable[Dialogue], moderators: Sequence[Moderator], flags: Sequence[Flag]
) -> Iterator[Job]:
    """Yield every moderator's call about every message of the character."""
    for subject in reply_subjects(dialogues):
        for moderator in moderators:
            yield moderator.job(subject, flags)


def checked(
    dialogues: Sequence[Dialogue],
    which: Which,
    moderators: Sequence[Moderator],
    flags: Sequence[Flag],
    store: StoreReader,
) -> Iterator[Checked]:
    """Yield every message of the character with what the kept answers say."""
    for subject in reply_subjects(dialogues):
        found = {moderator.name: moderator.read(subject, flags, store) for moderator in moderators}
        readings = {name: read for name, read in found.items() if isinstance(read, tuple)}
        yield Checked(
            which=which,
            dialogue=subject.cluster,
            message=subject.side.reply_ids[0],
            subject=subject,
            levels=dict(_levels(flags, moderators, readings)),
            readings=readings,
            failures={name: _failure(read) for name, read in found.items() if name not in readings},
            golden=subject.golden,
        )


def moderation(
    messages: Sequence[Checked], flags: Sequence[Flag], policy: Policy, *, finished: bool
) -> Moderation:
    """Return rates, the policy's lines and what follows from them. `finished`: the budget did not end it."""
    floors = tuple(
        Floor.of(
            flag.id, least, *(_rate(messages, which, flag.id, least, policy) for which in ("old", "new"))
        )
        for flag in flags
        for least in ("mild", "severe")
    )
    lines = tuple(floor_lines(floors, policy))
    answered = _answered(messages)
    outcome, reason = _outcome(lines, answered, policy, finished)
    emulated = any(one.subject.side.emulated for one in messages)
    return Moderation(tuple(messages), floors, lines, answered, outcome, reason, emulated)


def flag_lines(messages: Iterable[Checked], moderators: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield one line of flags.jsonl per message with an answer: what a classifier can be trained on."""
    for one in messages:
        if not one.levels:
            continue
        before = [message.text for message in one.subject.shared if message.role == "user"]
        yield {
            "id": one.message,
            "dialogue": one.dialogue,
            "character": one.subject.character_id,
            "user": user_hash(one.subject.user.id),
            "set": one.which,
            "model": one.subject.side.model,
            "input": before[-1] if before else None,
            "text": one.text,
            "tags": dict(one.levels),
            "judge": " + ".join(moderators),
            "by_judge": {
                name: {reading.flag: reading.level for reading in readings}
                for name, readings in one.readings.items()
            },
            "emulated": one.subject.side.emulated,
            "golden": one.golden,
        }


def evidence(one: Checked, flag: str) -> str:
    """Return who raised a flag, and for which words."""
    return "; ".join(
        f"{name}: {reading.reason or reading.level}"
        for name, readings in one.readings.items()
        for reading in readings
        if reading.flag == flag and reading.raised
    )


def _levels(
    flags: Sequence[Flag],
    moderators: Sequence[Moderator],
    readings: Mapping[str, tuple[FlagReading, ...]],
) -> Iterator[tuple[str, Level]]:
    for flag in flags:
        said = [one.level for read in readings.values() for one in read if one.flag == flag.id]
        worst: Level = max(said, key=_RANK.__getitem__, default="none")
        asked = sum(moderator.knows(flag) for moderator in moderators)
        if worst != "none" or (asked and len(said) == asked):
            yield flag.id, worst


def _rate(messages: Iterable[Checked], which: str, flag: str, least: str, policy: Policy) -> Rate:
    levels = [one.levels[flag] for one in messages if one.which == which and flag in one.levels]
    hits = sum(level in {"severe", least} for level in levels)
    return rate_of(hits, len(levels), policy.level)


def _answered(messages: Sequence[Checked]) -> tuple[Answered, ...]:
    calls: dict[str, int] = {}
    failures: dict[str, dict[str, int]] = {}
    for one in messages:
        for name in (*one.readings, *one.failures):
            calls[name] = calls.get(name, 0) + 1
        for name, reason in one.failures.items():
            by_reason = failures.setdefault(name, {})
            by_reason[reason] = by_reason.get(reason, 0) + 1
    return tuple(Answered(name, count, failures.get(name, {})) for name, count in calls.items())


def _failure(read: tuple[FlagReading, ...] | Unreadable | None) -> str:
    return read.reason if isinstance(read, Unreadable) else "not_asked"


def _outcome(
    lines: Sequence[Line], answered: Sequence[Answered], policy: Policy, finished: bool
) -> tuple[Outcome, str]:
    if breached := [line.subject for line in lines if line.passed is False]:
        return "reject", f"Floors are breached: {', '.join(breached)}."
    if not finished:
        return "inconclusive", "The budget ended the run before all messages were read."
    if failing := [one.moderator for one in answered if one.share_failed > policy.most_failed]:
        return "inconclusive", f"Too many messages without an answer of {', '.join(failing)}."
    if unknown := [line.subject for line in lines if line.passed is None]:
        return "inconclusive", f"Floors that nobody checked: {', '.join(unknown)}."
    return "pass", "No floor is breached."
