"""Statements that a user makes about themselves and those around them, put into the third person by rule.

English verbs are conjugated, of Russian ones the common; the Russian past tense stays as it is. What has
no plain grammar is quoted: «Маша говорит: “у меня аллергия”». Moods and errands of the moment are left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from repartee.application.ports import Turn
from repartee.domain.memory.turns import without_actions
from repartee.integrations.offline_chat_model.hearing import hear
from repartee.integrations.offline_chat_model.phrases import Language
from repartee.integrations.offline_chat_model.words import plain_of, script, third_persons


def _listed(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_SENTENCE: Final = re.compile(r"[^.!?…\n]+[.!?…]*")
_CLAUSES: Final = re.compile(
    r"[;,]\s+(?:(?:and|but|so|а|но|и)\s+)?(?=(?:i|my|я|мо[йяи]|у меня)\b)"
    r"|,\s+(?=(?:do|did|have|are|can|isn't|а|ты|вы|you)\b)"
    r"|\s+(?:and|but|because|а|но|и|потому что)\s+(?=(?:i|my|я|мо[йяи]|у меня)\b)",
    re.IGNORECASE,
)
_OPENING: Final = re.compile(
    r"^(?:(?:oh|well|so|hey|hi|btw|and|but|honestly|actually|ну|а|и|но|кстати|вообще|слушай|знаешь)\b[\s,]*)+",
    re.IGNORECASE,
)
_NAME: Final = re.compile(
    r"(?:my name is|call me|my name's|everyone calls me)\s+([A-Z][\w-]+)", re.IGNORECASE
)
_I: Final = re.compile(r"(?:i'm|i am|i've|i have|i)\s+(.+)", re.IGNORECASE)
_RELATIVE: Final = re.compile(r"[Mm]y\s+((?:\w+\s+)?\w+)(?:\s+([A-Z]\w+))?\s+(\w+)\s+(.+)")
_NEGATION: Final = re.compile(r"(?:do not|don't|dont|no longer)(?=\s)", re.IGNORECASE)
_RUSSIAN_I: Final = re.compile(r"я\s+(.+)", re.IGNORECASE)
_RUSSIAN_QUOTED: Final = re.compile(r"(?:у меня|меня зовут|мне \d+|мо[йяи])\s+\S+", re.IGNORECASE)
_RUSSIAN_OWN: Final = re.compile(r"мо[йяи]\s+(\w+)(?:\s+([А-ЯЁ]\w+))?", re.IGNORECASE)
_OF_THE_MOMENT: Final = _listed(
    "go come try think believe feel look see say tell mean guess know want need hope make take get let "
    "put call ask wait stay stop start find help seem wonder leave sit stand"
)
_LASTING_PAST: Final = _listed(
    "moved adopted started graduated switched retired married joined quit got met bought lost became won "
    "began built wrote founded grew broke changed passed"
)
_STATES: Final = _listed(
    "allergic vegetarian vegan engaged divorced single lactose colorblind colourblind scared terrified "
    "afraid fluent left-handed right-handed from a an pregnant widowed retired unemployed self-employed "
    "married bilingual introverted extroverted deaf blind diabetic asthmatic intolerant originally raised "
    "born"
)
_RUSSIAN_PRESENT: Final = {
    "люблю": "любит", "обожаю": "обожает", "ненавижу": "ненавидит", "живу": "живёт", "работаю": "работает",
    "учусь": "учится", "играю": "играет", "занимаюсь": "занимается", "изучаю": "изучает", "боюсь": "боится",
    "мечтаю": "мечтает", "предпочитаю": "предпочитает", "коллекционирую": "коллекционирует", "пишу": "пишет",
    "готовлю": "готовит", "рисую": "рисует", "читаю": "читает", "езжу": "ездит", "преподаю": "преподаёт",
    "увлекаюсь": "увлекается", "пью": "пьёт", "ем": "ест", "собираю": "собирает", "терплю": "терпит",
}  # fmt: skip
_RUSSIAN_PAST: Final = re.compile(
    r"(?:переехал|устроил|уволил|купил|завел|завёл|женил|вышла замуж|родил|окончил|закончил|поступил|бросил|"
    r"перешел|перешёл|перешл|развел|развёл|начал|выучил)\w*"
)


@dataclass(frozen=True)
class Told:
    """One statement, the words that say it, and whom it is about."""

    statement: str
    evidence: str
    message_index: int
    subject: str = "user"


def told_in(turn: Turn, languages: Mapping[str, Language]) -> Iterator[Told]:
    """Yield what the user's turns state, oldest first."""
    for place, message in enumerate(turn.messages):
        if message.role == "user":
            language = languages.get(script(message.text) or "en", languages["en"])
            for sentence in _SENTENCE.findall(without_actions(message.text)):
                yield from _of_sentence(sentence, place, turn.user.name, language)


def _of_sentence(sentence: str, place: int, user: str, language: Language) -> Iterator[Told]:
    for piece in _CLAUSES.split(sentence):
        clause = _OPENING.sub("", piece.strip(" \t\"'“”«»—-")).rstrip(' .!…,;:)"”»')
        if not clause or clause.endswith("?") or hear(piece, language).is_question:
            continue
        said = _russian(clause, user) if language.code == "ru" else _english(clause, user, language)
        if said:
            statement, subject = said
            yield Told(f"{statement}.", clause, place, subject)


def _english(clause: str, user: str, language: Language) -> tuple[str, str] | None:
    plain = clause.replace("’", "'")
    if named := _NAME.match(plain):
        return f"{user} goes by the name {named[1]}", "user"
    if plain.lower().startswith(("my favourite ", "my favorite ")):
        return f"{user}'s {plain[3:]}", "user"
    if relative := _RELATIVE.match(plain):
        return _of_relative(relative, user, language)
    own = _I.match(plain)
    verb = _predicate(plain[: own.start(1)].lower().split(), own[1], language) if own else None
    return (f"{user} {verb}", "user") if verb else None


def _predicate(opening: list[str], rest: str, language: Language) -> str | None:
    """Return `loves tea` for `I love tea`, with `their` for `my`."""
    words = rest.split()
    first = plain_of(words[0])
    match opening[-1]:
        case "i'm" | "am":
            return _tail(["is", *words]) if _is_state(words, language) else None
        case "i've":
            return _tail(["has", *words]) if first in _LASTING_PAST | {"been"} else None
        case "have":
            return None if first in ("to", "got") else _tail(["has", *words])
        case _:
            return _conjugated(words, language)


def _is_state(words: list[str], language: Language) -> bool:
    first, *rest = _skip_adverbs(words, language)
    return plain_of(first) in _STATES and rest[:1] not in (["bit"], ["little"], ["mess"])


def _skip_adverbs(words: list[str], language: Language) -> list[str]:
    at = 0
    while at < len(words) - 1 and (plain_of(words[at]) in language.adverbs or plain_of(words[at]) == "not"):
        at += 1
    return words[at:]


def _conjugated(words: list[str], language: Language) -> str | None:
    """Return `hates tea` for `hate tea`, `does not eat meat` for `don't eat meat`; None for errands."""
    negation = _NEGATION.match(" ".join(words))
    words = words[len(negation[0].split()) :] if negation else words
    core = _skip_adverbs(words, language) if words else []
    if len(core) < 2:
        return None
    adverbs, verb = words[: -len(core)], plain_of(core[0])
    if verb in _LASTING_PAST:
        return _tail([*adverbs, *core])
    if verb not in language.verbs or verb in _OF_THE_MOMENT:
        return None
    if negation and negation[0].lower() != "no longer":
        return _tail(["does", "not", *adverbs, *core])
    before = ["no", "longer"] if negation else []
    return _tail([*before, *adverbs, _third_person(verb, language), *core[1:]])


def _third_person(verb: str, language: Language) -> str:
    return next(form for form, base in third_persons(language.verbs).items() if base == verb)


def _of_relative(found: re.Match[str], user: str, language: Language) -> tuple[str, str] | None:
    relation, name, verb, rest = found.groups()
    near = any(word in language.belongings or word == "friend" for word in relation.lower().split())
    if not near or plain_of(verb) not in {*third_persons(language.verbs), "is", "was"}:
        return None
    who = f"{user}'s {relation}" + (f" {name}" if name else "")
    return f"{who} {_tail([verb, *rest.split()])}", name or f"{user}'s {relation}"


def _tail(words: list[str]) -> str:
    own = {"my": "their", "me": "them", "myself": "themselves", "i'm": "they are", "i": "they"}
    return " ".join(own.get(word.lower(), word) for word in words)


def _russian(clause: str, user: str) -> tuple[str, str] | None:
    own = _RUSSIAN_I.match(clause)
    if own and (predicate := _russian_predicate(own[1].split())):
        return f"{user} {predicate}", "user"
    if not _RUSSIAN_QUOTED.match(clause):
        return None
    of_another = _RUSSIAN_OWN.match(clause)
    subject = (of_another[2] or of_another[1]) if of_another else "user"
    return f"{user} говорит: «{clause}»", subject


def _russian_predicate(words: list[str]) -> str | None:
    for at, word in enumerate(words[:3]):
        if present := _RUSSIAN_PRESENT.get(plain_of(word).replace("ё", "е")):
            return " ".join([*words[:at], present, *words[at + 1 :]]) if len(words) > at + 1 else None
        if _RUSSIAN_PAST.match(word.lower()):
            return " ".join(words) if len(words) > at + 1 else None
    return None
