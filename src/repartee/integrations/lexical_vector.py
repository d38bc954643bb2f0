"""Vectors for text that the local encoder cannot read: what is not written in Latin letters.

The encoder knows English. Russian it reads word by word as glosses (see `russian_gloss`), other scripts not
at all. So their words are hashed: the stem of each word, and the letter groups of the stem for what a stemmer
misses (ребёнок, ребёнка). Two texts are similar where they share words: less than an encoder that knows the
language would find, and nothing that it only imagines.

Function words and small talk (`silent` in russian_words.json) count for nothing, common words (`common`) for
little: what such a word lacks in weight goes into a direction that belongs to the role, where a message and a
fact never meet. A text without any word lies in that direction alone.
"""

import hashlib
import json
import math
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from snowballstemmer.russian_stemmer import RussianStemmer

Role = Literal["query", "fact"]
FloatArray = npt.NDArray[np.float32]

LEXICAL_DIMENSION: Final = 640
_HASHED: Final = 638
_RESERVED: Final[dict[Role, int]] = {"query": 638, "fact": 639}

_STEM, _GROUPS = math.sqrt(0.2), math.sqrt(0.8)
_GROUP_SIZES: Final = (3, 4, 5)
_COMMON_WEIGHT: Final = 0.4

_LISTS: Final[dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("russian_words.json").read_text("utf-8")
)
_SILENT: Final = frozenset(" ".join(_LISTS["silent"]).split())
_COMMON: Final = frozenset(RussianStemmer().stemWords(" ".join(_LISTS["common"]).split()))

_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Chinese, Japanese, and Korean, where particles join the words."""
_PAIRS: Final = re.compile("(?=([^\u3041-\u309f]{2}))")  # hiragana is mostly grammar
_IDEOGRAPHS: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def latin_share(text: str) -> float:
    """Return which part of the letters is Latin, 0 where there are no letters."""
    return _share(text, "LATIN")


def cyrillic_share(text: str) -> float:
    """Return which part of the letters is Cyrillic, 0 where there are no letters."""
    return _share(text, "CYRILLIC")


def latin_only(text: str) -> str:
    """Return the text without its other letters."""
    return "".join(
        character for character in text if not character.isalpha() or _script(character) == "LATIN"
    )


def lexical_vector(text: str, role: Role) -> FloatArray:
    """Return the vector of the text's words: unit length, the same in every process."""
    vector = np.zeros(LEXICAL_DIMENSION, np.float64)
    missing = 0.0
    for stem, times in Counter(_stems(text)).items():
        weight = _COMMON_WEIGHT if stem in _COMMON else 1.0
        missing += 1.0 - weight**2
        weight *= 1.0 + math.log(times)
        groups = _letter_groups(stem)
        _add(vector, f"{stem}$", weight * (_STEM if groups else 1.0))
        for group in groups:
            _add(vector, group, weight * _GROUPS / math.sqrt(len(groups)))
    vector[_RESERVED[role]] = math.sqrt(missing)
    length = float(np.linalg.norm(vector))
    if length < 1e-6:
        vector[_RESERVED[role]] = length = 1.0
    return (vector / length).astype(np.float32)


def lexical_fingerprint() -> str:
    """Return a hash that changes with the word lists and with what stemming and hashing make of a sample."""
    sample = lexical_vector("Проверка: ребёнка ждёт 2-я Ёлка, hello, 東京タワー. Новый год", "fact")
    parts = [sorted(_SILENT), sorted(_COMMON), sample.round(4).tolist()]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _add(vector: npt.NDArray[np.float64], feature: str, weight: float) -> None:
    """Add to a coordinate. Its hash gives the sign too, so that collisions cancel out on average."""
    code = zlib.crc32(feature.encode())
    vector[(code >> 1) % _HASHED] += weight if code & 1 else -weight


def _letter_groups(stem: str) -> list[str]:
    marked = f"^{stem}"
    return [marked[at : at + size] for size in _GROUP_SIZES for at in range(len(marked) - size + 1)]


def _stems(text: str) -> Iterator[str]:
    stemmer = RussianStemmer()  # it holds state, so no two threads may share one
    for word in _words(text):
        if word not in _SILENT:
            yield stemmer.stemWord(word)


def _words(text: str) -> Iterator[str]:
    """Yield words of two or more characters; ideographs and pairs where the script writes no spaces."""
    folded = text.casefold().replace("ё", "е")
    for in_word, characters in groupby(folded, _in_word):
        word = "".join(characters)
        if in_word and _UNSPACED.search(word):
            yield from _IDEOGRAPHS.findall(word)
            yield from _PAIRS.findall(word)
        elif in_word and len(word) > 1:
            yield word


def _in_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"  # letters, their marks, digits


def _share(text: str, script: str) -> float:
    letters = [character for character in text if character.isalpha()]
    return sum(_script(letter) == script for letter in letters) / len(letters) if letters else 0.0


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
