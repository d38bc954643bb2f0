"""A model that got stuck and says the same words again and again."""

from collections import deque
from typing import Final

from repartee.domain.guard.characters import kind_of
from repartee.domain.guard.options import GuardOptions
from repartee.domain.guard.report import Ledger
from repartee.domain.guard.stage import Receiver, Stage

_LONGEST_UNIT: Final = 64
_SHORT_UNIT: Final = 8
_PATIENCE_WITH_SHORT: Final = 4
_NO_RUNS: Final[dict[int, int]] = {}


class Loops(Stage):
    """Cuts a loop of the same words, up to 64 of them, and leaves it twice.

    It is one when the words came `loop_repeats` times in a row; four times as often for one word, or for
    fewer than eight letters together, because "ha ha ha ha" is speech. Chinese and
    Japanese characters are words. Text is kept back only while words repeat for the third time or more.
    """

    def __init__(self, following: Receiver, ledger: Ledger, options: GuardOptions) -> None:
        super().__init__(following)
        self._ledger = ledger
        self._repeats = options.loop_repeats or 0
        self._forget()

    def put(self, char: str, code: bool = False) -> None:
        """Take one character."""
        if code and not self.done:
            self._release(len(self._held))
            self._forget()
            self._next.put(char, code)
            return
        if char.isspace() or kind_of(char) == "wide":
            self._end_word()
        if not self.done:
            self._keep(char)

    @property
    def is_clear(self) -> bool:
        """Whether no words repeat."""
        return not self._holding

    def put_words(self, words: str) -> None:
        """Take words; the first and the last may be parts of longer ones. Repeated ones go one by one."""
        start = 0
        for word in words.split(" "):
            if start:
                self._end_word()
            if self._holding or self.done:
                if start > 1:
                    self._next.put_words(words[: start - 1])
                for char in words[max(start - 1, 0) :]:
                    if self._ledger.cut_by is None:  # a later stage may end the reply within them
                        self.put(char)
                return
            self._word += word
            start += len(word) + 1
        self._next.put_words(words)

    def close(self) -> None:
        """End the text: the last word may complete the loop."""
        self._end_word()
        if not self.done:
            self._release(len(self._held))

    def _forget(self) -> None:
        self._word = ""
        self._words: deque[str] = deque(("",), maxlen=_LONGEST_UNIT)
        self._places: dict[tuple[str, str], list[int]] = {}
        self._runs: dict[int, int] = {}
        self._count = 0
        self._holding = False
        self._between_words = True
        self._held: list[str] = []
        self._starts: list[int] = []

    def _keep(self, char: str) -> None:
        """Pass the character on or hold it; spaces before a word are held with it."""
        if not char.isspace():
            self._word += char
        if not self._holding:
            self._next.put(char)
            return
        if self._between_words:
            self._starts.append(len(self._held))
            self._between_words = False
        self._held.append(char)

    def _end_word(self) -> None:
        word, self._word = self._word, ""
        if not word:
            return
        self._between_words = True
        pair = (self._words[-1], word)
        if not (self._holding or pair in self._places or word == pair[0]):
            self._count += 1  # a new pair, as most are, begins no loop
            self._places[pair] = [self._count]
            self._words.append(word)
            self._runs = _NO_RUNS
            return
        self._runs = self._runs_with(word)
        if not (self._runs or self._holding):
            return
        self._holding = any(run >= period for period, run in self._runs.items())
        looping = self._shortest_loop() if self._holding else None
        if looping is not None:
            self._cut(looping)
        elif not self._holding:
            self._release(len(self._held))

    def _shortest_loop(self) -> int | None:
        return next((period for period in sorted(self._runs) if self._is_loop(period)), None)

    def _runs_with(self, word: str) -> dict[int, int]:
        """Return for each distance at which this word and the one before it stood, how long that has been so.

        One word alone counts only where it stands twice in a row: a shorter run means nothing.
        """
        before = self._words[-1]
        places = self._places.setdefault((before, word), [])
        runs = {1: 1} if word == before else {}
        self._words.append(word)
        self._count += 1
        while places and self._count - places[0] > _LONGEST_UNIT:
            del places[0]
        for place in places:
            period = self._count - place
            runs[period] = self._runs.get(period, 1) + 1
        places.append(self._count)
        return runs

    def _is_loop(self, period: int) -> bool:
        run = self._runs[period]
        if run < (self._repeats - 1) * period:
            return False
        letters = sum(map(len, list(self._words)[-period:]))
        patience = 1 if letters >= _SHORT_UNIT and period > 1 else _PATIENCE_WITH_SHORT
        return run >= (self._repeats * patience - 1) * period

    def _cut(self, period: int) -> None:
        surplus = self._runs[period] - period
        kept = self._starts[-surplus] if surplus else len(self._held)
        self._ledger.cut("loop", removed=len(self._held) - kept)
        self._release(kept)
        self.done = True

    def _release(self, chars: int) -> None:
        held, self._held, self._starts = self._held[:chars], [], []
        self._pass_on(held)
