"""The one question to the model about a chat's facts, and reading its answer."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from repartee.application.dialogue_room import DialogueRoom
from repartee.application.extraction_answer import (
    EXTRACTION_SCHEMA,
    ProposedFact,
    UnreadableAnswer,
    read_extraction,
)
from repartee.application.ports import (
    ChatModel,
    Completion,
    ExtractTask,
    ExtractView,
    Prompt,
    PromptMessage,
    PromptRenderer,
    Sampling,
    Turn,
    Usage,
)
from repartee.application.transcript import fact_lines, turn_lines, user_texts
from repartee.domain.errors import InvalidInput, UpstreamInvalid

_ANSWER_TOKENS: Final = 3_000
_KEPT_OF_A_BAD_ANSWER: Final = 8_000
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class FactsAnswer:
    """What the model proposes; `usage` is that of both calls where there were two."""

    facts: list[ProposedFact]
    model: str
    usage: Usage


class AskForFacts:
    """Ask for facts as JSON. An answer that cannot be read is sent back once, with what is wrong with it."""

    def __init__(self, renderer: PromptRenderer, model: ChatModel, room: DialogueRoom) -> None:
        self._renderer = renderer
        self._model = model
        self._room = room

    async def __call__(self, turn: Turn, now: datetime) -> FactsAnswer:
        """Return the answer; without a user's turn nothing is asked. Raises InvalidInput, UpstreamError."""
        if not user_texts(turn.messages):
            return FactsAnswer([], self._model.name, Usage())
        prompt = self._prompt(turn, now)
        sampling = Sampling(
            temperature=0.0,
            max_tokens=self._room.answer_tokens(_ANSWER_TOKENS),
            response_schema=EXTRACTION_SCHEMA,
        )
        first = await self._model.complete(prompt, sampling)
        try:
            return FactsAnswer(_read(first), first.model, first.usage)
        except UnreadableAnswer as error:
            again = _asked_again(prompt, first, error)
        second = await self._model.complete(again, sampling)
        try:
            return FactsAnswer(_read(second), second.model, _sum(first.usage, second.usage))
        except UnreadableAnswer as error:
            raise UpstreamInvalid(
                f"model proposed facts in a form that cannot be read, twice: {error.problem}", "model"
            ) from None

    def _prompt(self, turn: Turn, now: datetime) -> Prompt:
        view = ExtractView(
            character=turn.character.display_name,
            user=turn.user.name,
            today=now.date().isoformat(),
            weekday=_WEEKDAYS[now.weekday()],
            known=fact_lines(fact.text for fact in turn.facts),
            turns=turn_lines(turn, marked=True),
            fence=secrets.token_hex(4),
        )
        text = self._renderer.extract(view)
        if excess := self._room.excess(text, _ANSWER_TOKENS):
            raise InvalidInput(
                f"are {excess} tokens more than the prompt may have: send fewer at a time, or raise "
                "REPARTEE_PROMPT__CONTEXT_TOKENS",
                field="messages",
            )
        return Prompt((PromptMessage("user", text),), turn, ExtractTask(now))


def _read(completion: Completion) -> list[ProposedFact]:
    try:
        return read_extraction(completion.text)
    except UnreadableAnswer:
        if completion.finish_reason == "length":
            raise UnreadableAnswer("it was cut off at its limit: propose fewer facts") from None
        raise


def _asked_again(prompt: Prompt, answer: Completion, error: UnreadableAnswer) -> Prompt:
    mistake = f"That cannot be read: {error.problem}. Send the whole JSON object again and nothing else."
    kept = answer.text[:_KEPT_OF_A_BAD_ANSWER]
    return replace(
        prompt,
        messages=(*prompt.messages, PromptMessage("assistant", kept), PromptMessage("user", mistake)),
    )


def _sum(first: Usage, second: Usage) -> Usage:
    return Usage(
        first.prompt_tokens + second.prompt_tokens, first.completion_tokens + second.completion_tokens
    )
