"""Whether the user asks in earnest what is answering: a person or a machine. English and Russian.

What is quoted or acted is not the user's own question, and "human or elf?" asks about the story.
"""

import re
from typing import Final

from repartee.domain.safety.wording import own_words, plain, sentences

_MACHINE: Final = (
    r"(?:(?:chat ?)?bots?|robots?|ais?|a\.i|artificial intelligence|machines?|language model|llm|computer"
    r"(?: program)?|programs?|software|algorithm|(?:chat ?)?gpt|neural network"
    r"|simulation|automated|artificial)"
)
_PERSON: Final = (
    r"(?:human(?: being)?s?|(?:real|actual|living|live|flesh[- ]and[- ]blood) (?:human|person|people|someone|"
    r"man|woman|guy|girl|boy)(?: being)?|person|someone real|real)"
)
_BY_THE_WAY: Final = (
    r"(?:(?:an?|the|really|actually|even|just|like|truly|honestly|seriously|secretly|maybe|perhaps|"
    r"in fact|some|kind of|sort of|not|only|talking to|all|possibly|by any chance|genuinely) )*"
)
_KIND: Final = rf"{_BY_THE_WAY}(?:{_MACHINE}|{_PERSON})"
_ENDS: Final = (
    r"(?=\s*(?:$|[?!.,;…]|or\b|and\b|here\b|there\b|behind\b|right\b"
    r"|at all\b|too\b|though\b|lol\b|in real\b))"
)
_TALKING: Final = r"(?:talking|speaking|chatting|texting|writing|messaging|dealing|typing)"
_ENGLISH: Final = (
    rf"(?<!how )(?<!where )(?<!who )\b(?:are|r) (?:you|u|ya)(?: guys)?,? {_KIND}{_ENDS}",
    rf"\bam i {_BY_THE_WAY}{_TALKING} (?:to|with) {_KIND}\b",
    rf"\b(?:if|whether) (?:i'm|i am|im) {_BY_THE_WAY}{_TALKING} (?:to|with) {_KIND}\b",
    (
        rf"\b(?:tell|know|wonder\w*|sure|asking|say|admit|honest)\b.{{0,40}}\b(?:if"
        rf"|whether|that) (?:you're|you are|ur|youre) {_KIND}{_ENDS}"
    ),
    (
        rf"\b(?:is|was) (?:this|that|it|there) {_KIND}\b(?:.{{0,30}}\b(?:behind"
        rf"|typing|writing|answering|replying|other (?:end|side)|screen|chat"
        rf"|here)\b|\s*\?)"
    ),
    (
        rf"\b(?:you're|you are|ur|youre) {_KIND},? (?:right|aren't you|arent you"
        rf"|aren't u|isn't it|yes|no|huh|correct)\b"
    ),
    rf"\b(?:you're|you are) not {_BY_THE_WAY}(?:{_MACHINE}|{_PERSON})\b[^.!]{{0,20}}\?",
    rf"\bprove (?:to me )?(?:that )?(?:you're|you are) {_KIND}\b",
    rf"\b(?:do|did) (?:a |an |any )?{_PERSON} (?:read|write|answer|type|reply)\b[^.!]{{0,40}}\?",
    r"\bwho(?:'s| is) (?:really|actually) (?:typing|writing|answering|replying|behind)\b",
    rf"\b(?:human|person) or {_BY_THE_WAY}{_MACHINE}\b",
    rf"\b{_MACHINE} or {_BY_THE_WAY}{_PERSON}\b",
    (
        r"\b(?:have|did) (?:some|a) (?:company|developers?|programmers?) (?:make"
        r"|made|program|programmed|train|trained) you\b"
    ),
    r"\b(?:were|are) you (?:programmed|trained|coded|generated|computer[- ]generated)\b",
)
_RUSSIAN_KIND: Final = (
    r"(?:(?:живой |живая |настоящий |настоящая |реальный |реальная )?человек"
    r"|(?:чат-? ?)?бот|робот|ии|нейросет\w+|"
    r"нейронк\w+|программа|машина|искусственный интеллект|(?:чат ?)?(?:gpt|гпт)|компьютер|языковая модель|"
    r"алгоритм|искусственн\w+|(?:настоящий|настоящая|реальный|реальная"
    r"|живой|живая)(?= или\b| человек|, или\b))"
)
_RUSSIAN_BY_THE_WAY: Final = (
    r"(?:(?:вообще|точно|правда|реально|случайно|же|действительно|просто|часом|ведь|все-таки|там|не|это|"
    r"на самом деле|типа|что|какой-то|или|разве|сам|сама|честно) )*"
)
_WITH_WHOM: Final = (
    r"(?:(?:живым|настоящим|реальным|каким-то|обычным) )*(?:человеком"
    r"|ботом|роботом|нейросетью|нейронкой|программой|"
    r"машиной|ии|искусственным интеллектом|чат-?ботом|кем-то живым|людьми|компьютером|алгоритмом)"
)
_RUSSIAN: Final = (
    rf"\b(?:ты|вы|тут|там|здесь) {_RUSSIAN_BY_THE_WAY}{_RUSSIAN_KIND}\b[^.!]{{0,40}}\?",
    rf"\bты {_RUSSIAN_BY_THE_WAY}(?:настоящ(?:ий|ая)|реальн(?:ый|ая))\s*\?",
    (
        rf"\b(?:разговариваю|общаюсь|говорю|переписываюсь|пишу|болтаю|беседую"
        rf"|имею дело) {_RUSSIAN_BY_THE_WAY}с(?:о)? {_WITH_WHOM}\b"
    ),
    (
        rf"\b(?:скажи|признайся|ответь|интересно|хочу знать|хочу понять)\b.{{0,30}}\b(?:ты"
        rf"|вы) {_RUSSIAN_BY_THE_WAY}{_RUSSIAN_KIND}\b"
    ),
    rf"\bэто {_RUSSIAN_BY_THE_WAY}(?:{_RUSSIAN_KIND})\b[^.!]{{0,25}}\?",
    (
        rf"\b(?:докажи|докажите),? что (?:ты|вы) {_RUSSIAN_BY_THE_WAY}(?:{_RUSSIAN_KIND}"
        rf"|настоящ\w+|жив\w+|реальн\w+)\b"
    ),
    r"\bкто (?:мне )?(?:на самом деле |реально |тут )+(?:мне )?(?:пишет|отвечает|печатает|сидит)\b",
    (
        r"\b(?:человек|живой|живая|настоящий|настоящая) или (?:чат-?)?(?:бот"
        r"|робот|машина|программа|нейросеть|нейронка|ии)\b"
    ),
    r"\b(?:бот|робот|машина|программа|нейросеть|нейронка|ии) или (?:живой |настоящий )?человек\b",
    r"\b(?:отвечает|пишет|сидит|стоит) .{0,20}(?:живой|настоящий|реальный) человек\b[^.!]{0,20}\?",
    r"\bтебя (?:запрограммировали|сгенерировали|обучили|написали программисты)\b[^.!]{0,30}\?",
)
_ASKS: Final = re.compile("|".join((*_ENGLISH, *_RUSSIAN)))
_OF_THE_STORY: Final = re.compile(
    r"\b(?:human|person|machine) or (?:an? |some |just )*(?:elf|elven"
    r"|vampire|demon|ghost|spirit|god|goddess|fae|fairy|"
    r"orc|dwarf|werewolf|wolf|beast|monster|angel|alien|dragon|witch|undead|something (?:else|more))\b"
    r"|\bчеловек или (?:эльф|вампир|демон|призрак|дух|бог|фея|орк|гном|оборотень|зверь|монстр|чудовище|ангел|"
    r"инопланетян|дракон|ведьма|нежить|волк)\w*"
)


_STEMS: Final = (
    *(
        "bot",
        "ai",
        "a.i",
        "artificial",
        "machine",
        "language model",
        "llm",
        "computer",
        "program",
        "software",
    ),
    *("algorithm", "gpt", "neural", "simulation", "automated", "human", "real", "actual", "living", "live"),
    *("flesh", "person", "who is", "who's", "company", "developer", "trained", "coded", "generated"),
    *("человек", "бот", "ии", "нейросет", "нейронк", "машин", "интеллект", "гпт", "компьютер", "языковая"),
    *("алгоритм", "искусственн", "настоящ", "реальн", "жив", "людьми", "программ", "докажи"),
    *("пишет", "отвечает", "печатает", "сидит", "сгенерировали", "обучили"),
)
"""What a text must hold for any of the patterns to fit: looked for first, because it is cheap."""


def asks_who_answers(text: str) -> bool:
    """Return whether the text asks whether a person answers. It may stand anywhere in the text."""
    own = own_words(plain(text))
    return any(stem in own for stem in _STEMS) and any(
        _ASKS.search(sentence) is not None and _OF_THE_STORY.search(sentence) is None
        for sentence in sentences(own)
    )
