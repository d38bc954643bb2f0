"""Stop strings and special tokens: the reply ends before the first that is complete."""

import re
from functools import lru_cache
from typing import Final

from repartee.domain.guard.characters import LETTERS
from repartee.domain.guard.options import GuardOptions
from repartee.domain.guard.report import Ledger
from repartee.domain.guard.stage import Receiver, Stage

SPECIAL_TOKENS: Final = (
    "<|im_start|>",
    "<|im_end|>",
    "<|im_sep|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<|START_OF_TURN_TOKEN|>",
    "<|END_OF_TURN_TOKEN|>",
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<bos>",
    "<eos>",
    "<pad>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<</SYS>>",
    "### Instruction:",
    "### Response:",
)
"""Turn marks of ChatML, Llama 2 and 3, Mistral, Gemma, Phi, Command R, DeepSeek and Alpaca templates."""

_IN_WORDS: Final = re.compile(rf"[{LETTERS} ,;:'’-]")


class Literals(Stage):
    """Keeps back what may still become one of the strings: one character less than the longest, at most."""

    def __init__(self, following: Receiver, ledger: Ledger, options: GuardOptions) -> None:
        super().__init__(following)
        self._ledger = ledger
        self._stops = options.stop
        self._tokens = frozenset(SPECIAL_TOKENS if options.special_tokens else ())
        self._strings, self._starts, self._firsts = _parts(options.stop, options.special_tokens)
        self._may_begin_in_words = any(map(_IN_WORDS.match, self._firsts))
        self._held = ""

    def put(self, char: str, code: bool = False) -> None:
        """Take one character; inside code nothing is looked for."""
        if self.done:
            return
        if code:
            self._release()
            self._next.put(char, code)
        elif not self._held and char not in self._firsts:
            self._next.put(char)
        else:
            self._held += char
            if self._held.endswith(self._strings):
                self._cut()
            else:
                self._shorten()

    @property
    def is_clear(self) -> bool:
        """Whether nothing may still become one of the strings."""
        return not self._held

    def put_words(self, words: str) -> None:
        """Take words, in which none of the strings may begin."""
        if self.done:
            return
        if self._held or (self._may_begin_in_words and not self._firsts.isdisjoint(words)):
            for char in words:
                if self._ledger.cut_by is None:  # a later stage may end the reply within them
                    self.put(char)
        else:
            self._next.put_words(words)

    def close(self) -> None:
        """End the text. Half a string is text, unless it is most likely the beginning of a stop string."""
        if self._is_begun_stop():
            self._ledger.note("stop", removed=len(self._held))
            self._held = ""
        self._release()

    def _is_begun_stop(self) -> bool:
        """Say whether the end is at least half of a stop string, and no word that may end a text."""
        if not self._held.strip() or self._held.replace(" ", "").isalnum():
            return False
        return any(text.startswith(self._held) and 2 * len(self._held) >= len(text) for text in self._stops)

    def _cut(self) -> None:
        found = next(text for text in self._strings if self._held.endswith(text))
        self._ledger.cut("special_token" if found in self._tokens else "stop", removed=len(found))
        self._held = self._held.removesuffix(found)
        self._release()
        self.done = True

    def _shorten(self) -> None:
        while self._held and self._held not in self._starts:
            self._next.put(self._held[0])
            self._held = self._held[1:]

    def _release(self) -> None:
        held, self._held = self._held, ""
        self._pass_on(held)


@lru_cache(maxsize=1_024)
def _parts(stops: tuple[str, ...], tokens: bool) -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
    """Return the strings, longest first, all their beginnings, and their first characters."""
    strings = tuple(sorted({*stops, *(SPECIAL_TOKENS if tokens else ())}, key=len, reverse=True))
    starts = frozenset(text[:length] for text in strings for length in range(1, len(text)))
    return strings, starts, frozenset(text[0] for text in strings)
