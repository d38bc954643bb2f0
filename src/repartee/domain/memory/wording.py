"""Comparing statements: what says nothing new, what is copied from elsewhere, and in which language it is."""

import re
from collections.abc import Iterable
from typing import Final

from repartee.domain.memory.turns import folded
from repartee.domain.ranking import say_the_same, words_of_fact
from repartee.domain.text import script_of


def _listed(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_WORDS: Final = re.compile(r"\w+")
_SENTENCES: Final = re.compile(r"[.!?…;。！？\n]+")
_UNSPACED: Final = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_NEGATIONS: Final = _listed("not no never dont doesnt didnt isnt cant without не нет никогда без")
_ENGLISH: Final = _listed(
    "the a an is are was has have had his her their and of to in with for at by on from likes works lives"
)
_FOREIGN: Final = _listed(
    "el la los las un una que y con mi en es muy soy je suis et les des une mon dans avec pas ich und ist "
    "ein eine mein der das nicht mit io sono il che di mia per eu nao com meu uma moro nie sie jest na mam "
    "ik het een ben mijn ve bir cok jag och att det jeg og er"
)
_SMALL: Final = _listed(
    "a an the any her his their its in on at of to for and too also now very really still just so quite "
    "и в во на с со у о а но же тоже очень еще уже сейчас"
)
_FILLERS: Final = _listed(
    "about after also before from have here just like that their them then there they this very what when "
    "where which will with your меня тебя тебе если когда потом после перед этот этого очень только чтобы "
    "быть было"
)
_COMPARED_LETTERS: Final = 4
_STARTS: Final = (3, 4)  # letters of a name that its other forms share
MOST: Final = 0.8
_COPIED_WORDS: Final = 4
_FOREIGN_MARKS: Final = 2  # function words from which a language can be told


def word_count(text: str) -> int:
    """Return the number of words; of scripts without spaces two letters count as one."""
    unspaced = len(_UNSPACED.findall(text))
    return len(_WORDS.findall(_UNSPACED.sub(" ", text))) + (unspaced + 1) // 2


def adds_nothing(text: str, other: str) -> bool:
    """Tell whether `text` says what `other` says: they are alike, and all its telling words are there too."""
    new, known = words_of_fact(text), words_of_fact(other)
    if bool(new & _NEGATIONS) != bool(known & _NEGATIONS) or not say_the_same(new, known):
        return False
    stems = {word[:_COMPARED_LETTERS] for word in known}
    return all(len(word) > 3 and word[:_COMPARED_LETTERS] in stems for word in new - known - _SMALL)


def is_copied(text: str, sources: Iterable[frozenset[str]], share: float = MOST) -> bool:
    """Tell whether that share of the words, and four at least, stand in one sentence of a source."""
    words = frozenset(_WORDS.findall(folded(text)))
    shared = max((len(words & source) for source in sources), default=0)
    return shared >= _COPIED_WORDS and shared >= share * len(words)


def sentences_as_words(texts: Iterable[str]) -> tuple[frozenset[str], ...]:
    """Return the words of every sentence, for `is_copied`."""
    parts = (part for text in texts for part in _SENTENCES.split(folded(text)))
    return tuple({frozenset(words) for part in parts if len(words := _WORDS.findall(part)) >= _COPIED_WORDS})


def long_words(text: str) -> frozenset[str]:
    """Return the words that tell something, by their first letters, so that endings make no difference."""
    words = _WORDS.findall(folded(text))
    return frozenset(word[:6] for word in words if len(word) > 3 and word not in _FILLERS)


def is_in_language_of(statement: str, turn: str) -> bool:
    """Tell by the script, and in Latin script by whether only the statement has English function words."""
    if not any(map(str.isalpha, turn)) or script_of(statement) != script_of(turn):
        return not any(map(str.isalpha, turn))
    if script_of(turn) != "latin":
        return True
    return not (_english_words(statement) >= _FOREIGN_MARKS and _is_foreign(turn))


def _is_foreign(turn: str) -> bool:
    words = _WORDS.findall(folded(turn[:2_000]))
    return len(_FOREIGN & set(words)) >= _FOREIGN_MARKS and len(_ENGLISH & set(words)) < _FOREIGN_MARKS


def _english_words(statement: str) -> int:
    return len(_ENGLISH & set(_WORDS.findall(folded(statement))))


def names_in(text: str) -> frozenset[str]:
    """Return what must come from somewhere: capitalised words after the first, numbers of three digits."""
    later = re.findall(r"(?<=\s)[(\"«“']*([^\W\d_]\w+)", text)
    plain = re.sub(r"\(?\d{4}-\d{2}-\d{2}\)?", " ", text)
    names = {word for word in later if word[0].isupper()}
    return frozenset(folded(word) for word in names | set(re.findall(r"\b\d{3,}\b", plain)))


def is_grounded(statement: str, said: frozenset[str]) -> bool:
    """Tell whether its names and numbers are among `words_and_starts`; German writes all nouns like names."""
    if {"und", "ist", "hat", "ein", "eine", "einen", "der", "das", "mit", "nicht"} & set(
        _WORDS.findall(folded(statement))
    ):
        return True
    return all(name in said or _start(name) in said for name in names_in(statement))


def words_and_starts(texts: Iterable[str]) -> frozenset[str]:
    """Return the words of the texts, and their first letters, for `is_grounded`."""
    words = {word for text in texts for word in _WORDS.findall(folded(text))}
    return frozenset(words | {word[:length] for word in words for length in _STARTS})


def _start(name: str) -> str:
    return name if name.isdigit() else name[: min(max(len(name) - 1, _STARTS[0]), _STARTS[1])]
