"""Task datasets: scored outputs become `{"input", "output"}`. A task type is a YAML file of these fields."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from repartee.application.keep_safe import SAFETY
from repartee_eval.dialogues.fingerprints import user_hash
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.golden import GuardedText, refuse_leaks, says_golden
from repartee_eval.preferences.likeness import folded
from repartee_eval.preferences.reply_records import json_lines
from repartee_eval.preferences.user_hashes import is_hash
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
    model: str = ""
    user: str = ""
    golden: bool = False
    truncated: bool = False
    refused: str = ""

    @property
    def said(self) -> tuple[str, str]:
        """What tells the row from others, however it is written."""
        return folded(self.input), folded(self.output)

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
    paths: Iterable[Path],
    task: TaskType,
    minimum: float,
    limit: int | None,
    funnel: Funnel,
    without_users: frozenset[str] = frozenset(),
    golden: Sequence[GuardedText] = (),
) -> list[TaskRow]:
    """Return the rows, best score first. Raises TuneError where a line has no score, or none has the fields.

    Lines without what the task's input or output is made of, as a scored greeting that answers nobody, are
    counted out.
    What several judges scored has the lowest of their scores. Raises EvalError for golden items.
    """
    found = _at_their_lowest([_row(where, line, task) for where, line in json_lines(paths)])
    funnel.add(found)
    left = funnel.keep("no_field", found, [row for row in found if row.input and row.output])
    if found and not left:
        raise TuneError(_unfilled(found[0], task))
    left = funnel.keep("user_withdrawn", left, [row for row in left if row.user not in without_users])
    left = funnel.keep("operator_text", left, [row for row in left if row.model != SAFETY])
    left = funnel.keep("golden_dialogue", left, [row for row in left if not row.golden])
    left = funnel.keep("truncated", left, [row for row in left if not row.truncated])
    left = funnel.keep("low_score", left, [row for row in left if row.score >= minimum])
    for reason in ("low_dimension", "short_input", "no_label", "long_output"):
        left = funnel.keep(reason, left, [row for row in left if row.refused != reason])
    ordered = sorted(left, key=lambda row: (-row.score, row.input, row.output))
    unique = funnel.keep("duplicate", left, list(_unique(ordered)))
    is_golden = says_golden(golden)
    clean = funnel.keep("golden_item", unique, [row for row in unique if not is_golden(row.guarded)])
    refuse_leaks([row.guarded for row in clean], golden)
    return funnel.keep("over_limit", clean, clean if limit is None else clean[:limit])


def _at_their_lowest(rows: Sequence[TaskRow]) -> list[TaskRow]:
    lowest: dict[tuple[str, str], float] = {}
    for row in rows:
        lowest[row.said] = min(row.score, lowest.get(row.said, 1.0))
    return [replace(row, score=lowest[row.said]) for row in rows]


def _unique(rows: Iterable[TaskRow]) -> Iterator[TaskRow]:
    seen: set[str] = set()
    for row in rows:
        if (said := folded(row.input)) not in seen:
            seen.add(said)
            yield row


def _row(where: str, line: Mapping[str, Any], task: TaskType) -> TaskRow:
    score = line.get(task.score)
    if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1:
        raise TuneError(f"{where}: {task.score}: must be a score from 0 to 1")
    user = str(line.get("user") or "")
    row = TaskRow(
        input=_filled(line, task.input),
        output=_filled(line, task.output),
        score=float(score),
        where=where,
        model=str(line.get("model") or ""),
        user=user if is_hash(user) else user_hash(user),
        golden=bool(line.get("golden")),
        truncated=bool(line.get("truncated")),
    )
    return replace(row, refused=_refusal(row, line, task))


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


def _unfilled(row: TaskRow, task: TaskType) -> str:
    what, templates = ("output", task.output) if row.input else ("input", task.input)
    return (
        f"{row.where}: {what}: none of {', '.join(map(repr, templates))} can be filled, nor in another line"
    )


def _filled(line: Mapping[str, Any], templates: Iterable[str]) -> str:
    """Return the first text whose fields are all there; empty where there is none."""
    texts = {name: value for name, value in line.items() if isinstance(value, str) and value.strip()}
    for template in map(Template, templates):
        if set(template.get_identifiers()) <= texts.keys():
            return template.substitute(texts).strip()
    return ""
