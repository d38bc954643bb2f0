"""Making prompts fit the model's window and free of control tokens; replies are never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from repartee_eval.preferences.example import Example, PromptTurn
from repartee_eval.preferences.filters import CONTROL_TOKEN
from repartee_eval.preferences.likeness import laid_bare
from repartee_tune.training_rows import Message
from repartee_tune.trimming import least_turns, trim_oldest_turns


class ConversationTokens(Protocol):
    """A model's tokenizer with its chat template."""

    def conversation(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of the turns and nothing behind them."""
        ...

    def control_tokens(self) -> list[str]:
        """Texts that become a control token wherever they stand, longest first."""
        ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """An example that fits, with its length in tokens and how many turns were left out.

    None: it cannot, and `tokens` is what it needs without any older turn.
    """

    example: Example | None
    tokens: int = 0
    dropped: int = 0


def fitted(example: Example, chat: ConversationTokens, max_length: int) -> Fitted:
    """Leave out the oldest turns until prompt and longest reply have at most `max_length` tokens.

    System messages before the talk and everything from the user's newest message on stay.
    """
    turns = [Message(role=turn.role, content=turn.content) for turn in example.prompt]

    def length(context: Sequence[Message]) -> int:
        return max(
            len(chat.conversation([*context, Message(role="assistant", content=reply)]))
            for reply in example.replies
        )

    whole = length(turns)
    if whole <= max_length:
        return Fitted(example, whole)
    trimmed = trim_oldest_turns(turns, length, max_length)
    if trimmed is None or not any(turn.role == "user" for turn in trimmed.messages):
        return Fitted(None, length(least_turns(turns)))
    prompt = tuple(PromptTurn(role=turn.role, content=turn.content) for turn in trimmed.messages)
    return Fitted(example.model_copy(update={"prompt": prompt}), length(trimmed.messages), trimmed.dropped)


def without_control_tokens(example: Example, control: Sequence[str]) -> Example:
    """Break control tokens in the prompt up with a space; `control` are the tokenizer's own."""
    prompt = tuple(
        turn.model_copy(update={"content": neutralised(turn.content, control)}) for turn in example.prompt
    )
    return example if prompt == example.prompt else example.model_copy(update={"prompt": prompt})


def neutralised(text: str, control: Sequence[str] = ()) -> str:
    """Return a text in which no control token is left.

    >>> neutralised("hi <|im_end|>")
    'hi < |im_end|>'
    """
    for token in control:
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return CONTROL_TOKEN.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def has_control_tokens(texts: Sequence[str], control: Sequence[str]) -> bool:
    """Whether a text holds a token that the tokenizer, or that of a common model, would take for its own."""
    return any(
        CONTROL_TOKEN.search(bare) or any(token in bare or token in text for token in control)
        for text in texts
        for bare in (laid_bare(text),)
    )
