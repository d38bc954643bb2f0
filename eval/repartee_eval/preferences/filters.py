"""Which examples are good enough to train on: each filter says why an example is left out."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from repartee.domain.text import MESSAGE_CHARACTERS, script_of, without_controls
from repartee_eval.dialogues.fingerprints import hashed
from repartee_eval.dialogues.near_duplicates import linked
from repartee_eval.preferences.balance import preferred
from repartee_eval.preferences.example import Example
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.likeness import NEAR, folded, laid_bare, likeness, near_pairs

CONTROL_TOKEN: Final = re.compile(
    r"<\| ?[^|<>\s]{1,48} ?\|>|<｜[^｜<>]{1,48}｜>"
    r"|</?(?:s|think|tool_call|tool_response) ?>|<(?:bos|eos|pad|unk|mask|sop|eop)>"
    r"|<(?:start|end)_of_(?:turn|utterance)>|<(?:extra_id_|unused)\d+>|<</?SYS>>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|\[[BE]OS\]"
    r"|\[(?:CLS|SEP|PAD|[gs]?MASK|UNK)\]|#(?=## (?:Instruction|Response|Input):)",
    re.IGNORECASE,
)
"""What tokenizers of common models turn into control tokens wherever it stands."""
_SHORT: Final = 40
_LONGEST_PROMPT: Final = 1_000_000


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
    left = funnel.keep("contradictory", left, _without_contradictions(left))
    left = funnel.keep("duplicate", left, _deduplicated(left, rules))
    left = funnel.keep("over_cap", left, _capped(left, rules))
    left = funnel.keep("too_many_weak", left, _weak_capped(left, rules))
    return sorted(left, key=lambda one: hashed(rules.seed, one.id))


def _filters(rules: Rules) -> Iterator[tuple[str, Callable[[Example], bool]]]:
    yield "user_withdrawn", lambda one: one.user in rules.without_users
    yield "operator_text", lambda one: one.is_operators
    yield "empty_reply", lambda one: any(not laid_bare(reply).strip() for reply in one.replies)
    yield "oversized", _is_oversized
    yield "control_characters", lambda one: any(without_controls(text) != text for text in one.replies)
    yield "truncated", lambda one: one.chosen is not None and one.truncated
    yield "tag_raised", lambda one: one.chosen is not None and bool(one.flags)
    yield (
        "low_score",
        lambda one: (
            one.chosen is not None and (one.score or 0) < rules.minimum_score and (one.score is not None)
        ),
    )
    yield "wrong_language", _is_foreign
    yield "control_tokens", lambda one: any(CONTROL_TOKEN.search(laid_bare(text)) for text in one.replies)
    yield "near_identical", lambda one: _is_near_identical(one, rules.near_identical)
    yield "one_begins_the_other", _is_beginning
    if rules.length_ratio is not None:
        most = rules.length_ratio
        yield "length_ratio", lambda one: _length_ratio(one) > most


def _is_foreign(example: Example) -> bool:
    """Whether the chosen reply is in a script that is neither the character's nor the user's."""
    if example.chosen is None or not any(map(str.isalpha, example.chosen)):
        return False
    return script_of(example.chosen) not in example.expected_scripts


def _is_oversized(example: Example) -> bool:
    """Whether a reply is longer than any that the service takes, or the prompt beyond every window."""
    prompt = sum(len(turn.content) for turn in example.prompt)
    return prompt > _LONGEST_PROMPT or any(len(reply) > MESSAGE_CHARACTERS for reply in example.replies)


def _is_near_identical(example: Example, most: float) -> bool:
    if example.chosen is None or example.rejected is None:
        return False
    return likeness(example.chosen, example.rejected) > most


def _is_beginning(example: Example) -> bool:
    """Whether one reply is how the other begins, as where one was cut: that tells only where to stop."""
    if example.chosen is None or example.rejected is None:
        return False
    shorter, longer = sorted((folded(example.chosen), folded(example.rejected)), key=len)
    return f"{longer} ".startswith(f"{shorter} ")


def _length_ratio(example: Example) -> float:
    lengths = [len(reply) for reply in example.replies]
    return max(lengths) / max(1, min(lengths)) if len(lengths) > 1 else 1.0


# --- duplicates -----------------------------------------------------------------------------------------


def _deduplicated(examples: Sequence[Example], rules: Rules) -> list[Example]:
    """Keep the surest of those that say the same: short ones exactly, longer ones nearly.

    A pair and the same pair the other way round do not say the same.
    """
    said = [_said(one) for one in examples]
    long = [place for place, text in enumerate(said) if len(text) >= _SHORT]
    edges = [*_equal(said), *((long[a], long[b]) for a, b in near_pairs([said[at] for at in long]))]
    alike = [(a, b) for a, b in edges if _same_sides(examples[a], examples[b])]
    best: dict[int, Example] = {}
    for one, group in zip(examples, linked(len(examples), iter(alike)), strict=True):
        known = best.get(group)
        if known is None or preferred(one, rules.seed) < preferred(known, rules.seed):
            best[group] = one
    kept = set(map(id, best.values()))
    return [one for one in examples if id(one) in kept]


def _same_sides(one: Example, other: Example) -> bool:
    if (one.chosen is None, one.rejected is None) != (other.chosen is None, other.rejected is None):
        return False
    if one.chosen is None or one.rejected is None or other.chosen is None or other.rejected is None:
        return True
    across = likeness(one.chosen, other.rejected) + likeness(one.rejected, other.chosen)
    return likeness(one.chosen, other.chosen) + likeness(one.rejected, other.rejected) >= across


def _said(example: Example) -> str:
    return folded("\n".join((example.newest, *example.replies)))


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
    before = folded(example.conversation)
    if example.chosen is not None:
        yield (before, folded(example.chosen)), True
    if example.rejected is not None:
        yield (before, folded(example.rejected)), False


# --- caps -----------------------------------------------------------------------------------


def _capped(examples: Sequence[Example], rules: Rules) -> list[Example]:
    caps = {"dialogue": rules.caps.dialogue, "user": rules.caps.user, "character": rules.caps.character}
    counts: dict[tuple[str, str], int] = defaultdict(int)
    kept = []
    for one in sorted(examples, key=lambda each: preferred(each, rules.seed)):
        keys = [(name, str(getattr(one, name))) for name, most in caps.items() if most and getattr(one, name)]
        if all(counts[key] < (caps[key[0]] or 0) for key in keys):
            kept.append(one)
            for key in keys:
                counts[key] += 1
    return kept


def _weak_capped(examples: Sequence[Example], rules: Rules) -> list[Example]:
    strong = [one for one in examples if not one.weak]
    weak = sorted((one for one in examples if one.weak), key=lambda one: preferred(one, rules.seed))
    return strong + weak[: int(rules.most_weak * len(strong))]
