"""Whom a sentence is about: `my friend Jack hates olives` says something about Jack."""

import re
from typing import Final

from repartee.domain.memory.turns import Passage, folded

_RELATIONS: Final = (
    "friend|best friend|boyfriend|girlfriend|husband|wife|partner|fiancee?|ex|mother|mom|mum|father|dad|"
    "sister|brother|son|daughter|kid|child|aunt|uncle|cousin|nephew|niece|grandmother|grandma|grandfather|grandpa|"
    "boss|manager|colleague|coworker|co-worker|neighbou?r|roommate|flatmate|teacher|mate|buddy"
)
_RUSSIAN_RELATIONS: Final = (
    "друг|подруг|парен|девушк|муж|жен|мам|мат|пап|отец|отц|сестр|брат|сын|доч|тет|дяд|кузен|племянни|бабушк|"
    "дедушк|дед|начальни|босс|коллег|сосед|учител|приятел"
)
_RELATIVE: Final = re.compile(
    rf"^\W*(?:(?:and|but|so|well|oh|btw|а|и|но|ну|кстати)\W+)*(?:my|our|мо[йяи]|наша?) (?:\w+ )?"
    rf"(?P<relation>(?:{_RELATIONS})s?|(?:{_RUSSIAN_RELATIONS})\w*)\b,?(?: (?P<name>\w+))?"
)
_FIRST_PERSON: Final = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|im|me|we|us|я|меня|мне|мной|мы|нас|нам)\b")
_OF_RELATIVE: Final = re.compile(rf"\b(?:{_RELATIONS})s?\b|\b(?:{_RUSSIAN_RELATIONS})\w*")
_CLAUSE_END: Final = re.compile(r"[,;:–—-]\s+|\b(?:and|but|а|но|и)\s+(?=(?:my|our|мо[йяи]|наша?)\b)")
_WORDS: Final = re.compile(r"\w+")


def is_user(subject: str, user_name: str) -> bool:
    """Tell whether the subject of a fact is the user."""
    return folded(subject).strip() in {"", "user", "the user", folded(user_name)}


def names_subject(statement: str, subject: str) -> bool:
    """Tell whether the statement says whose fact it is, endings aside."""
    said = [word[:4] for word in _WORDS.findall(folded(statement))]
    named = [word[:4] for word in _WORDS.findall(folded(subject)) if len(word) > 2]
    return bool(named) and any(word in said for word in named)


def is_of_another(passage: Passage, statement: str) -> bool:
    """Tell a sentence about a relative or friend whom the statement forgets to name.

    The clause begins with `my friend …`, says nothing of `I` or `me`, and the statement has neither the
    relation nor the name.
    """
    clause = _clause(passage)
    opening = _RELATIVE.match(clause)
    if opening is None or _FIRST_PERSON.search(clause):
        return False
    named = opening["name"] is not None and _is_named(opening["name"], statement)
    return not named and not _OF_RELATIVE.search(folded(statement))


def _clause(passage: Passage) -> str:
    before = _CLAUSE_END.split(passage.opening)[-1]
    return f"{before}{passage.text}{re.split('[,;]', passage.closing)[0]}"


def _is_named(word: str, statement: str) -> bool:
    """Tell whether the statement has the word as a name, endings aside."""
    names = (name for name in _WORDS.findall(statement) if name[0].isupper())
    return len(word) > 2 and any(folded(name).startswith(word[:4]) for name in names)
