"""How much of a dialogue fits into one question about it."""

from dataclasses import dataclass

from repartee.application.ports import TokenCounter

_LETTERS_PER_TOKEN_AT_MOST = 16


@dataclass(frozen=True, slots=True)
class DialogueRoom:
    """The model's context in tokens; an answer may take a third of it at most."""

    counter: TokenCounter
    context_tokens: int

    def answer_tokens(self, wanted: int) -> int:
        """Return how long the answer may be."""
        return min(wanted, self.context_tokens // 3)

    def excess(self, prompt: str, answer_tokens: int) -> int:
        """Return by how many tokens a prompt is too long, 0 where it fits."""
        room = self.context_tokens - self.answer_tokens(answer_tokens)
        if len(prompt) > room * _LETTERS_PER_TOKEN_AT_MOST:
            return len(prompt) // _LETTERS_PER_TOKEN_AT_MOST - room
        return max(self.counter.count(prompt) - room, 0)
