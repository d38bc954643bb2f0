"""A rolling summary: what stands in for the old part of a chat."""

import re
import secrets
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from repartee.application.deadline import deadline_in
from repartee.application.dialogue_room import DialogueRoom
from repartee.application.given_character import GivenCharacter, character_of
from repartee.application.ports import (
    CharacterLibrary,
    ChatModel,
    Completion,
    DigestTask,
    DigestView,
    Prompt,
    PromptMessage,
    PromptRenderer,
    Sampling,
    Telemetry,
    Turn,
)
from repartee.application.reply import TokenUsage
from repartee.application.transcript import turn_lines
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput, UpstreamInvalid
from repartee.domain.memory.wording import word_count
from repartee.domain.text import CardText
from repartee.domain.user import User

_TOKENS_PER_WORD: Final = 4  # in scripts that a tokenizer cuts small
_THOUGHT: Final = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_FENCE: Final = re.compile(r"\s*```\w*\n(.*?)\n?```\s*", re.DOTALL)
_SENTENCE: Final = re.compile(r".+?(?:[.!?…]+[\"'”»)]*(?=\s)|[。！？]+|$)", re.DOTALL)


class DigestRequest(BaseModel):
    """The old part of a chat, oldest first, and the summary of what came before it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=1_000)]
    summary: CardText = Field(default="", description="What an earlier call returned.")
    user: User = User()
    character: GivenCharacter = Field(description="As in `/generate`.")
    max_words: int = Field(default=200, ge=20, le=1_000)


class Digest(BaseModel):
    """A summary of the old one and of the first `messages_covered` messages."""

    summary: str
    messages_covered: int
    model: str
    usage: TokenUsage


class DigestDialogue:
    """Sum up old history in one model call, in the language of the chat, and keep the facts in it.

    The summary so far goes into the new one. Where the messages do not all fit into the model's context the
    oldest are summed up, and `messages_covered` says how many; the rest belongs to the next call. `/generate`
    takes the summary in place of the messages. Nothing is stored.
    """

    def __init__(
        self,
        characters: CharacterLibrary,
        renderer: PromptRenderer,
        model: ChatModel,
        telemetry: Telemetry,
        room: DialogueRoom,
        deadline_seconds: float,
    ) -> None:
        self._characters = characters
        self._renderer = renderer
        self._model = model
        self._telemetry = telemetry
        self._room = room
        self._deadline_seconds = deadline_seconds

    async def __call__(self, request: DigestRequest) -> Digest:
        """Return the summary. Raises InvalidInput, NotFound, UpstreamError, DeadlineExceeded."""
        async with deadline_in(self._deadline_seconds):
            character = await character_of(request.character, self._characters)
            turn = Turn(character, request.user, None, request.messages, summary=request.summary.strip())
            prompt = self._prompt(turn, request.max_words)
            answer_tokens = self._room.answer_tokens(request.max_words * _TOKENS_PER_WORD)
            completion = await self._model.complete(
                prompt, Sampling(temperature=0.0, max_tokens=answer_tokens)
            )
        self._telemetry.digest(completion.usage)
        return Digest(
            summary=_shortened(_whole_sentences(completion), request.max_words),
            messages_covered=len(prompt.turn.messages),
            model=completion.model,
            usage=TokenUsage(
                prompt_tokens=completion.usage.prompt_tokens,
                completion_tokens=completion.usage.completion_tokens,
            ),
        )

    def _prompt(self, turn: Turn, max_words: int) -> Prompt:
        """Return the question about the most messages that fit, at least one."""
        covered, least, most = len(turn.messages), 0, len(turn.messages)
        while least < most:
            if self._room.excess(self._text(turn, covered, max_words), max_words * _TOKENS_PER_WORD):
                most = covered - 1
            else:
                least = covered
            covered = (least + most + 1) // 2
        if not least:
            raise InvalidInput(
                "is too long for the prompt, with the summary so far: shorten one of them, or raise "
                "REPARTEE_PROMPT__CONTEXT_TOKENS",
                field="messages.0.text",
            )
        shortened = Turn(turn.character, turn.user, None, turn.messages[:least], summary=turn.summary)
        text = self._text(shortened, least, max_words)
        return Prompt((PromptMessage("user", text),), shortened, DigestTask(max_words))

    def _text(self, turn: Turn, covered: int, max_words: int) -> str:
        return self._renderer.digest(
            DigestView(
                character=turn.character.display_name,
                user=turn.user.name,
                summary=turn.summary,
                max_words=max_words,
                turns=turn_lines(turn, marked=False)[:covered],
                fence=secrets.token_hex(4),
            )
        )


def _whole_sentences(completion: Completion) -> str:
    """Return the text without a thought before it, a fence around it, or a sentence that was cut off."""
    plain = _THOUGHT.sub("", completion.text, count=1)
    fenced = _FENCE.fullmatch(plain)
    summary = (fenced[1] if fenced else plain).strip()
    sentences = _SENTENCE.findall(summary)
    if completion.finish_reason == "length" and len(sentences) > 1:
        summary = "".join(sentences[:-1])
    if not summary:
        raise UpstreamInvalid("model thought about a summary and wrote none", "model")
    return summary


def _shortened(text: str, max_words: int) -> str:
    """Return the sentences that fit, at least the beginning of the first."""
    kept, words = "", 0
    for sentence in _SENTENCE.findall(text):
        words += word_count(sentence)
        if words > max_words:
            break
        kept += sentence
    return kept.strip() or " ".join(text.split()[:max_words])
