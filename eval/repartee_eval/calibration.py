"""Thresholds per script for one goal, with what they give, in the file that the service reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from repartee.domain.calibration import Calibration
from repartee.domain.text import Script, script_of
from repartee_eval.retrieval import ScoredMessage, of_split
from repartee_eval.retrieval_data import LabelledUser
from repartee_eval.sweep import Goal, SweepError, choose, curve, shares

_SCRIPTS: Final[tuple[Script, ...]] = ("latin", "cyrillic", "other")


def require_tune_scripts(users: Iterable[LabelledUser]) -> None:
    """Raise SweepError where messages are in a script that none of the tune messages is in."""
    found: dict[Script, set[str]] = {}
    for user in users:
        for message in user.standing_alone:
            found.setdefault(script_of(message.text), set()).add(user.split)
    for script, splits in found.items():
        if "tune" not in splits:
            raise SweepError(
                f"--write: no tune message is in {script} letters, so no threshold can be chosen"
            )


def calibrate(
    messages: Sequence[ScoredMessage], goal: Goal, limit: int, *, profile: str, data: str
) -> Calibration:
    """Choose a threshold per script on `tune`. Raises SweepError where none meets the goal.

    Messages of all languages that share a script are judged together, as the service does.
    """
    chosen = {script: _chosen(said, script, goal, limit) for script, said in _of_script(messages)}
    return Calibration(
        profile=profile,
        thresholds=chosen,
        goal=str(goal),
        data=data,
        evidence={
            script: _evidence(said, goal, limit, chosen[script]) for script, said in _of_script(messages)
        },
        created_at=datetime.now(UTC),
    )


def write_calibration(folder: Path, calibration: Calibration) -> Path:
    """Write the file, whole or not at all, and return where it is. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / calibration.file_name
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(calibration.model_dump_json(indent=1) + "\n", "utf-8")
    return draft.replace(path)


def _of_script(messages: Sequence[ScoredMessage]) -> Iterator[tuple[Script, list[ScoredMessage]]]:
    for script in _SCRIPTS:
        if said := [message for message in messages if message.script == script]:
            yield script, said


def _chosen(messages: Sequence[ScoredMessage], script: Script, goal: Goal, limit: int) -> float:
    threshold = choose(curve(of_split(messages, "tune"), limit, goal.facts), goal)
    if threshold is None:
        raise SweepError(
            f"--write: no threshold meets {goal} for {script} letters: choose another first goal"
        )
    return threshold


def _evidence(
    messages: Sequence[ScoredMessage], goal: Goal, limit: int, threshold: float
) -> Mapping[str, float]:
    """Return the measures on `test`, or on `tune` where the script has no test messages."""
    tune, test = of_split(messages, "tune"), of_split(messages, "test")
    used = test or tune
    values = shares(used, limit, threshold, goal.sizes)
    known = {name.lower(): round(value, 6) for name, value in values.items() if value is not None}
    return {**known, "n": len(used), "tune_messages": len(tune), "test_messages": len(test)}
