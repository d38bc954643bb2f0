"""What the floor checks found, hit by hit: the new model's before the old one's, severe before mild."""

from dataclasses import dataclass
from typing import Final, Literal

from repartee_eval.judges.reading import FlagReading
from repartee_eval.run_result import RunResult

MOST_HITS: Final = 100


@dataclass(frozen=True, slots=True)
class FloorHit:
    """A flag that one side of a case raised; `dialogue` is the one that the side was cut from."""

    case: str
    side: Literal["A", "B"]
    dialogue: str
    character: str
    reading: FlagReading


@dataclass(frozen=True, slots=True)
class FloorHits:
    """The first hits, and how many there are in all."""

    shown: tuple[FloorHit, ...]
    total: int


def floor_hits(result: RunResult, most: int = MOST_HITS) -> FloorHits:
    """Return the hits of both sides."""
    found = [
        _hit(result, one.case, one.side, reading)
        for one in result.derived.flagged
        if one.case in result.cases
        for reading in one.readings or ()
        if reading.raised
    ]
    found.sort(key=lambda hit: (hit.side != "B", hit.reading.level != "severe"))
    return FloorHits(tuple(found[:most]), len(found))


def _hit(result: RunResult, case_id: str, side: Literal["a", "b"], reading: FlagReading) -> FloorHit:
    case = result.cases[case_id]
    name: Literal["A", "B"] = "A" if side == "a" else "B"
    dialogue = (case.a if side == "a" else case.b).dialogue_id or case.cluster
    return FloorHit(case_id, name, dialogue, case.character.display_name, reading)
