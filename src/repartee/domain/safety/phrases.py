"""One look for many phrases at once: one pattern, with their common beginnings tried once."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

END_OF_WORD: Final = "|"
"""At a phrase's end: the word must end there. Else the phrase is the beginning of what is looked for."""

_Trie = dict[str, "_Trie"]


class Phrases:
    """Phrases by name. Each begins where a word does, in a text of `wording.plain`."""

    def __init__(self, by_name: Mapping[str, Iterable[str]]) -> None:
        names: dict[str, set[str]] = {}
        for name, phrases in by_name.items():
            for phrase in phrases:
                names.setdefault(phrase, set()).add(name)
        self._pattern = _any_of(names)
        self._in_ascii = _any_of(filter(str.isascii, names))
        self._by_letter: dict[str, list[tuple[str, set[str]]]] = {}
        for phrase, named in names.items():
            self._by_letter.setdefault(phrase[0], []).append((phrase, named))

    def named_in(self, text: str) -> frozenset[str]:
        """Return the names of which a phrase stands in the text."""
        found: set[str] = set()
        text = f" {text}"  # so that the pattern can begin with a character: those are found far quicker
        pattern = self._in_ascii if text.isascii() else self._pattern
        for match in pattern.finditer(text):
            at = match.end()
            found.update(*(named for phrase, named in self._by_letter[text[at]] if _stands(phrase, text, at)))
        return frozenset(found)


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    trie = _trie(phrases)
    return re.compile(rf"\W(?={_pattern(trie)})" if trie else "(?!)")


def _stands(phrase: str, text: str, at: int) -> bool:
    bare = phrase.removesuffix(END_OF_WORD)
    if not text.startswith(bare, at):
        return False
    after = text[at + len(bare) : at + len(bare) + 1]
    return len(bare) == len(phrase) or not (after.isalnum() or after == "_")


def _trie(phrases: Iterable[str]) -> _Trie:
    root: _Trie = {}
    for phrase in phrases:
        node = root
        for char in phrase:
            node = node.setdefault(char, {})
        node[""] = {}
    return root


def _pattern(node: _Trie) -> str:
    """Return the pattern of what follows. Where a phrase ends, longer ones need no look: it is found."""
    if "" in node or not node:
        return ""
    written = [
        (r"\b" if char == END_OF_WORD else re.escape(char)) + _pattern(following)
        for char, following in sorted(node.items())
    ]
    return written[0] if len(written) == 1 else f"(?:{'|'.join(written)})"
