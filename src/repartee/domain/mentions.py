"""Who is spoken of in a text: names as people write them, in every script and in the cases of Russian."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from repartee.domain.lorebook.folding import composed, continues_word, folded, guards

Names = Sequence[str]

_CYRILLIC: Final = re.compile(r"[а-яё]+", re.IGNORECASE)
_NO_NAMES: Final = frozenset(
    {
        *("the", "a", "an", "of", "and", "or", "in", "on", "at", "to", "de", "da", "di", "du", "la", "le"),
        *("el", "al", "von", "van", "der", "den", "mr", "mrs", "ms", "miss", "dr", "sir", "lady", "lord"),
        *("old", "little", "big", "и", "в", "на", "из", "от", "де", "фон"),
    }
)
_DECLENSIONS: Final = (
    ("ия", ("ия", "ии", "ию", "ией", "иею")),
    ("а", ("а", "ы", "и", "е", "у", "ой", "ою", "ей", "ею", "")),
    ("я", ("я", "и", "е", "ю", "ей", "ею", "ёй", "ь", "")),
    ("й", ("й", "я", "ю", "ем", "ём", "е", "и")),
    ("ь", ("ь", "я", "ю", "ем", "ём", "е", "и", "ью")),
)
_VOWELS: Final = "аеёиоуыэюя"
_LEAST_STEM: Final = 2
_MOST_WORDS: Final = 4  # of a name: what a hostile card may cost


class _Place(NamedTuple):
    """Where a name stands; of two at one place the longer one counts."""

    at: int
    shorter_by: int
    whose: int


def first_mentioned(text: str, everybody: Sequence[Names]) -> int | None:
    """Return which of `everybody` a text names first; None where it names nobody.

    Each goes by several names. A word of a longer name counts where nobody else's name has it and it is no
    article or title. Russian names count in the cases of the singular. A name written with its capitals comes
    before one that might be a common word ("will you ask Juno?" names Juno, though there be a Will).
    """
    forms = [(form, whose) for whose, names in enumerate(everybody) for form in _forms(whose, everybody)]
    written = _plain(text)
    for fold in (_same, folded):
        haystack = fold(written)
        places = [
            _Place(at, -len(form), whose)
            for form, whose in forms
            if (at := _position(haystack, fold(_plain(form)))) is not None
        ]
        if places:
            return min(places).whose
    return None


def _forms(whose: int, everybody: Sequence[Names]) -> Iterator[str]:
    """Yield what stands for one of them: whole names, and words that are nobody else's."""
    shared = Counter(
        word for names in everybody for word in {folded(word) for name in names for word in name.split()}
    )
    for name in everybody[whose]:
        yield from (name, *_declined(name))
        for word in name.split()[:_MOST_WORDS]:
            plain = folded(word)
            if len(word) > 1 and plain not in _NO_NAMES and shared[plain] == 1:
                yield from (word, *_declined(word))


def _declined(name: str) -> Iterable[str]:
    """Return the cases of a Russian name of one word, the vocative of everyday speech among them."""
    if not _CYRILLIC.fullmatch(name):
        return ()
    for ending, cases in _DECLENSIONS:
        if name.lower().endswith(ending):
            stem = name[: -len(ending)]
            return [stem + case for case in cases] if len(stem) >= _LEAST_STEM else ()
    if name[-1].lower() in _VOWELS or len(name) < _LEAST_STEM:
        return ()
    return [name + case for case in ("а", "у", "ом", "ем", "е")]


def _position(text: str, name: str) -> int | None:
    """Return where the name first stands as words of its own."""
    words = name.split()
    if not words:
        return None
    before, after = guards(words[0])[0], guards(words[-1])[1]
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        opens = not before or at == 0 or not continues_word(text[at - 1])
        if opens and (not after or end == len(text) or not continues_word(text[end])):
            return at
        at = text.find(name, at + 1)
    return None


def _plain(text: str) -> str:
    return composed(text).replace("ё", "е").replace("Ё", "Е")


def _same(text: str) -> str:
    return text
