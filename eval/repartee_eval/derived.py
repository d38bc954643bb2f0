"""What a run's answers say beside verdicts, kept in `derived.json`: flags of single sides, and probes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from repartee_eval.errors import EvalError
from repartee_eval.floor_checks import Flagged
from repartee_eval.judges.probes import ProbeAccuracy
from repartee_eval.judges.reading import Level

FILE: Final = "derived.json"


@dataclass(frozen=True, slots=True)
class Derived:
    """All of it can be read again from the answers that the run's store keeps.

    `replies` were asked of models under test, of which `unanswered` have no answer and so no case.
    """

    flagged: tuple[Flagged, ...] = ()
    probes: tuple[ProbeAccuracy, ...] = ()
    replies: int = 0
    unanswered: int = 0


_RANK: Final[Mapping[Level, int]] = {"none": 0, "mild": 1, "severe": 2}


def with_earlier(new: Derived, earlier: Derived, *, same_floor_judge: bool) -> Derived:
    """Return what a command found together with what other judges of the run found before it.

    Probes of judges that were not asked now stay. Where the floors were read by another judge before, the
    worse of both levels counts: a new judge does not wash a hit away.
    """
    asked = {probe.judge for probe in new.probes}
    probes = (*(probe for probe in earlier.probes if probe.judge not in asked), *new.probes)
    if same_floor_judge or not earlier.flagged:
        return replace(new, probes=probes)
    before = {(one.case, one.side): one for one in earlier.flagged}
    found = tuple(_worse(one, before.pop((one.case, one.side), None)) for one in new.flagged)
    return replace(new, probes=probes, flagged=(*found, *before.values()))


def _worse(new: Flagged, earlier: Flagged | None) -> Flagged:
    if earlier is None or earlier.readings is None:
        return new
    worst = {reading.flag: reading for reading in earlier.readings}
    for reading in new.readings or ():
        known = worst.get(reading.flag)
        if known is None or _RANK[reading.level] >= _RANK[known.level]:
            worst[reading.flag] = reading
    return replace(new, readings=tuple(worst.values()))


_ADAPTER: Final = TypeAdapter(Derived)


def write_derived(folder: Path, derived: Derived) -> None:
    """Write the file whole or not at all. Raises EvalError."""
    path = folder / FILE
    new = path.with_name(f"{FILE}.new")
    try:
        new.write_bytes(_ADAPTER.dump_json(derived))
        new.replace(path)
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from None


def read_derived(folder: Path) -> Derived:
    """Return what the file holds, nothing where there is none. Raises EvalError."""
    path = folder / FILE
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        return Derived()
    except (OSError, ValidationError):
        raise EvalError(f"{path} cannot be read: repeat the run's command to write it again") from None
