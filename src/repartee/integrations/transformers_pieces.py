"""From tokens to pieces of text while transformers generates: stop strings, half characters, cancellation."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import torch
from transformers import LogitsProcessor, StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from repartee.application.ports import Sampling

_HALF_A_CHARACTER: Final = "\ufffd"


class Pieces(BaseStreamer):
    """Told of every token, tells the text as soon as it can no longer change.

    Held back are white space before the first word, the bytes of half a character, and what may be the
    beginning of a stop string. Lives in the generating thread; only `cancel` is called from another one.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str], tell: Callable[[str], None]) -> None:
        self._tokenizer = tokenizer
        self._stops = tuple(stops)
        self._tell = tell
        self._has_prompt = False
        self.tokens: list[int] = []
        self.text = ""
        self.stopped = False
        self.cancelled = False
        self.may_stop = _MayStop(self)

    def cancel(self) -> None:
        """End the generation after the token in work."""
        self.cancelled = True

    def put(self, value: torch.Tensor) -> None:
        """Take the prompt, which comes first and is not told, or the next token: shape (1,)."""
        if not self._has_prompt:
            self._has_prompt = True
            return
        self.tokens += value.flatten().tolist()
        if not self.stopped:
            self._told(whole=False)

    def end(self) -> None:
        """Do nothing: `close` says what is left."""

    def close(self) -> str:
        """Tell what was held back and return all of the text."""
        if not self.stopped:
            self._told(whole=True)
        return self.text

    def _told(self, *, whole: bool) -> None:
        text: str = self._tokenizer.decode(
            self.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        self.stopped = bool(places)
        if places:
            text = text[: min(places)]
        elif not whole:
            text = text[: len(text) - self._unsure(text)]
        if text.strip() and len(text) > len(self.text):
            piece = text[len(self.text) :]
            self.text += piece
            self._tell(piece)

    def _unsure(self, text: str) -> int:
        """Return how many characters at the end may still change or become a stop string."""
        half = len(text) - len(text.rstrip(_HALF_A_CHARACTER))
        longest = max(map(len, self._stops), default=0)
        starts = (
            size
            for size in range(min(longest - 1, len(text)), 0, -1)
            if any(stop.startswith(text[-size:]) for stop in self._stops)
        )
        return max(half, next(starts, 0))


class _MayStop(StoppingCriteria):
    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces

    def __call__(self, input_ids: Any, *_: Any, **__: Any) -> Any:
        ends = self._pieces.cancelled or self._pieces.stopped
        return torch.full((input_ids.shape[0],), ends, device=input_ids.device, dtype=torch.bool)


class TokenPenalties(LogitsProcessor):
    """OpenAI's penalties: each new token that was said loses `presence`, and `frequency` for each time."""

    def __init__(self, presence: float, frequency: float, prompt_tokens: int) -> None:
        self._presence = presence
        self._frequency = frequency
        self._prompt_tokens = prompt_tokens

    @classmethod
    def of(cls, sampling: Sampling, prompt_tokens: int) -> Self:
        """Return the penalties of a request; none where it asks for none."""
        return cls(sampling.presence_penalty or 0.0, sampling.frequency_penalty or 0.0, prompt_tokens)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return the scores, shape (1, vocabulary), less the penalties."""
        if not (self._presence or self._frequency):
            return scores
        said = input_ids[0, self._prompt_tokens :]
        counts = torch.bincount(said, minlength=scores.shape[-1]).to(scores.dtype)
        return scores - self._frequency * counts - self._presence * (counts > 0).to(scores.dtype)
