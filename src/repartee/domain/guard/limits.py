"""Length: words, characters, sentences."""

from typing import Final

import regex

from repartee.domain.guard.characters import WordCount, kind_of
from repartee.domain.guard.options import GuardOptions
from repartee.domain.guard.report import Ledger
from repartee.domain.guard.sentences import Sentences
from repartee.domain.guard.stage import Receiver, Stage

UNCOUNTED: Final = frozenset('*"“”„«»「」『』')
"""Marks that `Balance` may add: a limit that counted them would cut again what it had left."""


class Limits(Stage):
    """Ends the reply behind the last sentence that is within every limit.

    A first sentence that is too long by itself ends behind its last whole word. With a limit of words or
    characters a sentence waits until it is complete; the number of sentences alone keeps nothing back but
    what stands between two of them.
    """

    def __init__(self, following: Receiver, ledger: Ledger, options: GuardOptions) -> None:
        super().__init__(following)
        self._ledger = ledger
        self._options = options
        self._waits = options.max_words is not None or options.max_characters is not None
        self._sentences = Sentences()
        self._words = WordCount()
        self._characters = 0
        self._number = 0
        self._begun = False
        self._released = False
        self._held: list[str] = []

    def put(self, char: str, code: bool = False) -> None:
        """Take one character; code blocks count nothing."""
        if self.done:
            return
        if code:
            self._release()
            self._released = True
            self._sentences.start_over()
            self._next.put(char, code)
            return
        if self._sentences.ends_before(char):
            self._release()
            self._begun = False
        self._count(char)
        if self._is_too_long():
            self._cut(char)
        else:
            self._held.append(char)
            if self._begun and not self._waits:
                self._release()

    @property
    def is_clear(self) -> bool:
        """Never: every word counts."""
        return False

    def close(self) -> None:
        """End the text."""
        self._release()

    def _count(self, char: str) -> None:
        self._words.see(char)
        self._characters += char not in UNCOUNTED
        if not self._begun and kind_of(char) in {"word", "wide", "thai"}:
            self._begun = True
            self._number += 1

    def _is_too_long(self) -> bool:
        limits = self._options
        return (
            (limits.max_words is not None and self._words.total > limits.max_words)
            or (limits.max_characters is not None and self._characters > limits.max_characters)
            or (limits.max_sentences is not None and self._number > limits.max_sentences)
        )

    def _cut(self, char: str) -> None:
        kept = 0 if self._released else _whole_words("".join(self._held), char)
        self._ledger.cut("length", removed=len(self._held) - kept)
        self._pass_on(self._held[:kept])
        self._held = []
        self.done = True

    def _release(self) -> None:
        held, self._held = self._held, []
        self._released = self._released or self._number > 0
        self._pass_on(held)


def _whole_words(text: str, following: str) -> int:
    """Return how much of `text` to keep: whole words; without spaces whole characters as readers see them."""
    if following.isspace():
        return len(text.rstrip())
    spaces = [place for place, char in enumerate(text) if char.isspace()]
    if spaces and text[: spaces[-1]].strip():
        return len(text[: spaces[-1]].rstrip())
    last = regex.findall(r"\X", text + following)[-1]
    return max(len(text) + 1 - len(last), 0) or len(text)
