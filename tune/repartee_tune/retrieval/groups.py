"""Training data of retrieval: messages and facts in groups, with a grade for each pair.

Two kinds of folders are read: labelled users (`*.json`, as in eval/data/retrieval), where a group is a user,
and what `repartee-tune data` writes: `train.jsonl` with triples (query, positive, negative) or pairs (query,
fact, label), and cluster and language where known. What is in no row counts as unrelated.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repartee_eval.retrieval_data import LabelledUser, RetrievalDataError, load_retrieval_data
from repartee_tune.errors import TuneError

_TRIPLES_PER_GROUP: Final = 64
Grades = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Group:
    """Messages and facts; `grades` has shape (messages, facts): 2 clearly needed, 1 related, 0 neither."""

    name: str
    language: str
    messages: tuple[str, ...]
    facts: tuple[str, ...]
    grades: Grades


class _Row(BaseModel):
    """A line of `train.jsonl`. Other fields say where it comes from and are left out of training."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    query: str = Field(min_length=1)
    cluster: str = ""
    language: str = "en"

    @property
    def graded(self) -> tuple[tuple[str, int], ...]:
        """Facts with their grades."""
        raise NotImplementedError


class Triple(_Row):
    """A fact that matters and one that does not."""

    positive: str = Field(min_length=1)
    negative: str | None = None

    @property
    def graded(self) -> tuple[tuple[str, int], ...]:
        """Facts with their grades."""
        return ((self.positive, 2), *(((self.negative, 0),) if self.negative else ()))


class Pair(_Row):
    """A fact that matters (1) or does not (0)."""

    fact: str = Field(min_length=1)
    label: Literal[0, 1]

    @property
    def graded(self) -> tuple[tuple[str, int], ...]:
        """The fact with its grade."""
        return ((self.fact, 2 * self.label),)


def read_groups(folder: Path) -> list[Group]:
    """Read labelled users or triples. Raises TuneError naming what is wrong with which file."""
    if (folder / "train.jsonl").is_file():
        return list(_of_triples(_triples(folder / "train.jsonl")))
    try:
        return [_of_user(user) for user in load_retrieval_data(folder).users]
    except RetrievalDataError as error:
        raise TuneError(f"--data: {error}") from None


def chosen_groups(groups: Sequence[Group], languages: Sequence[str], least_messages: int) -> list[Group]:
    """Return the groups in one of the languages. Raises TuneError where too little is labelled."""
    chosen = [group for group in groups if group.language in languages]
    found = sum(int(group.grades.any(axis=1).sum()) for group in chosen)
    if found < least_messages:
        raise TuneError(
            f"--data has {found} messages with a relevant fact in {', '.join(languages)}; "
            f"least_messages asks for {least_messages}: label more, or change languages or least_messages"
        )
    if not any((group.grades == 0).any() for group in chosen):
        raise TuneError("--data: every fact is relevant for every message, so there is nothing to tell apart")
    return chosen


def _of_user(user: LabelledUser) -> Group:
    said = user.standing_alone
    grades = [[message.relevant.get(fact.id, 0) for fact in user.facts] for message in said]
    return Group(
        user.user.id,
        user.language,
        tuple(message.text for message in said),
        tuple(fact.text for fact in user.facts),
        np.array(grades, np.int64).reshape(len(said), len(user.facts)),
    )


def _of_triples(triples: Sequence[Triple | Pair]) -> Iterator[Group]:
    by_cluster: dict[tuple[str, str], list[Triple | Pair]] = {}
    for number, triple in enumerate(triples):
        cluster = triple.cluster or f"triples-{number // _TRIPLES_PER_GROUP}"
        by_cluster.setdefault((cluster, triple.language), []).append(triple)
    for (name, language), part in by_cluster.items():
        messages = list(dict.fromkeys(triple.query for triple in part))
        facts = list(dict.fromkeys(fact for triple in part for fact, _ in triple.graded))
        grades = np.zeros((len(messages), len(facts)), np.int64)
        for triple in part:
            for fact, grade in triple.graded:
                place = messages.index(triple.query), facts.index(fact)
                grades[place] = max(grades[place], grade)
        yield Group(name, language, tuple(messages), tuple(facts), grades)


def _triples(path: Path) -> list[Triple | Pair]:
    found = []
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if line.strip():
            found.append(_triple(f"{path.name}:{number}", line))
    if not found:
        raise TuneError(f"{path} is empty: no triple to learn from")
    return found


def _triple(where: str, line: str) -> Triple | Pair:
    try:
        content: Any = json.loads(line)
        kind = Pair if isinstance(content, dict) and "fact" in content else Triple
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the line"
        raise TuneError(
            f"{where}: {field}: {first['msg']}; rows have query, positive, negative, or query, fact, label"
        ) from None
    except ValueError:
        raise TuneError(f"{where}: is not JSON") from None
