"""What a run's answers say beside verdicts, kept in `derived.json`: flags of single sides, and probes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from repartee_eval.errors import EvalError
from repartee_eval.floor_checks import Flagged
from repartee_eval.judges.probes import ProbeAccuracy

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
