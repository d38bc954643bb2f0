"""Words, stems and sentences of any text: the forms in which texts are compared."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import snowballstemmer

LONG_SENTENCE: Final = 26  # words
HAVE_DO = {"has": "have", "hasnt": "haven't", "does": "do", "doesnt": "don't"}

_TOKEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*|[\u2600-\u27bf\U0001f300-\U0001faff]")
_STRETCHED = re.compile(r"([^\W\d])\1{2,}")
ACTION = re.compile(r"\*[^*]*\*")
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*[\"”»)]*")
_STEMMERS = {name: snowballstemmer.stemmer(name) for name in ("english", "russian")}


def words_of(text: str) -> list[str]:
    """Return the words in their plain form: lower case, no apostrophes, no letters stretched out."""
    plain = text.lower().replace("ё", "е").replace("’", "'").replace("'ll", " will").replace("'d", " would")
    return _TOKEN.findall(_STRETCHED.sub(r"\1", plain.replace("'", "")))


def norm(text: str) -> str:
    """Return the words as one text, to be looked for in another."""
    return f" {' '.join(words_of(text))} "


def plain_of(word: str) -> str:
    """Return a word in its plain form, without the signs around it."""
    return norm(word).strip()


def padded(sentences: Sequence[Sequence[str]]) -> str:
    """Return the words with the ends of sentences marked, as phrases expect them."""
    return f" {' '.join(' '.join(('^', *sentence, '$')) for sentence in sentences or [[]])} "


def occurs(phrase: str, padded: str) -> bool:
    """Tell whether a phrase is in a message, as `padded` gives it."""
    return f" {phrase[:-1]}" in padded if phrase.endswith("*") else f" {phrase} " in padded


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return what the forms of a word have in common, in the language of its first letter."""
    stemmer = _STEMMERS["russian" if "а" <= word[0] <= "я" else "english"]
    return str(stemmer.stemWord(word[:40]))


@lru_cache(maxsize=200)
def stems_of(words: frozenset[str]) -> frozenset[str]:
    """Return the stems of all these words."""
    return frozenset(stem(part) for word in words for part in words_of(word))


def script(text: str) -> str | None:
    """Return `ru` or `en` by the letters that prevail, None where there are neither."""
    cyrillic = len(re.findall("[а-яё]", text, re.IGNORECASE))
    latin = len(re.findall("[a-z]", text, re.IGNORECASE))
    if not cyrillic and not latin:
        return None
    return "ru" if cyrillic >= latin else "en"


def sentences_of(text: str) -> list[str]:
    """Return the sentences as they stand, without the actions between them."""
    pieces = (piece.strip() for piece in _SENTENCE.findall(ACTION.sub(" ", text)))
    return [piece for piece in pieces if words_of(piece)]


def one_line(text: str) -> str:
    """Return the text on one line; asterisks that do not pair up are dropped."""
    line = " ".join(text.split())
    return line.replace("*", "") if line.count("*") % 2 or "**" in line else line


def capital(text: str) -> str:
    """Return the text with a capital at its beginning, after a quotation mark too."""
    return re.sub(r"^[“«]?\w", lambda start: start[0].upper(), text)


def trigrams(normal: str) -> frozenset[str]:
    """Return every three letters in a row, of the first three hundred."""
    return frozenset(normal[at : at + 3] for at in range(min(len(normal), 300) - 2))


@lru_cache(maxsize=8)
def third_persons(verbs: frozenset[str]) -> dict[str, str]:
    """Return `works` → `work` for every known English verb."""
    forms = dict(HAVE_DO)
    for verb in verbs:
        if verb.endswith(("s", "sh", "ch", "x", "o", "z")):
            forms[verb + "es"] = verb
        elif verb.endswith("y") and verb[-2] not in "aeiou":
            forms[verb[:-1] + "ies"] = verb
        else:
            forms[verb + "s"] = verb
    return forms
