"""Which examples are good enough to train on: each filter says why an example is left out."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from repartee.domain.text import script_of
from repartee_eval.dialogues.fingerprints import hashed, normalised
from repartee_eval.dialogues.near_duplicates import linked
from repartee_eval.preferences.example import Example
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.likeness import NEAR, likeness, near_pairs

CONTROL_TOKEN: Final = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|</?s>|<(?:bos|eos|pad|unk|mask)>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?think>"
    r"|\[(?:CLS|SEP|PAD|MASK|UNK)\]|<｜[^｜<>]{1,40}｜>",
    re.IGNORECASE,
)
"""What tokenizers of common models turn into control tokens wherever it stands."""
_SHORT: Final = 40
_BALANCED: Final = 0.55


@dataclass(frozen=True, slots=True)
class Caps:
    """Examples at most per dialogue, user and character; None: any number. Who is not known has no cap."""

    dialogue: int | None = 10
    user: int | None = 50
    character: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What is kept. `minimum_score` holds for chosen replies that have a score.

    `length_ratio` caps the longer reply of a pair against the shorter one; None: no cap. `most_weak` is the
    share of weak examples among the others.
    """

    minimum_score: float = 0.7
    near_identical: float = NEAR
    length_ratio: float | None = None
    caps: Caps = field(default_factory=Caps)
    most_weak: float = 0.25
    seed: int = 0
    without_users: frozenset[str] = frozenset()


def selected(examples: Sequence[Example], rules: Rules, funnel: Funnel) -> list[Example]:
    """Return what may be trained on, in the order of a seeded hash; the funnel counts the rest."""
    left = list(examples)
    for step, reason_applies in _filters(rules):
        left = funnel.keep(step, left, [one for one in left if not reason_applies(one)])
    left = funnel.keep("duplicate", left, _deduplicated(left, rules))
    left = funnel.keep("contradictory", left, _without_contradictions(left))
    left = funnel.keep("over_cap", left, _capped(left, rules))
    left = funnel.keep("too_many_weak", left, _weak_capped(left, rules))
    return sorted(left, key=lambda one: hashed(rules.seed, one.id))


def _filters(rules: Rules) -> Iterator[tuple[str, Callable[[Example], bool]]]:
    yield "user_withdrawn", lambda one: one.user in rules.without_users
    yield "empty_reply", lambda one: any(not reply.strip() for reply in one.replies)
    yield "truncated", lambda one: one.chosen is not None and one.truncated
    yield "tag_raised", lambda one: one.chosen is not None and bool(one.flags)
    yield (
        "low_score",
        lambda one: (
            one.chosen is not None and (one.score or 0) < rules.minimum_score and (one.score is not None)
        ),
    )
    yield "wrong_language", _is_foreign
    yield "control_tokens", lambda one: any(CONTROL_TOKEN.search(reply) for reply in one.replies)
    yield "near_identical", lambda one: _is_near_identical(one, rules.near_identical)
    if rules.length_ratio is not None:
        most = rules.length_ratio
        yield "length_ratio", lambda one: _length_ratio(one) > most


def _is_foreign(example: Example) -> bool:
    """Whether the chosen reply is in another script than the character's language or the user's message."""
    if example.chosen is None or not any(map(str.isalpha, example.chosen)):
        return False
    return script_of(example.chosen) != example.expected_script


def _is_near_identical(example: Example, most: float) -> bool:
    if example.chosen is None or example.rejected is None:
        return False
    return likeness(example.chosen, example.rejected) > most


def _length_ratio(example: Example) -> float:
    lengths = [len(reply) for reply in example.replies]
    return max(lengths) / max(1, min(lengths)) if len(lengths) > 1 else 1.0


def _preferred(example: Example, seed: int) -> tuple[bool, float, int]:
    """Sort the surest first: strong before weak, then by margin, then by a seeded hash."""
    return example.weak, -example.margin, hashed(seed, example.id)


# --- duplicates -----------------------------------------------------------------------------------------


def _deduplicated(examples: Sequence[Example], rules: Rules) -> list[Example]:
    """Keep the surest of those that say the same: short ones exactly, longer ones nearly."""
    said = [_said(one) for one in examples]
    long = [place for place, text in enumerate(said) if len(text) >= _SHORT]
    edges = [*_equal(said), *((long[a], long[b]) for a, b in near_pairs([said[at] for at in long]))]
    alike = [
        (a, b)
        for a, b in edges
        if (examples[a].chosen is None, examples[a].rejected is None)
        == (examples[b].chosen is None, examples[b].rejected is None)
    ]
    best: dict[int, Example] = {}
    for one, group in zip(examples, linked(len(examples), iter(alike)), strict=True):
        known = best.get(group)
        if known is None or _preferred(one, rules.seed) < _preferred(known, rules.seed):
            best[group] = one
    kept = set(map(id, best.values()))
    return [one for one in examples if id(one) in kept]


def _said(example: Example) -> str:
    return normalised("\n".join((example.newest, *example.replies)))


def _equal(texts: Iterable[str]) -> Iterator[tuple[int, int]]:
    first: dict[str, int] = {}
    for place, text in enumerate(texts):
        yield first.setdefault(text, place), place


def _without_contradictions(examples: Sequence[Example]) -> list[Example]:
    """Leave out replies that were both found good and found bad, by whatever source."""
    votes: dict[tuple[str, str], set[bool]] = defaultdict(set)
    for one in examples:
        for key, good in _votes(one):
            votes[key].add(good)
    return [one for one in examples if all(len(votes[key]) == 1 for key, _ in _votes(one))]


def _votes(example: Example) -> Iterator[tuple[tuple[str, str], bool]]:
    before = normalised(example.conversation)
    if example.chosen is not None:
        yield (before, normalised(example.chosen)), True
    if example.rejected is not None:
        yield (before, normalised(example.rejected)), False


# --- caps and balance -----------------------------------------------------------------------------------


def _capped(examples: Sequence[Example], rules: Rules) -> list[Example]:
    caps = {"dialogue": rules.caps.dialogue, "user": rules.caps.user, "character": rules.caps.character}
    counts: dict[tuple[str, str], int] = defaultdict(int)
    kept = []
    for one in sorted(examples, key=lambda each: _preferred(each, rules.seed)):
        keys = [(name, str(getattr(one, name))) for name, most in caps.items() if most and getattr(one, name)]
        if all(counts[key] < (caps[key[0]] or 0) for key in keys):
            kept.append(one)
            for key in keys:
                counts[key] += 1
    return kept


def _weak_capped(examples: Sequence[Example], rules: Rules) -> list[Example]:
    strong = [one for one in examples if not one.weak]
    weak = sorted((one for one in examples if one.weak), key=lambda one: _preferred(one, rules.seed))
    return strong + weak[: int(rules.most_weak * len(strong))]


def length_balanced(examples: Sequence[Example], seed: int) -> list[Example] | None:
    """Return pairs of which 45 to 55 % have the longer reply chosen, as preference training likes length.

    The least sure pairs of the larger side go. Pairs of equal length and single replies stay. None where all
    pairs lean to one side, so that nothing would be left.
    """
    sides: Mapping[bool, list[Example]] = {True: [], False: []}
    even = []
    for one in examples:
        if one.chosen is None or one.rejected is None or len(one.chosen) == len(one.rejected):
            even.append(one)
        else:
            sides[len(one.chosen) > len(one.rejected)].append(one)
    fewer, more = sorted(sides.values(), key=len)
    if not fewer:
        return None if more else even
    most = int(len(fewer) * _BALANCED / (1 - _BALANCED) + 1e-9)
    kept = sorted(more, key=lambda one: _preferred(one, seed))[:most]
    ids = set(map(id, (*fewer, *kept, *even)))
    return [one for one in examples if id(one) in ids]


def chosen_longer(examples: Iterable[Example]) -> float | None:
    """Return the share of pairs whose chosen reply is the longer one, of those that differ in length."""
    longer = [
        len(one.chosen) > len(one.rejected)
        for one in examples
        if one.chosen is not None and one.rejected is not None and len(one.chosen) != len(one.rejected)
    ]
    return sum(longer) / len(longer) if longer else None
