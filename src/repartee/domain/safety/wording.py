"""A text as the detectors read it: lower case, plain quotation marks, and what is not the writer's own."""

import re
from collections.abc import Iterator
from typing import Final

_INVISIBLE: Final = re.compile(r"[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_SPACES: Final = re.compile(r"[^\S\n]+")
_OTHER_SPACE: Final = re.compile(
    r"[\t\x0b-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
_PLAIN: Final = (("’", "'"), ("‘", "'"), ("`", "'"), ("ё", "е"), ("“", '"'), ("”", '"'), ("„", '"'))
_PLAYED: Final = re.compile(r'"[^"\n]*"|«[^»\n]*»|\*[^*\n]+\*')
_SENTENCE: Final = re.compile(r"[^.!?…\n]+[.!?…]*")


def plain(text: str) -> str:
    """Return the text in lower case, with plain quotation marks and spaces and without invisible marks."""
    if text.isascii():
        read = text.lower().replace("`", "'")
    else:
        read = _INVISIBLE.sub("", text).lower()
        for mark, put in _PLAIN:
            if mark in read:
                read = read.replace(mark, put)
    return _SPACES.sub(" ", read) if "  " in read or _OTHER_SPACE.search(read) else read


def played(text: str) -> list[tuple[int, int]]:
    """Return the spans of a plain text that are quoted speech or an *action*: somebody's part in a story."""
    return [match.span() for match in _PLAYED.finditer(text)]


def own_words(text: str) -> str:
    """Return a plain text without what is played."""
    return _PLAYED.sub(" ", text)


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences with their closing marks."""
    for match in _SENTENCE.finditer(text):
        yield match[0].strip()
