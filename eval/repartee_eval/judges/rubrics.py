"""What a judge is asked about: criteria, score dimensions and flags, read from YAML files.

Shipped ones lie in `criteria/` inside this package; a user may name a file or a folder instead
(docs/judges.md). A file holds one mapping or a list of them.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from repartee_eval.errors import EvalError

_SHIPPED: Final = Path(__file__).parents[1] / "criteria"
_RESERVED: Final = frozenset({"verdict", "reason", "score", "explanation", "level", "evidence"})


def _compiles(pattern: str) -> str:
    """Return `pattern`, or raise ValueError where it is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


def _unreserved(name: str) -> str:
    """Return `name`, or raise ValueError where answers use that word as a key."""
    if name in _RESERVED:
        raise ValueError(f"{name} is a key of judges' answers: choose another id")
    return name


RubricId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"), AfterValidator(_unreserved)]
"""Lower case letters, digits and `_`; at most 40."""
_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
_Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
_Pattern = Annotated[str, AfterValidator(_compiles)]


class _Rubric(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: RubricId
    title: _Line
    question: _Paragraph
    guidance: _Paragraph


class Criterion(_Rubric):
    """What two candidates are compared on. `tie`: when neither is better."""

    tie: _Paragraph


class Dimension(_Rubric):
    """What is scored from 0 to 1. `low` and `high` say what 0 and 1 look like."""

    low: _Paragraph
    high: _Paragraph


class Flag(_Rubric):
    """What must not be in a message: a `tag` is counted, a `floor` check can block a release.

    `severe` tells a severe case from a mild one. `endpoint`: categories of POST /v1/moderations that raise
    it, `endpoint_severe` those that make it severe. `patterns`: what the offline baseline looks for (regular
    expressions, case ignored), `severe_patterns` what it takes for severe.
    """

    kind: Literal["tag", "floor"]
    severe: _Paragraph
    endpoint: tuple[str, ...] = ()
    endpoint_severe: tuple[str, ...] = ()
    patterns: tuple[_Pattern, ...] = ()
    severe_patterns: tuple[_Pattern, ...] = ()


AnyRubric = TypeVar("AnyRubric", Criterion, Dimension, Flag)
DimensionSet = Literal["dialogue", "summary"]


def load_criteria(path: Path | None = None) -> tuple[Criterion, ...]:
    """Return the criteria of a file or folder, by default in_character, scenario_focus, engagement.

    Raises EvalError that names the file, the field and the fix.
    """
    return _loaded(path or _SHIPPED / "pairwise", Criterion)


def load_dimensions(source: Path | DimensionSet = "dialogue") -> tuple[Dimension, ...]:
    """Return the dimensions of a shipped set, or of a file or folder. Raises EvalError."""
    path = source if isinstance(source, Path) else _SHIPPED / "dimensions" / f"{source}.yaml"
    return _loaded(path, Dimension)


def load_flags(path: Path | None = None) -> tuple[Flag, ...]:
    """Return the flags of a file or folder, by default the shipped ones. Raises EvalError."""
    return _loaded(path or _SHIPPED / "flags", Flag)


def chosen(rubrics: tuple[AnyRubric, ...], ids: tuple[str, ...]) -> tuple[AnyRubric, ...]:
    """Return those of `ids`, in that order; all of them for no ids. Raises EvalError for an unknown id."""
    known = {rubric.id: rubric for rubric in rubrics}
    if unknown := [name for name in ids if name not in known]:
        raise EvalError(f"unknown id {unknown[0]!r}: choose from {', '.join(known)}")
    return tuple(known[name] for name in ids) if ids else rubrics


def _loaded(path: Path, kind: type[AnyRubric]) -> tuple[AnyRubric, ...]:
    files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
    read = [rubric for file in files for rubric in _in_file(file, kind)]
    if not read:
        raise EvalError(f"{path} holds no YAML file: see docs/judges.md for the format")
    seen: set[str] = set()
    for rubric in read:
        if rubric.id in seen:
            raise EvalError(f"{path}: id {rubric.id!r} is there twice: ids must differ")
        seen.add(rubric.id)
    return tuple(read)


def _in_file(path: Path, kind: type[AnyRubric]) -> list[AnyRubric]:
    value = _yaml(path)
    entries = value if isinstance(value, list) else [value]
    return [_checked(path, number, entry, kind) for number, entry in enumerate(entries, start=1)]


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EvalError(f"{path} cannot be read ({error.strerror}): name a YAML file or a folder") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise EvalError(f"{path} is not YAML: see docs/judges.md for the format") from None


def _checked(path: Path, number: int, entry: Any, kind: type[AnyRubric]) -> AnyRubric:
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the entry"
        raise EvalError(f"{path}, entry {number}, {place}: {first['msg']}") from None
