"""Answers to questions about a whole dialogue: proposed facts as JSON, and a digest of quotations."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from repartee.application.ports import Turn
from repartee.domain.memory.danger import holds_secret
from repartee.integrations.offline_chat_model.hearing import content
from repartee.integrations.offline_chat_model.phrases import Language
from repartee.integrations.offline_chat_model.told import Told, told_in
from repartee.integrations.offline_chat_model.words import one_line, plain_of, script, sentences_of


def _listed(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_CONFIDENCE: Final = 0.5
_LABELS: Final = {
    "en": "Extract, word for word (no language model):",
    "ru": "Выписка, дословно (без языковой модели):",
}
_ENDED: Final = re.compile(r"\bused to\b|\bno longer\b|\bworked\b|\blived\b|больше не|раньше", re.IGNORECASE)
_SLOTS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bworks?\b.*\b(?:at|for)\b|\b(?:started|joined)\b.*\b(?:at|job)\b|\bработает в\b|\bустроил\w*",
        r"\blives? in\b|\bmoved (?:to|back)\b|\bis based in\b|\bживет в\b|\bпереехал\w*",
        r"\bgoes by\b|\bis called\b|\bname is\b|\bзовут\b",
    )
)
_LIKING: Final = _listed("loves love likes like enjoys adores prefers любит обожает")
_DISLIKING: Final = _listed("hates hate dislikes detests ненавидит терпит")
_NOT: Final = _listed("not no longer never не")


def proposals(turn: Turn, languages: Mapping[str, Language]) -> str:
    """Return the facts of the user's turns as the JSON that a language model is asked for."""
    facts = [
        {
            "statement": told.statement,
            "owner": "user",
            "subject": told.subject,
            "only_this_character": False,
            "evidence": told.evidence,
            "message_index": told.message_index,
            "supersedes": list(_ended_by(told, turn, languages)),
            "confidence": _CONFIDENCE,
        }
        for told in told_in(turn, languages)
    ]
    return json.dumps({"facts": facts[:64]}, ensure_ascii=False)


def _ended_by(told: Told, turn: Turn, languages: Mapping[str, Language]) -> Iterator[int]:
    """Yield the numbers of known facts that cannot hold beside this one: another job, home, name or taste."""
    if told.subject != "user":
        return
    language = languages.get(script(told.statement) or "en", languages["en"])
    for number, fact in enumerate(turn.facts, start=1):
        if fact.owner == "user" and _contradict(told.statement, fact.text, turn.user.name, language):
            yield number


def _contradict(new: str, known: str, user: str, language: Language) -> bool:
    folded = [text.replace("ё", "е") for text in (new, known)]
    if plain_of(new) == plain_of(known) or f"{user}'s " in known or _ENDED.search(folded[1]):
        return False
    if any(all(slot.search(text) for text in folded) for slot in _SLOTS):
        return True
    tastes = [_taste(text) for text in folded]
    things = [_things(text, user, language) for text in folded]
    shared = things[0] & things[1]
    return 0 not in tastes and tastes[0] == -tastes[1] and bool(shared) and shared in (things[0], things[1])


def _taste(text: str) -> int:
    words = [plain_of(word) for word in text.split()]
    sign = bool(_LIKING & set(words)) - bool(_DISLIKING & set(words))
    return -sign if _NOT & set(words) and "терпит" not in words else sign


def _things(text: str, user: str, language: Language) -> frozenset[str]:
    said = (
        word
        for word in text.split()
        if plain_of(word) not in _LIKING | _DISLIKING | _NOT | {"does", plain_of(user)}
    )
    return content(" ".join(said), language)


def digest(turn: Turn, max_words: int, languages: Mapping[str, Language]) -> str:
    """Return quotations of the dialogue after those of the summary so far, and say that they are that."""
    said = " ".join([_without_label(turn.summary), *(message.text for message in turn.messages)])
    code = script(said) or "en"
    room = max_words - len(_LABELS[code].split())
    before = _first_words(_without_label(turn.summary), room // 2)
    quotes = _quotes(turn, languages, room - len(before.split()))
    return " ".join(filter(None, [_LABELS[code], before, *quotes]))


def _quotes(turn: Turn, languages: Mapping[str, Language], room: int) -> Iterator[str]:
    """Yield the telling clauses, and as there is room other sentences, in the order of the dialogue."""
    told = [(one.message_index, one.evidence) for one in told_in(turn, languages)]
    covered = {place for place, _ in told}
    rest = [
        (place, sentence)
        for role in ("user", "character")
        for place, message in enumerate(turn.messages)
        if message.role == role and place not in covered
        for sentence in sentences_of(message.text)[:1]
    ]
    quotes = [
        (place, f"{_speaker(turn, place)}: “{one_line(text).rstrip('.!… ')}”.")
        for place, text in [*told, *rest]
        if not holds_secret(text)
    ]
    for _, quote in sorted(_fitting(quotes, room), key=lambda quote: quote[0]):
        yield quote


def _fitting(quotes: Iterable[tuple[int, str]], room: int) -> Iterator[tuple[int, str]]:
    for place, quote in quotes:
        size = len(quote.split())
        if size <= room:
            room -= size
            yield place, quote


def _speaker(turn: Turn, place: int) -> str:
    is_user = turn.messages[place].role == "user"
    return one_line(turn.user.name if is_user else turn.character.display_name)


def _without_label(summary: str) -> str:
    text = one_line(summary)
    for label in _LABELS.values():
        text = text.removeprefix(label).strip()
    return text


def _first_words(text: str, count: int) -> str:
    words = text.split()
    return text if len(words) <= count else " ".join([*words[: count - 1], "…"])
