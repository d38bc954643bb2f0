"""`TokenCounter` without a vocabulary: an estimate from the script that a text is written in.

Which tokenizer a model has is not known here, and vocabularies are megabytes. The weights were fitted to the
larger of two counts, Mistral's Tekken (131k) and Qwen's (152k), over character cards, documentation, code and
translated programs in 26 languages, then rounded. Against that larger count the estimate is 0.97 to 1.3 for a
card in English or Russian, 0.8 to 1.5 for most other languages, 0.7 for Telugu and 1.8 for Thai. It is short
for what is no language (base64: 0.6), for shouting (0.5) and, outside Europe, for vocabularies of 32k (0.55):
leave room in the budget where those matter.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from repartee.application.ports import TokenCounter

_RATES: Final = (
    (range(0x80), 1.0),  # control characters; what follows overrides what stands before
    (range(0x21, 0x7F), 0.55),  # punctuation
    (range(ord("a"), ord("z") + 1), 0.28),
    (range(ord("A"), ord("Z") + 1), 0.42),
    (range(ord("0"), ord("9") + 1), 1.0),
    ((0x09, 0x20), 0.05),  # tab, space
    ((0x0A, 0x0D), 0.4),  # ends of lines
    (range(0xC2, 0xCE), 1.1),  # Latin with marks
    (range(0xCE, 0xD0), 1.05),  # Greek
    (range(0xD0, 0xD4), 0.47),  # Cyrillic
    (range(0xD4, 0xD6), 1.1),  # Armenian
    (range(0xD6, 0xE0), 0.62),  # Hebrew, Arabic
    ((0xE0,), 1.15),  # scripts of India, Thai
    ((0xE1,), 1.1),  # Georgian, Vietnamese marks
    ((0xE2,), 1.4),  # dashes, quotes, symbols
    (range(0xE3, 0xEA), 0.95),  # Chinese, Japanese
    (range(0xEA, 0xEE), 0.9),  # Korean
    (range(0xEE, 0xF0), 1.5),  # full-width forms, selectors
    (range(0xF0, 0xF5), 3.5),  # emoji
)
"""Tokens per character, by the first byte of its UTF-8 form: that byte tells the script."""


def _by_byte() -> NDArray[np.float64]:
    weights = np.zeros(256)
    for first_bytes, rate in _RATES:
        weights[list(first_bytes)] = rate
    return weights


_REMEMBERED: Final = 32_768
_REMEMBERED_CHARACTERS: Final = 20_000
_WEIGHTS: Final = _by_byte()


class ScriptTokenCounter(TokenCounter):
    """Counts letters, digits, signs and scripts, each at its usual rate of tokens.

    A chat comes again with every turn, and a prompt measures each of its texts a few times, so the latest
    counts are kept: by the texts' hashes, never the texts.
    """

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def count(self, text: str) -> int:
        """Return the estimate, rounded up."""
        if len(text) > _REMEMBERED_CHARACTERS:
            return _counted(text)
        key = hash(text)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key] = _counted(text)
        return known


def _counted(text: str) -> int:
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    return int(np.ceil(np.bincount(data, minlength=256) @ _WEIGHTS))
