"""Summaries of dialogues as JSON Lines: `{"dialogue": ID, "summary": TEXT}`, and `id` and `model`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from repartee.domain.text import MessageText
from repartee_eval.dialogues.bad_lines import BadLines
from repartee_eval.dialogues.dialogue import Id
from repartee_eval.dialogues.jsonl import numbered_lines, problem_of
from repartee_eval.errors import EvalError


class Summary(BaseModel):
    """What somebody wrote about a whole dialogue. Without an id it has the dialogue's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dialogue: Id
    summary: MessageText
    id: Id | None = None
    model: str | None = None


def load_summaries(path: Path, known: frozenset[str], *, skip_bad: bool = False) -> tuple[Summary, ...]:
    """Return the summaries of a file. `known`: the ids of the dialogues. Raises EvalError for bad lines."""
    bad = BadLines(skip=skip_bad)
    found: dict[str, Summary] = {}
    for number, text in numbered_lines(path, bad):
        try:
            summary = Summary.model_validate_json(text, strict=True)
        except ValidationError as error:
            bad.add(str(path), number, problem_of(error))
            continue
        name = summary.id or summary.dialogue
        if summary.dialogue not in known:
            bad.add(str(path), number, "dialogue: no dialogue has this id")
        elif name in found:
            bad.add(str(path), number, "id: another summary of this file has it too")
        else:
            found[name] = summary
    bad.settle()
    if not found:
        raise EvalError(f"{path}: holds no summaries")
    return tuple(found.values())
