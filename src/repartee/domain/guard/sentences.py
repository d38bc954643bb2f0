"""Where sentences end, in any script.

A sentence ends with a mark (`.!?…`, Devanagari `।`, Arabic `؟`, Armenian `։`) that white space follows, with
a full-width mark (。！？), with an emoji, with a line that breaks off after anything but a comma, colon or
dash, with an action (`*waves*`) that stands where a sentence could start, and in scripts without marks (Thai,
Lao, Khmer) with a space. Closing brackets, quotation marks and asterisks belong to it. No end: an
abbreviation, a single letter ("J."), a list number.
"""

from typing import Final, Literal

from repartee.domain.guard.characters import BETWEEN_WORDS, Kind, kind_of

_ABBREVIATIONS: Final = frozenset(
    (
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "jr",
        "sr",
        "vs",
        "nr",
        "ca",
        "bzw",
        "fig",
        "vol",
        "dept",
        "ул",
        "им",
        "проф",
        "акад",
        "стр",
        "руб",
        "тыс",
        "гр",
        "тел",
        "напр",
    )
)
_WORDS_OF_ONE_LETTER: Final = frozenset("IiЯя")
_LONGEST_WORD: Final = 16
_OPEN_ENDED: Final = frozenset(",:;-–—،、：")
_AMBIGUOUS: Final = frozenset('*"')
_BREAKING: Final = frozenset(("space", "newline", "wide", "wide_mark"))


class Sentences:
    """Follows a text character by character."""

    def __init__(self) -> None:
        self.start_over()

    def start_over(self) -> None:
        """Forget everything: what comes is the start of a text."""
        self._pending: Literal["", "break", "any"] = ""
        self._last = "\n"
        self._word = ""
        self._word_opens_line = True
        self._has_text = False
        self._fresh = True
        self._open = {"*": False, "**": False, '"': False}
        self._action = False

    @property
    def at_end(self) -> bool:
        """Whether a sentence would be complete if the text ended here."""
        return bool(self._pending)

    def ends_before(self, char: str) -> bool:
        """Take `char` and return whether a sentence ended immediately before it."""
        kind = kind_of(char)
        if kind == "joiner":
            return False
        ended = self._has_text and self._is_end(char, kind)
        if ended:
            self._pending, self._has_text, self._fresh = "", False, True
        self._advance(char, kind)
        self._last = char
        return ended

    @property
    def goes_on(self) -> bool:
        """Whether no sentence can end before letters, spaces and commas, whatever they are."""
        return not self._pending and kind_of(self._last) != "thai"

    def ends_before_words(self, words: str) -> bool:
        """Take words in a row and return whether a sentence ended before them."""
        if words[0] == " ":
            return self._ends_before_space(words)
        ended = self.ends_before(words[0])
        last = max(map(words.rfind, BETWEEN_WORDS)) + 1
        if last:
            self._word, self._word_opens_line = words[last : last + _LONGEST_WORD], False
        else:
            self._word += words[1 : 1 + max(_LONGEST_WORD - len(self._word), 0)]
        self._last = words[-1]
        return ended

    def _ends_before_space(self, words: str) -> bool:
        """Take words that a space comes before, as those behind a sign do: what that means is known."""
        ended = self._has_text and (self._pending != "" or kind_of(self._last) == "thai")
        self._pending, self._has_text, self._fresh = "", True, False
        last = max(map(words.rfind, BETWEEN_WORDS)) + 1
        if self._word or last > 1:
            self._word_opens_line = False
        self._word = words[last : last + _LONGEST_WORD]
        self._last = words[-1]
        return ended

    def _is_end(self, char: str, kind: Kind) -> bool:
        if kind == "newline" and self._last != "\n":
            return self._last not in _OPEN_ENDED
        if not self._pending:
            return kind == "space" and kind_of(self._last) == "thai"
        if char in _AMBIGUOUS:
            return not self._closes(char)
        if kind in {"mark", "wide_mark", "closer", "emoji"}:
            return False
        return self._pending == "any" or kind in _BREAKING

    def _closes(self, char: str) -> bool:
        return self._open[char] or (char == "*" and (self._open["**"] or self._last == "*"))

    def _advance(self, char: str, kind: Kind) -> None:
        if kind in {"mark", "wide_mark"}:
            self._see_mark(char, kind)
        elif char in _AMBIGUOUS:
            self._see_ambiguous(char)
        elif kind == "emoji":
            self._pending, self._has_text = "any", True
        elif kind != "closer":
            self._see_text(char, kind)
        if kind != "word":
            self._end_word(kind)

    def _see_mark(self, char: str, kind: Kind) -> None:
        abbreviated = char == "." and self._last.isalnum() and self._is_abbreviation()
        if not abbreviated:
            self._pending = "any" if kind == "wide_mark" else self._pending or "break"

    def _is_abbreviation(self) -> bool:
        word = self._word
        if word.isdecimal():
            return self._word_opens_line
        single = len(word) == 1 and word.isalpha() and word not in _WORDS_OF_ONE_LETTER
        return single or word.casefold() in _ABBREVIATIONS

    def _see_ambiguous(self, char: str) -> None:
        if char == "*" and self._last == "*":
            self._open["*"] = not self._open["*"]
            self._open["**"] = not self._open["**"]
            self._action = False
            return
        if char == "*":
            closed_action = self._open["*"] and self._action and self._has_text
            self._pending = "break" if closed_action else self._pending
            self._action = not self._open["*"] and self._fresh
        self._open[char] = not self._open[char]

    def _see_text(self, char: str, kind: Kind) -> None:
        self._pending = ""
        if kind in {"word", "wide", "thai"}:
            self._has_text, self._fresh = True, False
            self._word += char if len(self._word) < _LONGEST_WORD else ""
        self._fresh = self._fresh or kind == "newline"
        if char == "\n" and self._last == "\n":
            self._open = dict.fromkeys(self._open, False)

    def _end_word(self, kind: Kind) -> None:
        if kind == "newline":
            self._word_opens_line = True
        elif self._word:
            self._word_opens_line = False
        self._word = ""
