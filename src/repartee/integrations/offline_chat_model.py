"""A chat model without a model: a development and demo responder that needs no network and no weights.

It is never mistaken for a language model: its name is `offline`, and asked whether it is a bot it says what
it is. A reply is put together from the card's own example lines, the retrieved facts and a bank of connecting
phrases per language (`offline_phrases.json`). The same turn and seed give the same words on any machine.

What people wrote, in a message, a card or a fact, is only ever compared and quoted: it is never read as a
pattern or a template.
"""

import asyncio
import hashlib
import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import dropwhile, pairwise, takewhile
from pathlib import Path
from typing import Annotated, Final, Literal

import snowballstemmer
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter

from repartee.application.ports import Completion, Prompt, Sampling, Turn, Usage
from repartee.domain.character import Character
from repartee.domain.fact import FactOwner, RetrievedFact
from repartee.domain.macros import expand_macros
from repartee.domain.user import User

_PHRASES_FILE: Final = Path(__file__).with_name("offline_phrases.json")
_HEARD_CHARS: Final = 1_200  # of a long message, its beginning and its end: where people put the point
_RECALLED_CHARS: Final = 2_000  # of each earlier line of the character, when looking for repetitions
_RECALLED_LINES: Final = 200
_STUDIED_LINES: Final = 200
_LONG_SENTENCE: Final = 26  # words
_FITTING: Final = 0.3  # closeness from which an example line answers the message as it stands
_STRONG_SCORE: Final = 0.4  # cosine from which a fact is brought in without a word in common
_CONSIDERED_FACTS: Final = 8
_KEPT_CARDS: Final = 64

Tone = Literal["neutral", "warm", "soft"]
_Words = Annotated[frozenset[str], BeforeValidator(str.split)]


# --- phrases ------------------------------------------------------------------------------------------


class _Remark(BaseModel):
    """What to say to something recognised. Phrases to hear may hold `^` and `$` (the ends) and end in `*`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heard: tuple[str, ...] = ()
    words: _Words = frozenset()
    max_words: int = 400
    kind: Literal["plain", "matter_of_fact", "acknowledgement", "small_talk", "feeling", "closing"] = "plain"
    tone: Tone = "neutral"
    say: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()

    def fits(self, padded: str) -> bool:
        """Tell whether a message, as `_padded` gives it, holds one of the phrases."""
        return len(_words(padded)) <= self.max_words and any(_occurs(text, padded) for text in self.heard)


class _Language(BaseModel):
    """All that is understood and said in one language. `[ты|вы]` is the familiar and the polite form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Literal["en", "ru"]
    stopwords: _Words
    determiners: _Words
    prepositions: _Words
    leaning: _Words
    pointing: _Words
    second_person: _Words
    third_person: _Words
    possessives: _Words
    reflexives: _Words
    polite: _Words
    naming: _Words
    question_openings: tuple[str, ...]
    rhetorical: tuple[str, ...]
    negations: _Words
    positive: _Words
    negative: _Words
    verbs: _Words
    past: _Words
    adjectives: _Words
    adverbs: _Words
    belongings: Mapping[str, str]
    fillers: _Words
    clauses: _Words
    linking: _Words
    joints: _Words
    first_person: _Words
    contractions: Mapping[str, str] = {}
    function_words: _Words
    actions: Mapping[Tone, tuple[str, ...]]
    reactions: Mapping[Tone, tuple[str, ...]]
    intents: Mapping[str, _Remark]
    questions: Mapping[str, _Remark]
    topics: Mapping[str, _Remark]
    frames: Mapping[str, tuple[str, ...]]


# --- words --------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*|[\u2600-\u27bf\U0001f300-\U0001faff]")
_STRETCHED = re.compile(r"([^\W\d])\1{2,}")
_ACTION = re.compile(r"\*[^*]*\*")
_CLAUSE_END = re.compile(r"[^\w\s'’-]+")
_SENTENCE_END = re.compile(r"[.!?…\n]+")
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*[\"”»)]*")
_UNIT = re.compile(r"\s*(?:\*[^*]*\*|[^*.!?…]+[.!?…]*[\"”»)]*|[.!?…]+[\"”»)]*)")
_RUSSIAN_ADDRESS = re.compile(r"(?:шь|шься|йте|йтесь)$")
_SLOT = re.compile(r"\{(\w+)\}")
_ADDRESS = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")
_INNER_QUOTES = str.maketrans('“”«»"', "'''''")
_STEMMERS = {name: snowballstemmer.stemmer(name) for name in ("english", "russian")}


def _words(text: str) -> list[str]:
    plain = text.lower().replace("ё", "е").replace("’", "'").replace("'ll", " will").replace("'d", " would")
    return _TOKEN.findall(_STRETCHED.sub(r"\1", plain.replace("'", "")))


def _norm(text: str) -> str:
    return f" {' '.join(_words(text))} "


def _plain(word: str) -> str:
    return _norm(word).strip()


def _padded(sentences: Sequence[Sequence[str]]) -> str:
    """Return the words with the ends of sentences marked, as phrases expect them."""
    return f" {' '.join(' '.join(('^', *sentence, '$')) for sentence in sentences or [[]])} "


def _occurs(phrase: str, padded: str) -> bool:
    return f" {phrase[:-1]}" in padded if phrase.endswith("*") else f" {phrase} " in padded


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    stemmer = _STEMMERS["russian" if "а" <= word[0] <= "я" else "english"]
    return str(stemmer.stemWord(word[:40]))


def _script(text: str) -> str | None:
    """Return `ru` or `en` by the letters that prevail, None where there are neither."""
    cyrillic = len(re.findall("[а-яё]", text, re.IGNORECASE))
    latin = len(re.findall("[a-z]", text, re.IGNORECASE))
    if not cyrillic and not latin:
        return None
    return "ru" if cyrillic >= latin else "en"


def _sentences(text: str) -> list[str]:
    pieces = (piece.strip() for piece in _SENTENCE.findall(_ACTION.sub(" ", text)))
    return [piece for piece in pieces if _words(piece)]


def _one_line(text: str) -> str:
    """Return the text on one line; asterisks that do not pair up are dropped."""
    line = " ".join(text.split())
    return line.replace("*", "") if line.count("*") % 2 or "**" in line else line


def _capital(text: str) -> str:
    return re.sub(r"^[“«]?\w", lambda start: start[0].upper(), text)


def _trigrams(normal: str) -> frozenset[str]:
    return frozenset(normal[at : at + 3] for at in range(min(len(normal), 300) - 2))


# --- what the user said -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Heard:
    """A message as far as it was understood; `language` is the one it was read in."""

    text: str
    language: _Language
    padded: str
    stems: frozenset[str]
    trigrams: frozenset[str]
    intents: tuple[str, ...]
    topics: tuple[str, ...]
    is_question: bool
    is_about_you: bool  # a question about the one who is asked
    opens_with_question: bool
    is_readable: bool

    @property
    def concepts(self) -> frozenset[str]:
        return frozenset(self.intents + self.topics)

    @property
    def feelings(self) -> frozenset[str]:
        return frozenset(name for name in self.intents if self.kind(name) == "feeling")

    def kind(self, intent: str) -> str:
        """Return of what kind an intent is; `plain` for none."""
        return self.language.intents[intent].kind if intent else "plain"

    @property
    def tone(self) -> Tone:
        words = self.padded.split()
        balance = 0
        for before, word in zip(["", *words], words, strict=False):
            sign = (word in self.language.positive) - (word in self.language.negative)
            balance += -sign if before in self.language.negations else sign
        return "warm" if balance > 0 else "soft" if balance < 0 else "neutral"

    def clauses(self) -> list[str]:
        """Return short clauses of the message, to be quoted as they stand, the most telling first."""
        told = [list(dropwhile(self._says_little, clause)) for clause in self._clauses()]
        short = [clause for clause in told if 2 <= len(clause) <= 7 and self._weight(clause) > 1]
        return [" ".join(clause) for clause in sorted(short, key=self._weight, reverse=True)]

    def things(self) -> list[str]:
        """Return the things that the message speaks of, in its own words."""
        things = [
            thing
            for clause in self._clauses()
            for thing in self._things(clause)
            if self._weight(thing) and len("".join(thing)) > 4
        ]
        return [" ".join(thing) for thing in sorted(things, key=self._weight, reverse=True)]

    def _clauses(self) -> Iterator[list[str]]:
        for part in _CLAUSE_END.split(self.text):
            yield from self._split(part.split())

    def _says_little(self, word: str) -> bool:
        plain = _plain(word)
        return plain in self.language.stopwords - self.language.negations - self.language.prepositions

    def _split(self, words: Sequence[str]) -> Iterator[list[str]]:
        clause: list[str] = []
        for word in words:
            if _plain(word) in self.language.joints:
                yield clause
                clause = []
            else:
                clause.append(word)
        yield clause

    def _weight(self, words: Sequence[str]) -> int:
        """Return how much the words tell: none if they speak of the one who is answering."""
        plain = [_plain(word) for word in words]
        if self.language.second_person & set(plain):
            return 0
        return sum(len(word) > 3 and word not in self.language.stopwords for word in plain)

    def _things(self, words: Sequence[str]) -> Iterator[list[str]]:
        """Yield up to three words after an article or a possessive; after a Russian preposition, with it."""
        stops = self.language.function_words or self.language.stopwords
        for at, word in enumerate(words):
            leads = _plain(word) in self.language.prepositions
            if leads or _plain(word) in self.language.determiners:
                first, *more = words[at + 1 : at + 4] or [""]
                following = takewhile(
                    lambda after: _plain(after) not in stops and not self._acts(after), more
                )
                yield [*([word] if leads else []), first, *following]

    def _acts(self, word: str) -> bool:
        """Tell whether a word after a noun is likely its verb."""
        plain = _plain(word)
        return plain in _third_persons(self.language.verbs) or plain.endswith(("ed", "ing"))


def _hear(text: str, language: _Language, names: Iterable[str] = ()) -> _Heard:
    """Read a message. The names of the two, and what only opens something longer, say nothing more."""
    is_long = len(text) > _HEARD_CHARS
    clipped = f"{text[: _HEARD_CHARS // 2]} {text[-_HEARD_CHARS // 2 :]}" if is_long else text
    called = {word for name in names for word in _words(name)}
    spoken = [[word for word in _words(part) if word not in called] for part in _SENTENCE_END.split(clipped)]
    whole = [sentence for sentence in spoken if sentence]
    told = _without_opening(whole, language)
    stems = _content(" ".join(word for sentence in told for word in sentence), language)
    opens = any(_occurs(phrase, _padded(told)) for phrase in language.question_openings)
    is_rhetorical = any(_occurs(phrase, _padded(told)) for phrase in language.rhetorical)
    is_question = ("?" in clipped or opens) and not is_rhetorical
    topics = _topics(stems, language)
    says_more = is_question or bool(topics) or len(stems) > 1
    spoken_of = {word for sentence in told for word in sentence}
    is_about_you = (
        is_question and spoken_of & language.second_person and not spoken_of & language.first_person
    )
    return _Heard(
        text=" ".join(word for word in clipped.split() if _plain(word) not in called),
        language=language,
        padded=_padded(told),
        stems=stems,
        trigrams=_trigrams(_padded(told)),
        intents=tuple(
            name
            for name, intent in language.intents.items()
            if (intent.fits(_padded(told)) or intent.fits(_padded(whole)))
            and not (says_more and intent.kind == "acknowledgement")
            and not (is_about_you and intent.kind == "feeling")
        ),
        topics=topics,
        is_question=is_question,
        is_about_you=bool(is_about_you),
        opens_with_question=opens,
        is_readable=_script(clipped) is not None or not any(letter.isalpha() for letter in clipped),
    )


def _without_opening(sentences: list[list[str]], language: _Language) -> list[list[str]]:
    """Return the sentences after a greeting and words such as `well`, unless there is nothing else."""
    greetings = language.intents["greeting"].heard
    first = next(iter(sentences), [])
    rest = sentences[1:]
    for size in (2, 1):
        if (len(first) > size + 1 or rest) and f"^ {' '.join(first[:size])}" in greetings:
            first = first[size:]
    while first and first[0] in language.fillers and (rest or len(first) > 3):
        first = first[1:]
    return [first, *rest] if first else rest


def _topics(stems: frozenset[str], language: _Language) -> tuple[str, ...]:
    """Return the topics of these words, the one with the most of them first."""
    hits = {name: len(stems & _stems_of(topic.words)) for name, topic in language.topics.items()}
    return tuple(sorted((name for name in hits if hits[name]), key=lambda name: -hits[name]))


@lru_cache(maxsize=200)
def _stems_of(words: frozenset[str]) -> frozenset[str]:
    return frozenset(_stem(part) for word in words for part in _words(word))


# --- what the card gives ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Line:
    """A line of the character and the user's line that it answers; names are not put in yet."""

    cue: _Heard
    text: str
    stems: frozenset[str]


@dataclass(frozen=True)
class _Card:
    """The material of one character."""

    language: str
    polite: bool
    lines: tuple[_Line, ...]
    remarks: tuple[str, ...]  # sentences of the lines that stand on their own
    gestures: tuple[str, ...]
    about: tuple[str, ...]  # sentences of the description
    weights: Mapping[str, float]  # of a word's stem: rare in the card weighs more

    def closeness(self, heard: _Heard, line: _Line) -> float:
        """Return how well a line answers a message: 1 at most, below 0 where it misses the point."""
        common = len(heard.trigrams & line.cue.trigrams)
        shape = 2 * common / (len(heard.trigrams) + len(line.cue.trigrams) or 1)
        shared = len(heard.concepts & line.cue.concepts)
        is_main = (heard.intents + heard.topics)[:1] == (line.cue.intents + line.cue.topics)[:1] != ()
        concepts = 1.0 if is_main else shared / (min(len(heard.concepts), len(line.cue.concepts)) or 1)
        cue, own = self.overlap(heard.stems, line.cue.stems), self.overlap(heard.stems, line.stems)
        return 0.4 * (cue + concepts) + 0.1 * (shape + own) - 0.15 * _mismatches(heard, line.cue)

    def overlap(self, left: frozenset[str], right: frozenset[str]) -> float:
        """Return the cosine of two sets of stems."""

        def mass(stems: frozenset[str]) -> float:
            # fsum: the order of a set differs from process to process, and no rounding may tell
            return math.fsum(self.weights.get(stem, self.weights[""]) ** 2 for stem in stems)

        return mass(left & right) / math.sqrt(mass(left) * mass(right) or 1.0)


def _mismatches(heard: _Heard, cue: _Heard) -> int:
    """Count the reasons for which a line is no answer, whatever its cue has in common with the message."""
    meant = cue.intents[0] if cue.intents else ""
    is_brief = heard.kind(next(iter(heard.intents), "")) == "acknowledgement"  # a laugh is no nod
    return sum(
        (
            bool(heard.intents) and heard.intents[0] not in cue.intents[: 1 if is_brief else None],
            bool(heard.feelings) and not heard.feelings & cue.feelings,
            meant not in heard.intents and cue.kind(meant) in ("feeling", "closing"),
            heard.tone == "soft" and cue.tone != "soft",
            2 * (heard.is_question and not cue.is_question),
            cue.opens_with_question and not heard.is_question and not set(heard.intents) & set(cue.intents),
        )
    )


def _study(character: Character, languages: Mapping[str, _Language]) -> _Card:
    """Read a card: what its character can say, and in which language."""
    blocks = character.example_dialogues()
    written = [message.text for block in blocks for message in block]
    prose = " ".join([character.first_mes, *written, character.description, character.personality])
    foreign = "other" if any(letter.isalpha() for letter in prose) else ""
    code = (character.language or _script(prose) or foreign).partition("-")[0]
    language = languages.get(code, languages["en"])
    pairs = [
        (before.text, after.text)
        for block in blocks
        for before, after in pairwise(block)
        if (before.role, after.role) == ("user", "character")
    ]
    lines = tuple(
        _line(cue, text, language) for cue, text in pairs[:_STUDIED_LINES] if _sentences(_one_line(text))
    )
    spoken = [line.text for line in lines]
    seen = Counter(stem for line in lines for stem in line.cue.stems | line.stems)
    address = Counter(_words(" ".join([*spoken, character.first_mes])))
    familiar = language.second_person - language.polite
    return _Card(
        language=code,
        polite=sum(address[word] for word in language.polite) > sum(address[word] for word in familiar),
        lines=lines,
        remarks=tuple(part for text in spoken for part in _sentences(text) if _stands_alone(part, language)),
        gestures=tuple(_gestures([*spoken, character.first_mes], language)),
        about=tuple(part for part in _sentences(_one_line(character.description)) if _is_prose(part)),
        weights={
            "": math.log(2 + len(lines)),
            **{stem: math.log(1 + len(lines) / times) for stem, times in seen.items()},
        },
    )


def _line(cue: str, text: str, language: _Language) -> _Line:
    own = _one_line(text)
    return _Line(_hear(cue, language), own, _hear(own, language).stems)


def _is_prose(sentence: str) -> bool:
    """Tell whether this is a sentence, not a heading or an entry in a list of traits."""
    return 3 <= len(_words(sentence)) <= _LONG_SENTENCE and not set("[]|=+:#<>") & set(sentence)


def _stands_alone(sentence: str, language: _Language) -> bool:
    """Tell whether a sentence makes sense without the question that it answered."""
    words = _words(sentence)
    return (
        6 <= len(words) <= _LONG_SENTENCE
        and sentence[-1] in ".!…"
        and "{" not in sentence
        and words[0] not in language.leaning | language.verbs
        and bool(language.first_person & set(words[:4]))
        and not (language.second_person | language.pointing) & set(words)
        and not any(_RUSSIAN_ADDRESS.search(word) for word in words)
    )


def _gestures(texts: Iterable[str], language: _Language) -> Iterator[str]:
    unwanted = language.second_person | language.leaning
    for action in dict.fromkeys(action for text in texts for action in _ACTION.findall(_one_line(text))):
        words = _words(action)
        if 1 <= len(words) <= 7 and "{" not in action and not unwanted & set(words):
            yield action


# --- facts, said to the one they are about ------------------------------------------------------------

_HAVE_DO = {"has": "have", "hasnt": "haven't", "does": "do", "doesnt": "don't"}
_YOU = {**_HAVE_DO, "": "you", "is": "are", "isnt": "aren't", "was": "were", "wasnt": "weren't", "my": "your"}
_ME = {**_HAVE_DO, "": "I", "is": "am", "isnt": "am not", "was": "was", "wasnt": "wasn't", "my": "my"}
_IRREGULAR = {"ест": ("ешь", "едите"), "хочет": ("хочешь", "хотите")}
_RUSSIAN_PAST = re.compile(r"..(?:л|ла|лся|лась)$")
_RUSSIAN_THIRD_PERSON = re.compile(r"...(?:ет|ит)(?:ся)?$")
_NEAR_ONES: Final = ("family", "kids", "friends", "love", "pets")


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


@lru_cache(maxsize=8)
def _third_persons(verbs: frozenset[str]) -> dict[str, str]:
    """Return `works` → `work` for every known English verb."""
    forms = dict(_HAVE_DO)
    for verb in verbs:
        if verb.endswith(("s", "sh", "ch", "x", "o", "z")):
            forms[verb + "es"] = verb
        elif verb.endswith("y") and verb[-2] not in "aeiou":
            forms[verb[:-1] + "ies"] = verb
        else:
            forms[verb + "s"] = verb
    return forms


class _Statement:
    """A third-person statement, its subject usually left out: `Has a dog`, «Любит кошек».

    Each way of saying it to somebody gives None where the grammar is not plain: then it is only quoted.
    """

    def __init__(self, text: str, names: Iterable[str], language: _Language) -> None:
        self._language = language
        words = text.rstrip(".!… ").split() or [""]
        subjects = {part for name in names for part in _words(name)} | language.third_person
        while len(words) > 1 and _plain(words[0]) in subjects:
            words = words[1:]
        self._at = 0  # of the first word that is no adverb
        while self._at < len(words) - 1 and _plain(words[self._at]) in language.adverbs:
            self._at += 1
        self._words = words
        self._plain = [_plain(word) for word in words]
        self._pronouns = language.third_person | language.possessives | language.reflexives

    def of_another(self, owner: str = "", polite: bool = False) -> str | None:
        """Return `your father drives a taxi` or `Theo has a dog`: the statement has a subject of its own."""
        first, *rest = self._plain
        if self._pronouns & set(rest) or not any(
            self._is_verb(w) or w.endswith(("ут", "ют")) for w in rest[:5]
        ):
            return None
        if first in self._language.belongings:
            words = (
                self._words[1:] if first in self._pronouns else [_lowered(self._words[0]), *self._words[1:]]
            )
            familiar, _, formal = self._language.belongings[first].partition("|")
            return " ".join([owner or (formal if polite and formal else familiar), *words])
        if first == "the":
            return _lowered(" ".join(self._words))
        known = self._is_verb(first) or first in self._language.adjectives | self._language.adverbs
        return None if known or not self._is_verb(rest[0]) else " ".join(self._words)

    def predicate(self) -> str | None:
        """Return `has a dog` for `Has a dog`: what may follow `someone who`."""
        if self._pronouns & set(self._plain) or not self._is_verb(self._plain[self._at]):
            return None
        if self._language.code == "ru" and any(map(_RUSSIAN_PAST.search, self._plain)):  # it shows a gender
            return None
        return _lowered(" ".join(self._words))

    def english(self, forms: Mapping[str, str]) -> str | None:
        """Return `you have a dog` for `Has a dog`."""
        head, tail = self._plain[self._at], self._english_tail(forms)
        if tail is None or (
            head in ("a", "an") and _third_persons(self._language.verbs).keys() & set(self._plain)
        ):
            return None
        adverbs = [word.lower() for word in self._words[: self._at]]
        if self._is_verb(head):
            verb = self._conjugated(_lowered(self._words[self._at]), forms)
            return self._contracted([forms[""], *adverbs, verb, *tail])
        is_gerund = head.endswith("ing") and {head[:-3], head[:-3] + "e"} & self._language.verbs
        if head not in self._language.adjectives and not is_gerund:
            return None
        be = "have been" if {"since", "for"} & set(tail) else forms["was" if head == "born" else "is"]
        return self._contracted([forms[""], be, *adverbs, _lowered(self._words[self._at]), *tail])

    def _contracted(self, words: Sequence[str]) -> str:
        """Return the words as they are spoken: `you're`, not `you are`."""
        text = " ".join(words)
        for full, short in self._language.contractions.items():
            text = text.replace(f"{full} ", f"{short} ")
        return text

    def russian(self, polite: bool) -> str | None:
        """Return «ты любишь кошек» for «Любит кошек»: the present of the known verbs is regular."""
        language, head = self._language, self._plain[self._at]
        if self._pronouns & set(self._plain[self._at :]):
            return None
        if head in language.adjectives and self._at == 0:
            return f"у {'вас' if polite else 'тебя'} {_lowered(' '.join(self._words))}"
        is_past = self._is_verb(head) and head not in language.verbs
        if not self._is_verb(head) or (is_past and polite):
            return None
        said = [word.lower() for word in self._words[: self._at]]
        clause = False
        for word in self._words[self._at :]:
            clause = clause or _plain(word) in language.clauses or word.startswith("котор")
            if _plain(word) in language.verbs and not clause:
                said.append(_second_person(word, polite))
            elif _RUSSIAN_THIRD_PERSON.search(_plain(word)) and not clause:
                return None
            else:
                said.append(word)
        return " ".join(["вы" if polite else "ты", _lowered(" ".join(said))])

    def _is_verb(self, plain: str) -> bool:
        if self._language.code == "ru":
            past = plain in self._language.past or _RUSSIAN_PAST.search(plain)
            return plain in self._language.verbs or bool(past)
        regular_past = plain.endswith("ed") and not self._is_participle(plain)
        known = plain in self._language.past or plain in _YOU.keys() - {"my", ""}
        return regular_past or known or plain in _third_persons(self._language.verbs)

    def _is_participle(self, plain: str) -> bool:
        """Tell `married to him` and `retired` from `married him`."""
        following = self._plain[self._at + 1 : self._at + 2]
        return plain in self._language.adjectives and (
            not following or following[0] in self._language.linking
        )

    def _conjugated(self, word: str, forms: Mapping[str, str]) -> str:
        plain = _plain(word)
        return forms.get(plain) or _third_persons(self._language.verbs).get(plain) or word

    def _english_tail(self, forms: Mapping[str, str]) -> list[str] | None:
        """Put later verbs and possessives into the same person. None where they may be of somebody else."""
        near_ones = frozenset[str]().union(
            *(_stems_of(self._language.topics[name].words) for name in _NEAR_ONES)
        )
        tail: list[str] = []
        near = clause = False
        rest = self._plain[self._at + 1 :]
        for word, plain in zip(self._words[self._at + 1 :], rest, strict=True):
            if plain in self._language.possessives and not near and len(tail) + 1 < len(rest):
                tail.append(forms["my"])
            elif plain in self._pronouns or (self._goes_on(tail) and self._may_be_verb(plain, clause)):
                return None
            else:
                tail.append(self._conjugated(word, forms) if self._goes_on(tail) and not clause else word)
            near = (
                near
                or _stem(plain or "-") in near_ones
                or (word[:1].isupper() and tail[-2:-1] in (["with"], ["and"]))
            )
            clause = clause or plain in self._language.clauses
        return tail

    def _may_be_verb(self, plain: str, in_clause: bool) -> bool:
        """Tell whether this could be a verb of the subject, but also something else: then nothing is sure."""
        known = plain in _third_persons(self._language.verbs) or plain in ("is", "was")
        return known if in_clause else plain.endswith("s") and not (known or plain in self._language.adverbs)

    def _goes_on(self, words: Sequence[str]) -> bool:
        """Tell whether a second verb of the same subject may follow here: after a conjunction and adverbs."""
        kept = [word for word in words if _plain(word) not in self._language.adverbs]
        return bool(kept) and (_plain(kept[-1]) in ("and", "but", "or") or kept[-1].endswith(","))


def _second_person(verb: str, polite: bool) -> str:
    """Return «любишь» or «любите» for «любит»; a comma after it stays."""
    irregular = _IRREGULAR.get(_plain(verb))
    if irregular:
        return irregular[polite]
    reflexive, plain = ("тесь", "те") if polite else ("шься", "шь")
    return re.sub(r"т(ся)?(\W*)$", lambda end: (reflexive if end[1] else plain) + end[2], verb)


# --- the reply ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """A piece of a reply; where it must be short, the least needed pieces are left out."""

    text: str
    need: int


class _Responder:
    """Makes the reply to one turn."""

    def __init__(self, turn: Turn, seed: int, languages: Mapping[str, _Language], card: _Card) -> None:
        self._turn, self._seed, self._card = turn, seed, card
        self._names = (turn.character.display_name, turn.character.name, turn.user.name)
        message = turn.messages[-1] if turn.messages else None
        text = message.text if message and message.role == "user" else ""
        self._code = card.language or _script(text) or "en"
        self._language = languages.get(self._code, languages["en"])
        self._heard = _hear(text, languages.get(_script(text) or "", self._language), self._names)
        own = [earlier.text[:_RECALLED_CHARS] for earlier in turn.messages if earlier.role == "character"]
        self._turns = len(own)
        self._recent = [_content(line, self._language) for line in own[-12:]]
        self._said = "|".join(_norm(line) for line in own[-_RECALLED_LINES:])
        self._moment = f"{turn.character.name}|{turn.user.name}|{self._turns}|{self._heard.padded}"

    def reply(self) -> str:
        """Return the reply, within the character's own limits of length."""
        main = next(iter(self._heard.intents), "")
        if main and self._language.intents[main].kind == "matter_of_fact":
            return self._pick(self._language.intents[main].say)  # whole, whatever the limits
        parts = self._parts(main) if self._can_answer() else self._own_words()
        style = self._turn.character.style
        if style.actions == "none":
            parts = [_Part(_ACTION.sub(" ", part.text), part.need) for part in parts]
        parts = [part for part in parts if part.text.strip()] or [_Part("…", 9)]
        while style.max_words and _length(parts) > style.max_words and len(parts) > 1:
            parts.remove(min(reversed(parts), key=lambda part: part.need))
        text = " ".join(" ".join(part.text for part in parts).split())
        return _cut(text, style.max_words) if style.max_words else text

    def _can_answer(self) -> bool:
        """Tell whether there are words for it: in a known language, to a message that can be read."""
        return self._code == self._language.code and self._heard.is_readable and bool(self._turn.messages)

    def _parts(self, main: str) -> list[_Part]:
        if main == "remember":
            return self._recollection()
        fact, line = self._fact(), self._fitting_line()
        if line:
            return self._with_line(line, fact)
        if main:
            return self._to_intent(main, fact)
        return self._answer(fact) if self._heard.is_question else self._to_statement(fact)

    # - the character's own lines -

    def _fitting_line(self) -> _Line | None:
        """Return the unused example line that answers best; another seed takes the next, or none."""
        fresh = [line for line in self._card.lines if self._is_fresh(line.text)]
        scores = {line: self._card.closeness(self._heard, line) for line in fresh}
        closest = sorted(fresh, key=lambda line: -scores[line])[:3]
        fitting = [line for line in closest if scores[line] >= max(_FITTING, scores[closest[0]] - 0.2)]
        if self._seed == 0 or not fitting:
            return next(iter(fitting), None)
        return [*fitting[1:], None][self._seed % len(fitting)]

    def _with_line(self, line: _Line, fact: RetrievedFact | None) -> list[_Part]:
        units = [unit.strip() for unit in _UNIT.findall(self._named(line.text))] or [""]
        gesture = units.pop(0) if units[0].startswith("*") else ""
        if gesture and self._was_said(gesture):
            gesture = self._gesture("neutral")
        if fact is None:
            return [_Part(gesture, 3), _Part(self._echo(), 1), _Part(" ".join(units), 9)]
        while len(units) > 1 and units[-1].endswith("?"):
            units.pop()
        spoken = [_Part(unit, 9 if at == 0 else 4) for at, unit in enumerate(units)]
        return [_Part(gesture, 6), *spoken, *self._fact_parts(fact)]

    def _echo(self) -> str:
        """Now and then, take up the user's words before the character's own."""
        plain = not self._heard.intents and not self._heard.is_question
        return self._pick(self._language.frames["echoes"]) if plain and self._turns % 2 else ""

    def _own_words(self) -> list[_Part]:
        """Say a line of the character where there is nothing to answer, or nothing that can be read."""
        greetings = [_one_line(text) for text in self._turn.character.greetings(self._turn.user.name)]
        lines = [self._named(line.text) for line in self._card.lines] if self._turn.messages else []
        texts = lines or greetings
        if not texts:
            return self._to_intent("silence", None)
        fresh = [text for text in texts if self._is_fresh(text)]
        fitting = self._fitting_line() if lines else None
        chosen = self._named(fitting.text) if fitting else self._choose(fresh)
        return [_Part(chosen or min(texts, key=self._last_said), 9)]

    def _named(self, text: str) -> str:
        char, user = (_one_line(name).replace("*", "") for name in (self._names[0], self._names[2]))
        return expand_macros(text, char=char, user=user)

    # - what is said to what was understood -

    def _to_intent(self, name: str, fact: RetrievedFact | None) -> list[_Part]:
        remark = self._language.intents[name]
        parts = [_Part(self._gesture(remark.tone), 3)]
        parts.append(_Part(self._pick(remark.say) or self._pick(remark.otherwise), 9))
        if fact:
            return [*parts, *self._fact_parts(fact)]
        if remark.kind == "acknowledgement":
            return [*parts, _Part(self._move_on(), 4)]
        topic = self._topic()
        asks = topic.ask if topic and remark.kind == "feeling" else remark.ask
        return [*parts, _Part(self._pick(asks), 4)]

    def _answer(self, fact: RetrievedFact | None) -> list[_Part]:
        """Answer a question that the card has no line for."""
        gesture = _Part(self._gesture("neutral"), 3)
        if fact:
            return [gesture, *self._fact_parts(fact)]
        kinds = self._heard.language.questions
        kind = next((name for name in kinds if kinds[name].fits(self._heard.padded)), "yesno")
        remark, topic = self._language.questions[kind], self._topic()
        more = self._own_sentence(related=True)
        asks = remark.ask or (topic.ask if topic else self._language.frames["pivots"])
        return [gesture, _Part(self._pick(remark.say), 7), _Part(more, 6), _Part(self._pick(asks), 2)]

    def _to_statement(self, fact: RetrievedFact | None) -> list[_Part]:
        tone, frames, topic = self._heard.tone, self._language.frames, self._topic()
        gesture = _Part(self._gesture(tone), 3)
        react = _Part(self._pick(self._language.reactions[tone]), 7)
        if fact:
            echo = _Part(self._pick(frames["echoes"]), 5) if self._turns % 2 else react
            return [gesture, echo if tone == "neutral" else react, *self._fact_parts(fact)]
        quote = _Part(self._pick(frames["quotes"]), 8)
        ask = _Part(self._pick(topic.ask if topic else frames["asks"]), 4)
        opening = react if tone == "soft" or not quote.text else quote
        shape = (self._turns + self._seed) % 3
        if topic and shape == 0:
            return [gesture, react, _Part(self._pick(topic.say), 8), ask]
        own = self._own_sentence(related=True) if shape == 1 and tone != "soft" else ""
        return [gesture, opening, _Part(own, 6) if own else ask]

    def _topic(self) -> _Remark | None:
        return self._language.topics[self._heard.topics[0]] if self._heard.topics else None

    def _move_on(self) -> str:
        """Say something new when the user left it to the character."""
        musing = self._musing() if (self._turns + self._seed) % 2 else ""
        return musing or self._pick(self._language.frames["pivots"])

    # - the character about itself -

    def _musing(self) -> str:
        return self._pick(self._language.frames["bridges"])

    def _own_sentence(self, related: bool = False) -> str:
        """Return an unused sentence of the character's own, if possible one that touches what was said."""
        own = [*map(self._named, self._card.remarks), *self._self_descriptions()]
        fresh = [text for text in own if self._is_fresh(text)]
        touching = [text for text in fresh if self._heard.stems & _content(text, self._language)]
        return self._choose(touching if touching or related else fresh)

    def _self_descriptions(self) -> list[str]:
        """Return the sentences of the description that can be said in the first person."""
        said = (self._in_first_person(sentence) for sentence in map(self._named, self._card.about))
        return [f"{_capital(sentence)}." for sentence in said if sentence]

    def _in_first_person(self, sentence: str) -> str | None:
        words, language = _words(sentence), self._language
        outside = {part for name in self._names for part in _words(name)} | language.third_person
        if language.code == "ru":  # the first person of a Russian present does not follow from the third
            unsaid = outside | language.possessives | language.verbs
            is_neutral = not unsaid & set(words) and not any(map(_RUSSIAN_THIRD_PERSON.search, words))
            return sentence.rstrip(".!… ") if is_neutral else None
        if not (outside | language.possessives) & set(words):
            return sentence.rstrip(".!… ")
        said = _Statement(sentence, self._names[:2], language)
        return None if "their" in words else said.of_another("my") or said.english(_ME)

    def _about(self) -> str:
        """Return a sentence about the character: in its own voice, or quoted from its description."""
        own = [text for text in self._self_descriptions() if self._is_fresh(text)]
        if own:
            return self._choose(own[:3])
        quoted = [text for text in map(self._named, self._card.about) if not self._in_first_person(text)]
        fresh = [text for text in quoted if self._is_fresh(text)]
        frames = self._language.frames["about_frames"]
        return self._fill(self._choose(frames), {"sentence": fresh[0]}) if fresh else ""

    # - facts -

    def _fact(self) -> RetrievedFact | None:
        """Return the fact to bring in: a fitting one that neither of the two has just spoken of."""
        heard, language = self._heard, self._heard.language
        main = next(iter(heard.intents), "")
        if heard.is_about_you or heard.kind(main) in ("acknowledgement", "small_talk"):
            return None
        moods = _stems_of(language.positive | language.negative)
        for fact in self._turn.facts[:_CONSIDERED_FACTS]:
            stems = _content(fact.text, self._language)
            known = any(len(stems & said) >= 0.6 * len(stems) for said in (*self._recent, heard.stems))
            in_turn = self._turns % 3 == 2 and not heard.is_question and not heard.feelings
            touches = fact.score >= _STRONG_SCORE or stems & heard.stems - moods
            if (touches or in_turn) and not known:  # a weak one only now and then
                return fact
        return None

    def _recollection(self) -> list[_Part]:
        """Answer what the user asks about themselves: from a fact, or honestly not at all."""
        remark, heard = self._language.intents["remember"], self._heard
        gesture = _Part(self._gesture("neutral"), 3)
        asked = heard.stems - _content(" ".join(heard.language.intents["remember"].heard), heard.language)
        for fact in self._turn.facts[:_CONSIDERED_FACTS]:
            if not asked or fact.score >= _STRONG_SCORE or asked & _content(fact.text, self._language):
                return [gesture, *self._fact_parts(fact, "recall")]
        return [gesture, _Part(self._pick(remark.otherwise), 9)]

    def _fact_parts(self, fact: RetrievedFact, frame: str = "fact") -> list[_Part]:
        """Say a fact to the one it is about: turned to them where the grammar is plain, else quoted."""
        frames, text = self._language.frames, _one_line(fact.text).replace("*", "").rstrip(".!… ")
        frame = "own_fact" if fact.owner == "character" else frame
        said = _Statement(text, self._names, self._language)
        is_short = len(text.split()) <= _LONG_SENTENCE
        values = {
            "fact": (is_short and self._addressed(said, fact.owner)) or "",
            "who": (is_short and said.predicate()) or "",
            "words": _first_words(text.translate(_INNER_QUOTES)),
        }
        sentence = self._pick(frames[frame], **values) or self._pick(frames[f"{frame}_quote"], **values)
        name = self._name_in(text)
        return [_Part(sentence, 8), _Part(self._pick(frames["fact_named"], pet=name) if name else "", 2)]

    def _name_in(self, text: str) -> str:
        """Return Biscuit for `Has a dog named Biscuit`."""
        for before, word in pairwise(text.split()):
            name = word.strip(",;:()")
            if _plain(before) in self._language.naming and name[:1].isupper() and name.isalpha():
                return "" if _plain(name) in self._language.stopwords else name
        return ""

    def _addressed(self, said: _Statement, owner: FactOwner) -> str | None:
        if owner == "character":
            return None if self._language.code == "ru" else said.of_another("my") or said.english(_ME)
        if self._language.code == "ru":
            return said.of_another(polite=self._card.polite) or said.russian(self._card.polite)
        return said.of_another() or said.english(_YOU)

    # - choosing and filling in -

    def _gesture(self, tone: Tone) -> str:
        own = self._card.gestures if tone == "neutral" else ()
        return self._pick([*own, *self._language.actions[tone]])

    def _pick(self, options: Sequence[str], **values: str) -> str:
        """Return one of the phrases, filled in: one that was not said yet, else the one longest unsaid."""
        slots = {slot for option in options for slot in _SLOT.findall(option)}
        values = {slot: values[slot] if slot in values else self._slot(slot) for slot in slots}
        usable = [option for option in options if all(values[slot] for slot in _SLOT.findall(option))]
        if not usable:
            return ""
        fresh = [option for option in usable if not self._was_said(option)]
        text = self._fill(self._choose(fresh) if fresh else min(usable, key=self._last_said), values)
        self._said += f"|{_norm(text)}"
        return text

    def _choose(self, options: Sequence[str]) -> str:
        """Return an option that only the turn decides; the next seed moves on to the next one."""
        if not options:
            return ""
        digest = hashlib.sha256(f"{self._moment}|{options[0]}".encode()).digest()
        return options[(int.from_bytes(digest[:8], "big") + self._seed) % len(options)]

    def _slot(self, name: str) -> str:
        turn = self._turn
        if name == "musing":
            return self._own_sentence()
        if name == "about":
            return self._about()
        if name in ("quote", "thing"):
            quotes = (
                self._heard.things() if name == "thing" else [*self._heard.clauses(), *self._heard.things()]
            )
            return self._choose(
                [text for text in quotes if _norm(text) not in self._said and len(text) <= 60][:2]
            )
        if name == "place":
            return " ".join(turn.scenario.setting.split()) if turn.scenario else ""
        if name == "age":
            return "" if turn.character.age is None else str(turn.character.age)
        named = {"user": "" if turn.user.name == User().name else turn.user.name, "char": self._names[0]}
        return _one_line(named.get(name, "")).replace("*", "")

    def _fill(self, template: str, values: Mapping[str, str]) -> str:
        """Put the values in, in one pass: what a value holds is never read as a slot."""
        address = _ADDRESS.sub(lambda forms: forms[2] if self._card.polite else forms[1], template)
        return _capital(_SLOT.sub(lambda slot: values[slot[1]], address))

    def _was_said(self, template: str) -> bool:
        return self._last_said(template) >= 0

    def _last_said(self, template: str) -> int:
        """Return where the fixed part of a phrase was last said, -1 where it was not."""
        address = _ADDRESS.sub(lambda forms: forms[2] if self._card.polite else forms[1], template)
        fixed = _norm(max(_SLOT.split(address)[::2], key=len))
        return self._said.rfind(fixed) if fixed.strip() else -1

    def _is_fresh(self, text: str) -> bool:
        """Tell whether none of this was said: no sentence of three words or more."""
        sentences = [_norm(sentence) for sentence in _sentences(self._named(text))]
        telling = [sentence for sentence in sentences if len(sentence.split()) > 2] or sentences
        return not any(sentence in self._said for sentence in telling)


def _content(text: str, language: _Language) -> frozenset[str]:
    return frozenset(_stem(word) for word in _words(text[:_HEARD_CHARS]) if word not in language.stopwords)


def _first_words(text: str) -> str:
    words = text.split()
    return text if len(words) <= _LONG_SENTENCE else " ".join(words[:_LONG_SENTENCE]).rstrip(",;:") + "…"


def _length(parts: Sequence[_Part]) -> int:
    return sum(len(part.text.split()) for part in parts)


def _cut(text: str, words: int) -> str:
    """Return no more words than these, whole gestures and sentences where the first of them fits."""
    if len(text.split()) <= words:
        return text
    ends = [unit.end() for unit in _UNIT.finditer(text)]
    fitting = [end for end in ends if len(text[:end].split()) <= words]
    if fitting:
        return text[: fitting[-1]].rstrip()
    return " ".join(text.replace("*", "").split()[:words])


def _stopped(text: str, stop: Sequence[str]) -> str:
    """Return the text before the first stop string, its asterisks still paired, and never blank."""
    cut = text
    while found := [at for mark in stop if mark and (at := cut.find(mark)) >= 0]:
        cut = cut[: min(found)]
        if cut.count("*") % 2:
            cut = cut[: cut.rindex("*")]
    return cut.rstrip() or "…"


# --- the model ----------------------------------------------------------------------------------------


class OfflineChatModel:
    """A `ChatModel` for development and demos: no network, no weights, always the same answer.

    It needs `prompt.turn`, not the rendered messages. Its usage is an estimate: four characters to a token.
    """

    name: Final = "offline"

    def __init__(self, piece_delay: float = 0.0) -> None:
        self._piece_delay = piece_delay
        self._languages = TypeAdapter(dict[str, _Language]).validate_json(_PHRASES_FILE.read_bytes())
        self._cards: dict[str, _Card] = {}

    async def complete(self, prompt: Prompt, sampling: Sampling) -> Completion:
        """Return the reply to the prompt's turn."""
        return self._completion(prompt, sampling)

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str | Completion, None]:
        """Yield the reply word by word, `piece_delay` seconds apart, then the completion."""
        completion = self._completion(prompt, sampling)
        for piece in re.findall(r"\S+\s*", completion.text):
            yield piece
            await asyncio.sleep(self._piece_delay)
        yield completion

    async def check(self) -> None:
        """Do nothing: there is nothing to reach."""

    def _completion(self, prompt: Prompt, sampling: Sampling) -> Completion:
        card = self._card(prompt.turn.character)
        whole = _Responder(prompt.turn, sampling.seed or 0, self._languages, card).reply()
        # a token is about three quarters of a word
        text = whole if sampling.max_tokens is None else _cut(whole, max(1, sampling.max_tokens * 3 // 4))
        return Completion(
            text=_stopped(text, sampling.stop),
            model=self.name,
            finish_reason="stop" if text == whole else "length",
            usage=Usage(
                prompt_tokens=sum(len(message.content) // 4 + 1 for message in prompt.messages),
                completion_tokens=len(text) // 4 + 1,
            ),
        )

    def _card(self, character: Character) -> _Card:
        """Return the card's material; the few last read are kept, since reading one takes milliseconds."""
        key = repr((character.name, character.language, character.mes_example, character.first_mes)) + (
            character.description + character.personality
        )
        if key not in self._cards:
            if len(self._cards) >= _KEPT_CARDS:
                self._cards.pop(next(iter(self._cards)))
            self._cards[key] = _study(character, self._languages)
        return self._cards[key]
