"""What is understood and said in each language: the models of `phrases.json`, and reading it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter

from repartee.integrations.offline_chat_model.words import occurs, words_of

_PHRASES_FILE: Final = Path(__file__).with_name("phrases.json")

Tone = Literal["neutral", "warm", "soft"]
_Words = Annotated[frozenset[str], BeforeValidator(str.split)]


class Remark(BaseModel):
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
        """Tell whether a message, as `padded` gives it, holds one of the phrases."""
        return len(words_of(padded)) <= self.max_words and any(occurs(text, padded) for text in self.heard)


class Language(BaseModel):
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
    intents: Mapping[str, Remark]
    questions: Mapping[str, Remark]
    topics: Mapping[str, Remark]
    frames: Mapping[str, tuple[str, ...]]


def read_languages() -> dict[str, Language]:
    """Return every language by its code."""
    return TypeAdapter(dict[str, Language]).validate_json(_PHRASES_FILE.read_bytes())
