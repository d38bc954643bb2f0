"""Nobody may be trained on who is measured on: the same texts in both are an error, never dropped in silence.

Ids prove nothing: two persons may share a name. Messages of some length are compared, exactly and nearly;
facts, which may well be common to two persons, only in number.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from repartee_tune.errors import TuneError
from repartee_tune.retrieval.groups import Group

NEAR: Final = 0.85
"""Jaccard similarity of runs of five characters from which two messages are one."""
LEAST_CHARACTERS: Final = 20
"""Shorter messages, such as a greeting, prove nothing: many people send them."""
MOST_SHARED_FACTS: Final = 4
_NO_LETTERS: Final = re.compile(r"[\W_]+")


def refuse_leaks(training: Sequence[Group], held_out: Sequence[Group]) -> None:
    """Raise TuneError naming the group of --data and the user of --held-out that share texts."""
    for measured in held_out:
        messages = _telling(measured.messages)
        facts = {_plain(text) for text in measured.facts}
        for group in training:
            shared = len(facts & {_plain(text) for text in group.facts})
            if shared > MOST_SHARED_FACTS:
                _refuse(group, measured, f"{shared} facts")
            if _any_near(_telling(group.messages), messages):
                _refuse(group, measured, "a message")


def runs(text: str) -> frozenset[str]:
    """Return the runs of five characters of a text, without case and punctuation."""
    plain = _plain(text)
    return frozenset(plain[start : start + 5] for start in range(max(1, len(plain) - 4)))


def _refuse(group: Group, measured: Group, what: str) -> None:
    raise TuneError(
        f"--data shares {what} with --held-out ({group.name} and {measured.name}): numbers would flatter; "
        "take that user out of one of them"
    )


def _telling(messages: Iterable[str]) -> list[frozenset[str]]:
    return [runs(text) for text in messages if len(_plain(text)) >= LEAST_CHARACTERS]


def _any_near(some: Iterable[frozenset[str]], others: Sequence[frozenset[str]]) -> bool:
    return any(len(one & other) > NEAR * len(one | other) for one in some for other in others)


def _plain(text: str) -> str:
    return _NO_LETTERS.sub(" ", text.casefold()).strip()
