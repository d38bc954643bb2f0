"""Who is measured on, and how much is trained on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from repartee_eval.retrieval_data import LabelledUser, RetrievalDataError, load_retrieval_data
from repartee_tune.errors import TuneError
from repartee_tune.retrieval.groups import Group


def held_out_users(folder: Path | None) -> tuple[LabelledUser, ...]:
    """Read who is measured on; nobody without a folder. Raises TuneError."""
    try:
        return load_retrieval_data(folder).users if folder else ()
    except RetrievalDataError as error:
        raise TuneError(f"--held-out: {error}") from None


def user_group(user: LabelledUser) -> Group:
    """Return all that a user said, without grades: for the search for leaks."""
    said, facts = tuple(one.text for one in user.messages), tuple(fact.text for fact in user.facts)
    return Group(user.user.id, user.language, said, facts, np.zeros((len(said), len(facts)), np.int64))


def counts(groups: Sequence[Group]) -> dict[str, int]:
    """Return how much was trained on."""
    return {
        "groups": len(groups),
        "messages": sum(len(group.messages) for group in groups),
        "facts": sum(len(group.facts) for group in groups),
        "relevant_pairs": sum(int((group.grades > 0).sum()) for group in groups),
    }
