"""Task datasets: scored outputs become `{"input", "output"}`. A task type is a YAML file of these fields."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from repartee_eval.dialogues.fingerprints import normalised
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.golden import GuardedText
from repartee_eval.preferences.reply_records import json_lines
from repartee_tune.errors import TuneError

TASKS: Final = Path(__file__).parents[1] / "tasks"
Templates = Annotated[tuple[str, ...], Field(min_length=1)]


class TaskType(BaseModel):
    """How a scored line becomes a row. `input`, `output`: texts with `$field`, the first that can be filled.

    `score` names the field of the overall score; `least_scores` are floors of dimensions, where scored.
    Lengths are in characters.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    description: str
    input: Templates
    output: Templates
    score: str = "overall"
    least_scores: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    labels: tuple[str, ...] = ()
    shortest_input: int = Field(default=1, ge=1)
    longest_output: int | None = Field(default=None, ge=1)

    @field_validator("input", "output")
    @classmethod
    def _valid_templates(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := next((text for text in templates if not Template(text).is_valid()), None):
            raise ValueError(f"{wrong!r}: write $field, and $$ for a dollar sign")
        return templates


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A row with its score and the line that it comes from."""

    input: str
    output: str
    score: float
    where: str
    source: str = "scored"
    golden: bool = False
    truncated: bool = False
    refused: str = ""

    @property
    def guarded(self) -> GuardedText:
        """What must not be golden."""
        return GuardedText(self.where, (self.input, self.output), self.input)

    def columns(self) -> dict[str, str]:
        """Return the row."""
        return {"input": self.input, "output": self.output}


def shipped_tasks() -> list[str]:
    """Return the names of the task types in the package."""
    return sorted(path.stem for path in TASKS.glob("*.yaml"))


def load_task(name_or_path: str) -> TaskType:
    """Read a task type: a YAML file, or a shipped one by name. Raises TuneError naming the field."""
    path = Path(name_or_path)
    path = path if path.suffix in {".yaml", ".yml"} else TASKS / f"{name_or_path}.yaml"
    try:
        return TaskType.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except FileNotFoundError:
        known = ", ".join(shipped_tasks())
        raise TuneError(f"--task {name_or_path}: give a YAML file or one of {known}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TuneError(f"--task {path}: cannot be read: {type(error).__name__}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise TuneError(f"--task {path}: {field}: {first['msg']}") from None


def task_rows(
    paths: Iterable[Path], task: TaskType, minimum: float, limit: int | None, funnel: Funnel
) -> list[TaskRow]:
    """Return the rows, best score first. Raises TuneError where a line has no score or a field is missing."""
    found = [_row(where, line, task) for where, line in json_lines(paths)]
    funnel.add(found)
    left = funnel.keep("golden", found, [row for row in found if not row.golden])
    left = funnel.keep("truncated", left, [row for row in left if not row.truncated])
    left = funnel.keep("low_score", left, [row for row in left if row.score >= minimum])
    for reason in ("low_dimension", "short_input", "no_label", "long_output"):
        left = funnel.keep(reason, left, [row for row in left if row.refused != reason])
    ordered = sorted(left, key=lambda row: (-row.score, row.input, row.output))
    unique = funnel.keep("duplicate", left, list(_unique(ordered)))
    return funnel.keep("over_limit", unique, unique if limit is None else unique[:limit])


def _unique(rows: Iterable[TaskRow]) -> Iterator[TaskRow]:
    seen: set[str] = set()
    for row in rows:
        if (said := normalised(row.input)) not in seen:
            seen.add(said)
            yield row


def _row(where: str, line: Mapping[str, Any], task: TaskType) -> TaskRow:
    score = line.get(task.score)
    if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1:
        raise TuneError(f"{where}: {task.score}: must be a score from 0 to 1")
    row = TaskRow(
        input=_filled(where, line, task.input, "input"),
        output=_filled(where, line, task.output, "output"),
        score=float(score),
        where=where,
        golden=bool(line.get("golden")),
        truncated=bool(line.get("truncated")),
    )
    return TaskRow(
        row.input, row.output, row.score, where, golden=row.golden, truncated=row.truncated,
        refused=_refusal(row, line, task),
    )  # fmt: skip


def _refusal(row: TaskRow, line: Mapping[str, Any], task: TaskType) -> str:
    scores = line.get("scores")
    told = scores if isinstance(scores, dict) else {}
    if any(
        isinstance(told.get(name), int | float) and told[name] < least
        for name, least in task.least_scores.items()
    ):
        return "low_dimension"
    if len(row.input) < task.shortest_input:
        return "short_input"
    if task.labels and row.output not in task.labels:
        return "no_label"
    too_long = task.longest_output is not None and len(row.output) > task.longest_output
    return "long_output" if too_long else ""


def _filled(where: str, line: Mapping[str, Any], templates: Iterable[str], what: str) -> str:
    texts = {name: value for name, value in line.items() if isinstance(value, str) and value.strip()}
    for template in map(Template, templates):
        if set(template.get_identifiers()) <= texts.keys():
            return template.substitute(texts).strip()
    raise TuneError(f"{where}: {what}: none of {', '.join(map(repr, templates))} can be filled")
