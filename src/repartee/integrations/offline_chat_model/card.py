"""What the card gives: the character's lines, remarks and gestures, and how well a line answers a message."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from repartee.domain.character import Character
from repartee.integrations.offline_chat_model.hearing import Heard, hear
from repartee.integrations.offline_chat_model.phrases import Language
from repartee.integrations.offline_chat_model.words import (
    ACTION,
    LONG_SENTENCE,
    one_line,
    script,
    sentences_of,
    words_of,
)

_STUDIED_LINES: Final = 200
_RUSSIAN_ADDRESS = re.compile(r"(?:шь|шься|йте|йтесь)$")


@dataclass(frozen=True, eq=False)
class Line:
    """A line of the character and the user's line that it answers; names are not put in yet."""

    cue: Heard
    text: str
    stems: frozenset[str]


@dataclass(frozen=True)
class Card:
    """The material of one character."""

    language: str
    polite: bool
    lines: tuple[Line, ...]
    remarks: tuple[str, ...]  # sentences of the lines that stand on their own
    gestures: tuple[str, ...]
    about: tuple[str, ...]  # sentences of the description
    weights: Mapping[str, float]  # of a word's stem: rare in the card weighs more

    def closeness(self, heard: Heard, line: Line) -> float:
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


def _mismatches(heard: Heard, cue: Heard) -> int:
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


def study(character: Character, languages: Mapping[str, Language]) -> Card:
    """Read a card: what its character can say, and in which language."""
    blocks = character.example_dialogues()
    written = [message.text for block in blocks for message in block]
    prose = " ".join([character.first_mes, *written, character.description, character.personality])
    foreign = "other" if any(letter.isalpha() for letter in prose) else ""
    code = (character.language or script(prose) or foreign).partition("-")[0]
    language = languages.get(code, languages["en"])
    pairs = [
        (before.text, after.text)
        for block in blocks
        for before, after in pairwise(block)
        if (before.role, after.role) == ("user", "character")
    ]
    lines = tuple(
        _line(cue, text, language) for cue, text in pairs[:_STUDIED_LINES] if sentences_of(one_line(text))
    )
    spoken = [line.text for line in lines]
    seen = Counter(stem for line in lines for stem in line.cue.stems | line.stems)
    address = Counter(words_of(" ".join([*spoken, character.first_mes])))
    familiar = language.second_person - language.polite
    return Card(
        language=code,
        polite=sum(address[word] for word in language.polite) > sum(address[word] for word in familiar),
        lines=lines,
        remarks=tuple(
            part for text in spoken for part in sentences_of(text) if _stands_alone(part, language)
        ),
        gestures=tuple(_gestures([*spoken, character.first_mes], language)),
        about=tuple(part for part in sentences_of(one_line(character.description)) if _is_prose(part)),
        weights={
            "": math.log(2 + len(lines)),
            **{stem: math.log(1 + len(lines) / times) for stem, times in seen.items()},
        },
    )


def _line(cue: str, text: str, language: Language) -> Line:
    own = one_line(text)
    return Line(hear(cue, language), own, hear(own, language).stems)


def _is_prose(sentence: str) -> bool:
    """Tell whether this is a sentence, not a heading or an entry in a list of traits."""
    return 3 <= len(words_of(sentence)) <= LONG_SENTENCE and not set("[]|=+:#<>") & set(sentence)


def _stands_alone(sentence: str, language: Language) -> bool:
    """Tell whether a sentence makes sense without the question that it answered."""
    words = words_of(sentence)
    return (
        6 <= len(words) <= LONG_SENTENCE
        and sentence[-1] in ".!…"
        and "{" not in sentence
        and words[0] not in language.leaning | language.verbs
        and bool(language.first_person & set(words[:4]))
        and not (language.second_person | language.pointing) & set(words)
        and not any(_RUSSIAN_ADDRESS.search(word) for word in words)
    )


def _gestures(texts: Iterable[str], language: Language) -> Iterator[str]:
    unwanted = language.second_person | language.leaning
    for action in dict.fromkeys(action for text in texts for action in ACTION.findall(one_line(text))):
        words = words_of(action)
        if 1 <= len(words) <= 7 and "{" not in action and not unwanted & set(words):
            yield action
