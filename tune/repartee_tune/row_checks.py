"""What is checked with the model's tokenizer before the first step: TRL would drop or cut in silence."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from repartee_tune.errors import TuneError
from repartee_tune.training_rows import FeedbackRow, Message, Messages, PreferenceRow, Row
from repartee_tune.trimming import trim_oldest_turns


@dataclass(frozen=True)
class ChatTokens:
    """How a model reads a conversation: its tokenizer, its template and the tokens that end a turn."""

    tokenizer: Any
    stop_ids: frozenset[int]

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids up to where the model begins to write."""
        return self._render(messages, add_generation_prompt=True)

    def conversation(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of the turns and nothing behind them."""
        return self._render(messages, add_generation_prompt=False)

    def control_tokens(self) -> list[str]:
        """Texts that the tokenizer turns into a control token wherever they stand, longest first."""
        template = str(self.tokenizer.chat_template)
        added = self.tokenizer.added_tokens_decoder.values()
        found = {token.content for token in added if token.special or token.content.strip() in template}
        return sorted((text for text in found if len(text.strip()) > 1), key=len, reverse=True)

    def is_blank(self, token: int) -> bool:
        """Whether a token is white space."""
        return not str(self.tokenizer.decode([token])).strip()

    def _render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> list[int]:
        try:
            rendered = self.tokenizer.apply_chat_template(
                [message.model_dump() for message in messages],
                tokenize=True,
                return_dict=True,
                add_generation_prompt=add_generation_prompt,
            )
        except TemplateError as error:
            roles = ", ".join(dict.fromkeys(message.role for message in messages))
            raise TuneError(
                f"the base's chat template cannot be used for turns of {roles}: {error}; mend it in "
                "chat_template.jinja, or leave such turns out"
            ) from None
        return list(rendered["input_ids"])


@dataclass(frozen=True)
class CheckedRows:
    """Rows to train on whole, what became of the others, and the mean tokens of a row's good reply."""

    rows: tuple[Row, ...]
    counts: dict[str, int]
    mean_reply_tokens: float


@dataclass(frozen=True)
class RowRules:
    """What a row keeps to: `max_length` in tokens, `near_identical` a Jaccard similarity of replies."""

    max_length: int
    trim: bool
    near_identical: float


def check_rows(rows: Sequence[Row], chat: ChatTokens, rules: RowRules, source: Path) -> CheckedRows:
    """Make rows safe to train on, or say which row is not and what to do.

    Left out and counted: pairs whose replies are almost the same (they pull the chosen reply's probability
    down, arXiv 2410.08847) and replies that hold control tokens. Control tokens in prompts are broken up
    with a space.
    """
    counts: Counter[str] = Counter(rows=len(rows))
    kept: list[Row] = []
    lengths: list[int] = []
    control = chat.control_tokens()
    for number, original in enumerate(rows, start=1):
        if reason := _reason_to_leave_out(original, control, rules):
            counts[reason] += 1
            continue
        row = _neutralised(original, control)
        counts["control_tokens_neutralised"] += row is not original
        trimmed = _fitting(row, chat, rules, f"{source} row {number}")
        counts["trimmed"] += trimmed is not row
        tokens = _check_tokens(trimmed, chat, f"{source} row {number}")
        if not isinstance(row, FeedbackRow) or row.label:
            lengths.append(tokens)
        kept.append(trimmed)
    if not kept:
        raise TuneError(f"{source}: no row is left of {len(rows)}: {dict(counts)}")
    counts["kept"] = len(kept)
    return CheckedRows(tuple(kept), dict(counts), sum(lengths) / max(1, len(lengths)))


def similarity(first: str, second: str, size: int = 5) -> float:
    """Jaccard similarity of the sets of runs of `size` characters; 1 for equal texts."""
    if first == second:
        return 1.0
    runs = [{text[i : i + size] for i in range(max(1, len(text) - size + 1))} for text in (first, second)]
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


def _reason_to_leave_out(row: Row, control: Sequence[str], rules: RowRules) -> str | None:
    texts = ["\n".join(message.content for message in reply) for reply in row.replies]
    if any(token in text for text in texts for token in control):
        return "control_tokens_in_reply"
    if isinstance(row, PreferenceRow) and similarity(texts[0], texts[1]) > rules.near_identical:
        return "near_identical"
    return None


def _neutralised(row: Row, control: Sequence[str]) -> Row:
    def broken(text: str) -> str:
        for token in control:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    return _rewritten(row, broken)


def _rewritten(row: Row, rewrite: Callable[[str], str]) -> Row:
    context = tuple(m.model_copy(update={"content": rewrite(m.content)}) for m in row.context)
    return row if context == row.context else row.with_context(context)


def _fitting(row: Row, chat: ChatTokens, rules: RowRules, where: str) -> Row:
    def length(context: Sequence[Message]) -> int:
        return max(len(chat.conversation([*context, *reply])) for reply in row.replies)

    whole = length(row.context)
    if whole <= rules.max_length:
        return row
    if not rules.trim:
        raise TuneError(
            f"{where}: {whole} tokens exceed data.max_length {rules.max_length}: raise it, or give --trim"
        )
    trimmed = trim_oldest_turns(row.context, length, rules.max_length)
    if trimmed is None:
        raise TuneError(
            f"{where}: system message, newest turn and reply exceed data.max_length {rules.max_length}: "
            "raise it"
        )
    return row.with_context(trimmed.messages)


def _check_tokens(row: Row, chat: ChatTokens, where: str) -> int:
    """Check what the loss will see; returns the number of tokens of the first reply."""
    prompt = chat.prompt(row.context)
    counts = []
    for reply in row.replies:
        whole = chat.conversation([*row.context, *reply])
        if whole[: len(prompt)] != prompt:
            raise TuneError(
                f"{where}: the prompt's tokens are not where the conversation's begin, so its end would "
                "not be trained; "
                "use a chat template that renders both alike (no thinking block)"
            )
        _check_control_tokens(whole, [*row.context, *reply], chat, where)
        counts.append(_check_stop(whole[len(prompt) :], chat, where))
    return counts[0]


def _check_stop(reply: Sequence[int], chat: ChatTokens, where: str) -> int:
    last = next((token for token in reversed(reply) if not chat.is_blank(token)), None)
    if last not in chat.stop_ids:
        raise TuneError(
            f"{where}: the reply does not end with a stop token, so the model would never learn to stop; "
            "set eos_token of the tokenizer to what ends a turn in the chat template"
        )
    return len(reply)


def _check_control_tokens(
    ids: Sequence[int], messages: Messages | list[Message], chat: ChatTokens, where: str
) -> None:
    skeleton = chat.conversation([m.model_copy(update={"content": "x"}) for m in messages])
    special = {i for i, token in chat.tokenizer.added_tokens_decoder.items() if token.special}
    if sum(i in special for i in ids) != sum(i in special for i in skeleton):
        raise TuneError(f"{where}: a message's text is read as control tokens; take the row out")
