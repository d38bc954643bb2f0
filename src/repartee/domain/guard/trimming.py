"""The unfinished last sentence of a reply that was cut off."""

from repartee.domain.guard.options import GuardOptions
from repartee.domain.guard.report import Ledger
from repartee.domain.guard.sentences import Sentences
from repartee.domain.guard.stage import Receiver, Stage


class Trimming(Stage):
    """Drops what stands behind the last sentence end, if there is one: it never trims to nothing.

    Text up to the first sentence end cannot be dropped and passes at once; behind it each sentence waits
    for its end, because only the end of the text says whether it is the last.
    """

    def __init__(self, following: Receiver, ledger: Ledger, options: GuardOptions) -> None:
        super().__init__(following)
        self._ledger = ledger
        self._always = options.trim_sentence == "always"
        self._sentences = Sentences()
        self._ended = False
        self._held: list[str] = []

    def put(self, char: str, code: bool = False) -> None:
        """Take one character; a code block is a sentence of its own."""
        if code:
            self._release()
            self._ended = True
            self._sentences.start_over()
            self._next.put(char, code)
        elif self._sentences.ends_before(char):
            self._release()
            self._ended = True
            self._held.append(char)
        elif self._ended:
            self._held.append(char)
        else:
            self._next.put(char)

    @property
    def is_clear(self) -> bool:
        """Whether it keeps nothing back."""
        return not self._held

    @property
    def keeps_words(self) -> bool:
        """Whether words and spaces are kept back, as many as come, until a sign does."""
        return self._ended and self._sentences.goes_on

    def put_words(self, words: str) -> None:
        """Take words: a sentence may end before all of them only."""
        if self._sentences.ends_before_words(words):
            self._release()
            self._ended = True
        if self._ended:
            self._held.append(words)
        else:
            self._next.put_words(words)

    def close(self) -> None:
        """End the text."""
        cut_off = self._ledger.cut_off or self._always
        if not cut_off or self._sentences.at_end:
            self._release()
        elif self._held:
            self._ledger.note("sentence", removed=sum(map(len, self._held)))

    def _release(self) -> None:
        held, self._held = self._held, []
        for text in held:
            (self._next.put_words if len(text) > 1 else self._next.put)(text)
