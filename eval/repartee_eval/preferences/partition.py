"""Training and evaluation rows that have no dialogue, and no character where asked for, in common."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from repartee_eval.dialogues.fingerprints import hashed
from repartee_eval.dialogues.near_duplicates import linked
from repartee_eval.errors import EvalError
from repartee_eval.preferences.example import Example
from repartee_eval.preferences.likeness import folded, near_pairs

By = Literal["character", "dialogue"]
_LIKENESS: Final = 0.8
_OWN_WORDS: Final = 60
"""Characters from which a conversation is its own: shorter ones, as a greeting, are alike by chance."""


@dataclass(frozen=True, slots=True)
class Partition:
    """Both parts in the order given. `groups`: how many sets of examples belong together."""

    train: tuple[Example, ...]
    evaluation: tuple[Example, ...]
    groups: int


def partitioned(
    examples: Sequence[Example],
    *,
    share: float = 0.1,
    by: By = "character",
    held_out: Collection[str] = (),
    seed: int = 0,
    enough: Callable[[Sequence[Example]], bool] = bool,
) -> Partition:
    """Return the parts. Raises EvalError where all examples belong together.

    What has a dialogue, nearly the same conversation, the same exchanges at the beginning (an edited message
    makes a branch of a chat another dialogue) or (`by` character) a character in common stays together.
    Each group has its side by a seeded hash, which more data does not change; where that leaves a part empty,
    the group with the lowest or highest hash goes there. `held_out` characters are always evaluated on.
    Groups are added to the evaluation part until there is `enough` in it, but never all.
    """
    groups = linked(len(examples), _links(examples, by))
    keys: dict[int, float] = {}
    for one, group in zip(examples, groups, strict=True):
        own = -1.0 if one.character in held_out else hashed(seed, "part", _name(one, by)) / 2**64
        keys[group] = min(own, keys.get(group, own))
    if len(keys) < 2:
        raise EvalError(_alone(len(examples), by))
    order = sorted(keys, key=lambda group: (keys[group], group))
    evaluated = {group for group in order[:-1] if keys[group] < share}
    for group in order[:-1]:
        if enough([one for one, own in zip(examples, groups, strict=True) if own in evaluated]):
            break
        evaluated.add(group)
    sides: tuple[list[Example], list[Example]] = ([], [])
    for one, group in zip(examples, groups, strict=True):
        sides[group in evaluated].append(one)
    return Partition(tuple(sides[0]), tuple(sides[1]), len(keys))


def _name(example: Example, by: By) -> str:
    if by == "character" and example.character:
        return example.character.casefold()
    return example.dialogue or example.id


def _links(examples: Sequence[Example], by: By) -> Iterator[tuple[int, int]]:
    first: dict[tuple[str, str], int] = {}
    for place, one in enumerate(examples):
        if one.dialogue:
            yield first.setdefault(("dialogue", one.dialogue), place), place
        if by == "character" and one.character:
            yield first.setdefault(("character", one.character.casefold()), place), place
        if one.case:
            yield first.setdefault(("case", one.case), place), place
        for beginning in _beginnings(one):
            yield first.setdefault(("beginning", beginning), place), place
    long = [place for place, one in enumerate(examples) if len(one.conversation) >= _OWN_WORDS]
    for a, b in near_pairs([examples[place].conversation for place in long], _LIKENESS):
        yield long[a], long[b]


def _beginnings(example: Example) -> Iterator[str]:
    """Yield what was said up to each reply, the one learned from included, behind something of the user's."""
    said, asked = "", False
    for turn in example.prompt:
        if turn.role == "assistant" and asked and len(said) >= _OWN_WORDS:
            yield f"{said}\n{folded(turn.content)}"
        if turn.role != "system":
            said, asked = f"{said}\n{folded(turn.content)}", asked or turn.role == "user"
    if len(said) >= _OWN_WORDS:
        yield from (f"{said}\n{folded(reply)}" for reply in example.replies)


def _alone(count: int, by: By) -> str:
    if not count:
        return "no example is left to train on: see what the filters removed"
    if by == "character":
        return (
            f"all {count} examples belong to one group of characters, so none can be kept for evaluation: "
            "give --split dialogue, or more characters"
        )
    return (
        f"all {count} examples are of one dialogue, so none can be kept for evaluation: give more dialogues"
    )
