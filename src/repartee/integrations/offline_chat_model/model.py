"""The adapter: reads cards and phrases, asks for the reply, and keeps to the limits of the sampling."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from repartee.application.ports import (
    Completion,
    DigestTask,
    ExtractTask,
    Prompt,
    Sampling,
    Usage,
)
from repartee.domain.character import Character
from repartee.domain.turn_mode import folded
from repartee.integrations.offline_chat_model.card import Card, study
from repartee.integrations.offline_chat_model.modes import turn_to_answer
from repartee.integrations.offline_chat_model.phrases import read_languages
from repartee.integrations.offline_chat_model.recollection import digest, proposals
from repartee.integrations.offline_chat_model.reply import Responder, cut

_KEPT_CARDS: Final = 64
_APART: Final = 8  # as many answers to one prompt never try the same seed


class OfflineChatModel:
    """A `ChatModel` for development and demos: no network, no weights, always the same answer.

    It needs `prompt.turn`, not the rendered messages. Its usage is an estimate: four characters to a token.
    """

    name: Final = "offline"

    def __init__(self, piece_delay: float = 0.0) -> None:
        self._piece_delay = piece_delay
        self._languages = read_languages()
        self._cards: dict[str, Card] = {}

    async def complete(self, prompt: Prompt, sampling: Sampling) -> Completion:
        """Return the reply to the prompt's turn, or what its task asks for."""
        return self._completion(prompt, sampling)

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str | Completion, None]:
        """Yield the reply word by word, `piece_delay` seconds apart, then the completion."""
        completion = self._completion(prompt, sampling)
        for piece in re.findall(r"\S+\s*", completion.text):
            yield piece
            await asyncio.sleep(self._piece_delay)
        yield completion

    async def check(self) -> None:
        """Do nothing: there is nothing to reach."""

    def _completion(self, prompt: Prompt, sampling: Sampling) -> Completion:
        whole = self._answer(prompt, sampling)
        text = whole if prompt.task else _within(whole, sampling)
        return Completion(
            text=text if prompt.task else _stopped(text, sampling.stop),
            model=self.name,
            finish_reason="stop" if text == whole else "length",
            usage=Usage(
                prompt_tokens=sum(len(message.content) // 4 + 1 for message in prompt.messages),
                completion_tokens=len(text) // 4 + 1,
            ),
        )

    def _answer(self, prompt: Prompt, sampling: Sampling) -> str:
        match prompt.task:
            case ExtractTask():
                return proposals(prompt.turn, self._languages)
            case DigestTask(max_words):
                return digest(prompt.turn, max_words, self._languages)
        turn = turn_to_answer(prompt.turn)
        card, first = self._card(turn.character), (sampling.seed or 0) + sampling.choice
        known = {folded(text) for text in turn.avoid}
        seeds = range(first, first + _APART * (1 + 4 * len(known)), _APART)
        replies = (Responder(turn, seed, self._languages, card).reply() for seed in seeds)
        said = next(replies)
        return (
            said if folded(said) not in known else next((r for r in replies if folded(r) not in known), said)
        )

    def _card(self, character: Character) -> Card:
        """Return the card's material; the few last read are kept, since reading one takes milliseconds."""
        key = repr((character.name, character.language, character.mes_example, character.first_mes)) + (
            character.description + character.personality
        )
        if key not in self._cards:
            if len(self._cards) >= _KEPT_CARDS:
                self._cards.pop(next(iter(self._cards)))
            self._cards[key] = study(character, self._languages)
        return self._cards[key]


def _within(text: str, sampling: Sampling) -> str:
    """Return as much as `max_tokens` allows: a token is about three quarters of a word."""
    return text if sampling.max_tokens is None else cut(text, max(1, sampling.max_tokens * 3 // 4))


def _stopped(text: str, stop: Sequence[str]) -> str:
    """Return the text before the first stop string, its asterisks still paired, and never blank."""
    left = text
    while found := [at for mark in stop if mark and (at := left.find(mark)) >= 0]:
        left = left[: min(found)]
        if left.count("*") % 2:
            left = left[: left.rindex("*")]
    return left.rstrip() or "…"
