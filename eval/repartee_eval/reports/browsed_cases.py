"""The cases that a page shows in full: what went wrong first, then a sample of the rest."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from repartee.domain.dialogue import Message
from repartee_eval.cases import Case, Side
from repartee_eval.judges.reading import FlagReading
from repartee_eval.reports.case_outcomes import Outcomes, case_outcomes
from repartee_eval.run_result import RunResult
from repartee_eval.verdict_rows import VerdictRow

MOST_CASES: Final = 200
MOST_TEXT: Final = 6_000
"""Characters of one text that are shown."""
_LOST: Final = {"a", "flip"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One message. `cut`: how many of its characters are not shown."""

    speaker: str
    role: Literal["user", "character"]
    text: str
    cut: int


@dataclass(frozen=True, slots=True)
class ShownSide:
    """What one model did: the messages before the judged part, and the judged part; flags that it raised."""

    name: Literal["A", "B"]
    model: str
    before: tuple[Shown, ...]
    judged: tuple[Shown, ...]
    emulated: bool
    truncated: bool
    flags: tuple[FlagReading, ...]


@dataclass(frozen=True, slots=True)
class BrowsedCase:
    """One case with everything that was said of it. `rows` by criterion, in the order of the calls."""

    found: Outcomes
    character: str
    scene: tuple[tuple[str, str], ...]
    shared: tuple[Shown, ...]
    sides: tuple[ShownSide, ShownSide]
    rows: dict[str, tuple[VerdictRow, ...]]


def browsed_cases(result: RunResult, most: int = MOST_CASES) -> tuple[BrowsedCase, ...]:
    """Return at most so many cases: those with a severe flag of B, then losses and flips, then the rest."""
    outcomes = list(case_outcomes(result))
    random.Random(result.manifest.seed).shuffle(outcomes)
    chosen = sorted(outcomes, key=_badness, reverse=True)[:most]
    rows = _rows(result, {one.case for one in chosen})
    flags: dict[tuple[str, str], tuple[FlagReading, ...]] = {
        (one.case, one.side): one.readings or () for one in result.derived.flagged
    }
    return tuple(_browsed(one, result.cases[one.case], rows[one.case], flags) for one in chosen)


def _badness(one: Outcomes) -> tuple[int, int, int]:
    reached = list(one.outcomes.values())
    return len(one.severe), sum(outcome in _LOST for outcome in reached), reached.count("failed")


def _rows(result: RunResult, wanted: set[str]) -> dict[str, list[VerdictRow]]:
    found: dict[str, list[VerdictRow]] = defaultdict(list)
    for row in result.rows:
        if row.item in wanted:
            found[row.item].append(row)
    return found


def _browsed(
    found: Outcomes,
    case: Case,
    rows: Sequence[VerdictRow],
    flags: Mapping[tuple[str, str], tuple[FlagReading, ...]],
) -> BrowsedCase:
    by_criterion: dict[str, list[VerdictRow]] = {}
    for row in rows:
        by_criterion.setdefault(row.criterion, []).append(_with_short_reason(row))
    raised = {
        side: tuple(reading for reading in flags.get((case.id, side), ()) if reading.raised)
        for side in ("a", "b")
    }
    return BrowsedCase(
        found=found,
        character=case.character.display_name,
        scene=_scene(case),
        shared=_shown(case.shared, case),
        sides=(_side("A", case.a, case, raised["a"]), _side("B", case.b, case, raised["b"])),
        rows={criterion: tuple(some) for criterion, some in by_criterion.items()},
    )


def _with_short_reason(row: VerdictRow) -> VerdictRow:
    cut = len(row.reason) - MOST_TEXT
    return replace(row, reason=f"{row.reason[:MOST_TEXT]} … {cut:,} characters more") if cut > 0 else row


def _scene(case: Case) -> tuple[tuple[str, str], ...]:
    """Return what a judge knew of the scene: parts of the scenario, and of the card."""
    scenario = case.scenario
    told = scenario.model_dump() if scenario else {}
    named = {**told, "card": case.character.description}
    return tuple((name, text[:MOST_TEXT]) for name, text in named.items() if text)


def _side(name: Literal["A", "B"], side: Side, case: Case, flags: tuple[FlagReading, ...]) -> ShownSide:
    return ShownSide(
        name=name,
        model=side.model,
        before=_shown(side.messages[: side.focus], case),
        judged=_shown(side.messages[side.focus :], case),
        emulated=side.emulated,
        truncated=side.truncated,
        flags=flags,
    )


def _shown(messages: Sequence[Message], case: Case) -> tuple[Shown, ...]:
    names = {"user": case.user.name or "user", "character": case.character.display_name}
    return tuple(
        Shown(
            message.speaker or names[message.role],
            message.role,
            message.text[:MOST_TEXT],
            max(0, len(message.text) - MOST_TEXT),
        )
        for message in messages
    )
