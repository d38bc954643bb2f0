"""What the user said, as far as it is understood: intents, topics, tone, and pieces to be quoted."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import Final

from repartee.integrations.offline_chat_model.phrases import Language, Tone
from repartee.integrations.offline_chat_model.words import (
    occurs,
    padded,
    plain_of,
    script,
    stem,
    stems_of,
    third_persons,
    trigrams,
    words_of,
)

_HEARD_CHARS: Final = 1_200  # of a long message, its beginning and its end: where people put the point
_CLAUSE_END = re.compile(r"[^\w\s'’-]+")
_SENTENCE_END = re.compile(r"[.!?…\n]+")


@dataclass(frozen=True)
class Heard:
    """A message as far as it was understood; `language` is the one it was read in."""

    text: str
    language: Language
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
        """What was recognised: intents and topics."""
        return frozenset(self.intents + self.topics)

    @property
    def feelings(self) -> frozenset[str]:
        """The intents that are feelings."""
        return frozenset(name for name in self.intents if self.kind(name) == "feeling")

    def kind(self, intent: str) -> str:
        """Return of what kind an intent is; `plain` for none."""
        return self.language.intents[intent].kind if intent else "plain"

    @property
    def tone(self) -> Tone:
        """`warm` for good news, `soft` for bad."""
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
        plain = plain_of(word)
        return plain in self.language.stopwords - self.language.negations - self.language.prepositions

    def _split(self, words: Sequence[str]) -> Iterator[list[str]]:
        clause: list[str] = []
        for word in words:
            if plain_of(word) in self.language.joints:
                yield clause
                clause = []
            else:
                clause.append(word)
        yield clause

    def _weight(self, words: Sequence[str]) -> int:
        """Return how much the words tell: none if they speak of the one who is answering."""
        plain = [plain_of(word) for word in words]
        if self.language.second_person & set(plain):
            return 0
        return sum(len(word) > 3 and word not in self.language.stopwords for word in plain)

    def _things(self, words: Sequence[str]) -> Iterator[list[str]]:
        """Yield up to three words after an article or a possessive; after a Russian preposition, with it."""
        stops = self.language.function_words or self.language.stopwords
        for at, word in enumerate(words):
            leads = plain_of(word) in self.language.prepositions
            if leads or plain_of(word) in self.language.determiners:
                first, *more = words[at + 1 : at + 4] or [""]
                following = takewhile(
                    lambda after: plain_of(after) not in stops and not self._acts(after), more
                )
                yield [*([word] if leads else []), first, *following]

    def _acts(self, word: str) -> bool:
        """Tell whether a word after a noun is likely its verb."""
        plain = plain_of(word)
        return plain in third_persons(self.language.verbs) or plain.endswith(("ed", "ing"))


def hear(text: str, language: Language, names: Iterable[str] = ()) -> Heard:
    """Read a message. The names of the two, and what only opens something longer, say nothing more."""
    is_long = len(text) > _HEARD_CHARS
    clipped = f"{text[: _HEARD_CHARS // 2]} {text[-_HEARD_CHARS // 2 :]}" if is_long else text
    called = {word for name in names for word in words_of(name)}
    spoken = [
        [word for word in words_of(part) if word not in called] for part in _SENTENCE_END.split(clipped)
    ]
    whole = [sentence for sentence in spoken if sentence]
    told = _without_opening(whole, language)
    stems = content(" ".join(word for sentence in told for word in sentence), language)
    opens = any(occurs(phrase, padded(told)) for phrase in language.question_openings)
    is_rhetorical = any(occurs(phrase, padded(told)) for phrase in language.rhetorical)
    is_question = ("?" in clipped or opens) and not is_rhetorical
    topics = _topics(stems, language)
    says_more = is_question or bool(topics) or len(stems) > 1
    spoken_of = {word for sentence in told for word in sentence}
    is_about_you = (
        is_question and spoken_of & language.second_person and not spoken_of & language.first_person
    )
    return Heard(
        text=" ".join(word for word in clipped.split() if plain_of(word) not in called),
        language=language,
        padded=padded(told),
        stems=stems,
        trigrams=trigrams(padded(told)),
        intents=tuple(
            name
            for name, intent in language.intents.items()
            if (intent.fits(padded(told)) or intent.fits(padded(whole)))
            and not (says_more and intent.kind == "acknowledgement")
            and not (is_about_you and intent.kind == "feeling")
        ),
        topics=topics,
        is_question=is_question,
        is_about_you=bool(is_about_you),
        opens_with_question=opens,
        is_readable=script(clipped) is not None or not any(letter.isalpha() for letter in clipped),
    )


def _without_opening(sentences: list[list[str]], language: Language) -> list[list[str]]:
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


def _topics(stems: frozenset[str], language: Language) -> tuple[str, ...]:
    """Return the topics of these words, the one with the most of them first."""
    hits = {name: len(stems & stems_of(topic.words)) for name, topic in language.topics.items()}
    return tuple(sorted((name for name in hits if hits[name]), key=lambda name: -hits[name]))


def content(text: str, language: Language) -> frozenset[str]:
    """Return the stems of the words that tell something."""
    return frozenset(stem(word) for word in words_of(text[:_HEARD_CHARS]) if word not in language.stopwords)
