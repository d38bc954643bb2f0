"""Labelled messages: a text with a level per tag, as `repartee-tune data --kind moderation` writes them."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repartee.application.text_classifier import Label
from repartee_tune.errors import TuneError
from repartee_tune.retrieval.leaks import NEAR, runs

Level = Literal["none", "mild", "severe"]
Truth = NDArray[np.bool_]


class LabelledText(BaseModel):
    """A line of `train.jsonl` or `eval.jsonl`. Texts of one `dialogue` resemble each other."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str = Field(min_length=1)
    tags: dict[str, Level]
    dialogue: str = ""


@dataclass(frozen=True)
class LearnableLabels:
    """What can be learned: labels with enough positives; `left_out` tags have too few, with how many."""

    labels: tuple[Label, ...]
    left_out: dict[str, int]


def read_texts(path: Path) -> list[LabelledText]:
    """Read one file. Raises TuneError naming line and field; the text itself is never in a message."""
    if not path.is_file():
        raise TuneError(f"{path} does not exist: build it with `repartee-tune data --kind moderation`")
    lines = [line for line in path.read_text("utf-8").split("\n") if line.strip()]
    if not lines:
        raise TuneError(f"{path} is empty: moderate more dialogues")
    return [_text(f"{path}:{number}", line) for number, line in enumerate(lines, 1)]


def learnable_labels(texts: Sequence[LabelledText], least: int) -> LearnableLabels:
    """Return the labels with at least `least` positives and as many negatives. Raises TuneError for none.

    A text without a tag in `tags` counts as not raising it.
    """
    raised: Counter[tuple[str, Literal["mild", "severe"]]] = Counter()
    for text in texts:
        for tag, level in text.tags.items():
            raised[tag, "mild"] += level != "none"
            raised[tag, "severe"] += level == "severe"
    enough = {key for key, count in raised.items() if least <= count <= len(texts) - least}
    tags = sorted(tag for tag, level in enough if level == "mild")
    if not tags:
        counts = ", ".join(f"{tag} {n}" for (tag, level), n in sorted(raised.items()) if level == "mild")
        raise TuneError(
            f"no tag has {least} messages that raise it and {least} that do not (of {len(texts)}: "
            f"{counts or 'no tag at all'}): moderate more dialogues, or lower least_positives"
        )
    mild = [Label(tag, "mild", 0.5) for tag in tags]
    severe = [Label(tag, "severe", 0.5) for tag in tags if (tag, "severe") in enough]
    few = {tag: raised[tag, "mild"] for tag, level in raised if level == "mild" and tag not in tags}
    return LearnableLabels((*mild, *severe), dict(sorted(few.items())))


def truth_of(texts: Sequence[LabelledText], labels: Sequence[Label]) -> Truth:
    """Return which labels hold, shape (texts, labels)."""
    holds = {"mild": {"mild", "severe"}, "severe": {"severe"}}
    rows = [[text.tags.get(label.tag, "none") in holds[label.level] for label in labels] for text in texts]
    return np.array(rows, np.bool_).reshape(len(texts), len(labels))


def clusters_of(texts: Sequence[LabelledText]) -> list[str]:
    """Return the dialogue of each text; a text without one is its own."""
    return [text.dialogue or f"#{number}" for number, text in enumerate(texts)]


def refuse_shared(training: Sequence[LabelledText], held_out: Sequence[LabelledText]) -> None:
    """Raise TuneError where a dialogue, or nearly the same text, is in both parts."""
    if shared := {t.dialogue for t in training if t.dialogue} & {t.dialogue for t in held_out}:
        raise TuneError(f"{len(shared)} dialogues are in train.jsonl and in eval.jsonl: build the data again")
    where: dict[str, list[frozenset[str]]] = {}
    for text in held_out:
        for run in (found := runs(text.text)):
            where.setdefault(run, []).append(found)
    for number, text in enumerate(training, 1):
        mine = runs(text.text)
        near = {id(other): other for run in sorted(mine)[::4] for other in where.get(run, ())}.values()
        if len(mine) >= 16 and any(len(mine & other) > NEAR * len(mine | other) for other in near):
            raise TuneError(f"train.jsonl:{number} is nearly a text of eval.jsonl: numbers would flatter")


def _text(where: str, line: str) -> LabelledText:
    try:
        return LabelledText.model_validate(json.loads(line))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise TuneError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError:
        raise TuneError(f"{where}: is not JSON") from None
