"""Russian word by word in English, for an encoder that knows no other language.

In a row of English words the encoder finds most of what a sentence is about, whatever their order and form,
and compares it with English text too. What has no gloss is written in Latin letters: names and loanwords meet
themselves there. Function words keep their glosses: leaving them out, or only pronouns or negations, changed
nothing that could be measured. Other languages in Cyrillic letters find the words they share with Russian.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

from snowballstemmer.russian_stemmer import RussianStemmer

_SHORTEST_STEM: Final = 4
"""Of a stem that is not listed the longest listed beginning stands in, if it says enough (трубачом, труб)."""
_LONGEST_STEM: Final = 24

_WORDS: Final = re.compile("[\u0400-\u04ff]+(?:-[\u0400-\u04ff]+)*")
_PAIRS: Final = (
    "аa бb вv гg дd еe зz иi йy кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щshch ъ ыy ь эe юyu яya жzh "
    "іi їyi єye ґg ўu јy љly њny ћch ђdj џdzh әa ғg қq ңn өo ұu үu һh"
)
_LATIN: Final = {ord(pair[0]): pair[1:] for pair in _PAIRS.split()}


def _read_glosses() -> dict[str, str]:
    glosses: dict[str, str] = {}
    for line in Path(__file__).with_name("russian_glosses.tsv").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            keys, gloss = line.split("\t")
            glosses.update(dict.fromkeys(keys.split(), gloss))
    return glosses


_GLOSSES: Final = _read_glosses()


def glossed(text: str) -> str:
    """Return the text with English for its words in Cyrillic letters; all else stays as it is."""
    stemmer = RussianStemmer()  # it holds state, so no two threads may share one
    return _WORDS.sub(lambda match: _english(match[0].lower().replace("ё", "е"), stemmer), text)


def gloss_fingerprint() -> str:
    """Return a hash that changes with the glosses and with what stemming and spelling make of a sample."""
    sample = glossed("Проверка: кто-нибудь ждёт собачек, Йошкар-Ола, Їжачок hello")
    parts = [*_GLOSSES, *_GLOSSES.values(), sample]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _english(word: str, stemmer: RussianStemmer) -> str:
    stem: str = stemmer.stemWord(word)
    gloss = _GLOSSES.get(word) or _GLOSSES.get(f"{stem}-")
    if gloss:
        return gloss
    if "-" in word:
        return " ".join(_english(part, stemmer) for part in word.split("-"))
    for length in range(min(len(stem), _LONGEST_STEM) - 1, _SHORTEST_STEM - 1, -1):
        gloss = _GLOSSES.get(f"{stem[:length]}-")
        if gloss:
            return gloss
    return stem.translate(_LATIN)  # without its ending, so that a name meets its other cases
