"""Known-loser probes: a real reply against one that no good judge prefers, to measure the judge itself."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from repartee.domain.dialogue import Message
from repartee.domain.text import script_of
from repartee_eval.cases import Case, Side
from repartee_eval.verdict_rows import VerdictRow

ProbeKind = Literal["off_language", "other_character", "flattery", "assistant", "shuffled"]
_LATIN: Final = {
    "flattery": "You are amazing! You are so wonderful, so smart and so kind. I really love talking to you!",
    "assistant": "As an AI language model, I don't have personal feelings. How can I assist you today?",
    "off_language": "Да, конечно. Я вас понимаю. Расскажите мне, пожалуйста, об этом подробнее.",
}
_CYRILLIC: Final = {
    "flattery": "Ты потрясающий человек! Такой умный, такой добрый, такой чудесный. Обожаю с тобой говорить!",
    "assistant": "Как языковая модель, я не имею личных чувств. Чем я могу вам помочь сегодня?",
    "off_language": "Yes, of course. I understand you. Please tell me a little more about that.",
}


@dataclass(frozen=True, slots=True)
class Probe:
    """A case whose side A is real and must win; side B is broken in the way that `kind` says."""

    kind: ProbeKind
    case: Case


@dataclass(frozen=True, slots=True)
class ProbeAccuracy:
    """How often a judge preferred the real side. Failed and not-applicable answers are not in `n`.

    `both_right`: of the cases answered in both orders, the share that was right in both; None without any.
    """

    judge: str
    criterion: str
    kind: ProbeKind
    n: int
    right: int
    failed: int
    both_right: float | None

    @property
    def accuracy(self) -> float | None:
        """`right / n`; None for no answers."""
        return self.right / self.n if self.n else None


def probes_of(cases: Sequence[Case], seed: int = 0, kinds: Sequence[ProbeKind] = ()) -> list[Probe]:
    """Return one probe of each kind (default: all) for each case, from side A's judged messages.

    `other_character` takes a judged reply of another character in the same script, and is left out where
    there is none. `shuffled` is left out for replies of fewer than six words.
    """
    rng = random.Random(seed)
    probes: list[Probe] = []
    for case in cases:
        for kind in kinds or get_args(ProbeKind):
            broken = _broken(case, kind, cases, rng)
            if broken is not None:
                probes.append(Probe(kind, _against(case, kind, broken)))
    return probes


def probe_accuracy(probes: Iterable[Probe], rows: Iterable[VerdictRow]) -> tuple[ProbeAccuracy, ...]:
    """Return the accuracy per judge, criterion and kind of the rows about `probes`; others are ignored."""
    kinds = {probe.case.id: probe.kind for probe in probes}
    groups: defaultdict[tuple[str, str, ProbeKind], list[VerdictRow]] = defaultdict(list)
    for row in rows:
        if row.item in kinds:
            groups[row.judge, row.criterion, kinds[row.item]].append(row)
    return tuple(_accuracy(*key, group) for key, group in groups.items())


def _accuracy(judge: str, criterion: str, kind: ProbeKind, rows: list[VerdictRow]) -> ProbeAccuracy:
    answered = [row for row in rows if row.verdict in {"a", "b", "tie"}]
    items: defaultdict[tuple[str, int], dict[str, bool]] = defaultdict(dict)
    for row in answered:
        items[row.item, row.replicate][row.first or ""] = row.verdict == "a"
    both = [orders for orders in items.values() if {"a", "b"} <= set(orders)]
    return ProbeAccuracy(
        judge,
        criterion,
        kind,
        n=len(answered),
        right=sum(row.verdict == "a" for row in answered),
        failed=len(rows) - len(answered),
        both_right=sum(all(orders.values()) for orders in both) / len(both) if both else None,
    )


def _judged(side: Side) -> list[str]:
    return [message.text for message in side.messages[side.focus :] if message.role == "character"]


def _broken(case: Case, kind: ProbeKind, cases: Sequence[Case], rng: random.Random) -> list[str] | None:
    real = _judged(case.a)
    if kind == "shuffled":
        return [_shuffled(text, rng) for text in real] if real and min(map(_words, real)) >= 6 else None
    if kind == "other_character":
        script = script_of("".join(real))
        lines = [
            text
            for other in cases
            if other.character_id != case.character_id
            for text in _judged(other.a)
            if script_of(text) == script
        ]
        return [rng.choice(lines) for _ in real] if lines and real else None
    texts = _CYRILLIC if script_of("".join(real)) == "cyrillic" else _LATIN
    return [texts[kind]] * len(real) or None


def _words(text: str) -> int:
    return len(text.split())


def _shuffled(text: str, rng: random.Random) -> str:
    words = text.split()
    rng.shuffle(words)
    return " ".join(words)


def _against(case: Case, kind: ProbeKind, texts: list[str]) -> Case:
    replacing = iter(texts)
    judged = tuple(
        Message(role="character", text=next(replacing)) if message.role == "character" else message
        for message in case.a.messages[case.a.focus :]
    )
    broken = case.a.model_copy(
        update={
            "model": f"probe:{kind}",
            "messages": (*case.a.messages[: case.a.focus], *judged),
            "reply_ids": (),
        }
    )
    probe = case.model_copy(update={"id": "", "b": broken})
    identity = hashlib.sha256(f"probe:{kind}\x1f{probe.model_dump_json()}".encode()).hexdigest()
    return probe.model_copy(update={"id": identity})
