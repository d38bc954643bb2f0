"""From a turn to the exact messages that a model gets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from repartee.application.client_messages import system_first, with_memories
from repartee.application.model_profile import ModelProfile, ModelProfiles
from repartee.application.model_shape import shaped
from repartee.application.ports import (
    Prompt,
    PromptMessage,
    PromptRenderer,
    SystemView,
    TailView,
    TokenCounter,
    Turn,
)
from repartee.application.prompt_company import as_sent, company_of
from repartee.application.prompt_lore import PromptLore, lore_of
from repartee.application.prompt_notes import notes_of, with_lore, with_notes
from repartee.application.prompt_room import PromptBudget, Ruler
from repartee.application.prompt_views import rules_of, system_view, tail_view
from repartee.application.turn_macros import macros_of
from repartee.domain.control_tokens import neutralised
from repartee.domain.errors import InvalidInput
from repartee.domain.story import DepthNote

__all__ = ["ComposePrompt", "PromptBudget"]

_TRIM_STEP: Final = 10
_STEPS_OF_ROOM: Final = 16


@dataclass(frozen=True, slots=True)
class _Parts:
    """A turn made ready: what lore and facts are in, and what of the prompt changes with each turn."""

    turn: Turn
    history: tuple[PromptMessage, ...]
    lore: PromptLore
    notes: tuple[DepthNote, ...]
    system: SystemView
    tail: TailView
    tail_text: str
    passing_tokens: int


class ComposePrompt:
    """Real chat roles, what never changes first: a server's prompt cache keeps hitting from turn to turn.

    Order: rules, lore that is always there, character, user, scene, example dialogues and summary; then the
    history, with lore, the character's note and the author's at their depth; then what changes with each
    turn: lore, facts and post-history instructions. Lore and facts may take a quarter of the context each;
    the lowest in priority, the least relevant are left out. When the budget is short, example dialogues go
    first (last one first), then history, oldest first and ten messages at a time, so that the prefix stays
    the same for several turns; where the character and the newest message alone have no room beside them,
    lore goes, then facts. The character and the newest message are never cut: what does not fit is an error
    that names it. At the end the messages take the shape that the model's profile asks for.
    """

    def __init__(
        self,
        renderer: PromptRenderer,
        counter: TokenCounter,
        budget: PromptBudget,
        profiles: ModelProfiles | None = None,
    ) -> None:
        self._renderer = renderer
        self._ruler = Ruler(counter, budget.context_tokens)
        self._budget = budget
        self._profiles = profiles or ModelProfiles()

    @property
    def fingerprint(self) -> str:
        """Short hash of the templates in use."""
        return self._renderer.fingerprint

    def profile_of(self, model: str) -> ModelProfile:
        """Return what the model may get; the operator's `tail_role=user` holds for every model."""
        profile = self._profiles.of(model)
        if self._budget.tail_role == "system":
            return profile
        return profile.model_copy(update={"system": "first_only", "tail_role": "user"})

    def __call__(self, turn: Turn, reply_tokens: int | None = None, model: str = "") -> Prompt:
        """Return the prompt. `reply_tokens` are kept free, up to half of the context. Raises InvalidInput."""
        room = self._budget.room(reply_tokens)
        parts = self._parts_that_fit(turn, room)
        room -= self._in_steps(parts.passing_tokens)
        system = self._fitted_examples(parts, room)
        text = self._renderer.system(system)
        said = self._fitted_history(parts.history, room - self._ruler.message(text))
        messages = (
            PromptMessage("system", text, cache_until=len(text)),
            *with_notes(said, parts.notes),
            PromptMessage("system", parts.tail_text),
        )
        sent = shaped(messages, self.profile_of(model))
        spent = self._ruler.sections(system, parts.tail, said, parts.notes, sent)
        return Prompt(sent, parts.turn, sections=spent, lore=parts.lore.result)

    def augmented(self, turn: Turn, messages: Sequence[PromptMessage]) -> Prompt:
        """Return the client's own messages with the turn's facts put in, or as they are without facts.

        The facts come right after the user's last message, as a system message or as a part of it; so
        does what has to be told whatever the client's prompt says. Control tokens are neutralised. Where
        system messages may stand at the start only, others of the client become the user's.
        """
        turn = replace(turn, facts=self._ruler.fitting(turn.facts, self._budget.fact_tokens))
        role = self._budget.tail_role
        messages = [replace(one, content=neutralised(one.content)) for one in messages]
        sent = system_first(messages) if role == "user" else tuple(messages)
        if turn.facts or turn.duties:
            view = tail_view(turn, macros_of(turn), PromptLore())
            view = replace(view, post_history_instructions="", asks_for_reply=False)
            sent = with_memories(sent, self._renderer.tail(view), role)
        return Prompt(sent, turn)

    def _parts_that_fit(self, turn: Turn, room: int) -> _Parts:
        """Return the parts with as much lore and facts as the character and the last message leave room."""
        history = as_sent(turn)
        newest = self._ruler.message(history[-1].content) if history else 0
        card = left = 0
        for parts in self._ever_slimmer(turn, history):
            card = self._ruler.message(self._renderer.system(replace(parts.system, examples=())))
            left = room - parts.passing_tokens
            if card + newest <= left:
                return parts
        raise _too_long(turn, card, self._ruler.tokens(turn.summary.strip()), newest, left)

    def _ever_slimmer(self, turn: Turn, history: tuple[PromptMessage, ...]) -> Iterator[_Parts]:
        macros = macros_of(turn)
        company = company_of(turn, self._ruler.tokens, self._budget.context_tokens)
        rules = rules_of(turn, macros, self._renderer)
        notes = notes_of(turn, macros)
        for lore_tokens, fact_tokens in self._budget.shares():
            slim = replace(turn, facts=self._ruler.fitting(turn.facts, fact_tokens))
            lore = lore_of(slim, macros, notes, self._ruler.tokens, self._budget.lore, lore_tokens)
            tail = tail_view(slim, macros, lore)
            tail = tail if fact_tokens else replace(tail, avoid=())
            text = self._renderer.tail(tail)
            placed = with_lore(notes, lore)
            tokens = self._ruler.message(text) + sum(self._ruler.message(note.text) for note in placed)
            system = system_view(slim, macros, lore, rules, company)
            yield _Parts(slim, history, lore, placed, system, tail, text, tokens)

    def _in_steps(self, tokens: int) -> int:
        """Round up: a tail a little longer than the last one must not move the history's beginning."""
        step = max(self._budget.context_tokens // _STEPS_OF_ROOM, 1)
        return -(-tokens // step) * step

    def _fitted_examples(self, parts: _Parts, room: int) -> SystemView:
        """Give up examples, half of them at a time, until all of the history has room or none is left."""
        history = sum(self._ruler.message(message.content) for message in parts.history)
        view = parts.system
        while view.examples and self._ruler.message(self._renderer.system(view)) + history > room:
            view = replace(view, examples=view.examples[: len(view.examples) // 2])
        return view

    def _fitted_history(self, messages: tuple[PromptMessage, ...], room: int) -> tuple[PromptMessage, ...]:
        costs = [self._ruler.message(message.content) for message in messages]
        total = sum(costs)
        start = 0
        while total > room and start + 1 < len(messages):
            step = min(_TRIM_STEP, len(messages) - 1 - start)
            total -= sum(costs[start : start + step])
            start += step
        return messages[start:]


def _too_long(turn: Turn, card: int, summary: int, newest: int, room: int) -> InvalidInput:
    tokens, what, field = max(
        (card - summary, "the character", "character"),
        (summary, "the summary", "summary"),
        (newest, "this message", f"messages.{len(turn.messages) - 1}.text"),
        key=lambda one: one[0],
    )
    return InvalidInput(
        f"{what} takes {tokens} of the {max(room, 0)} tokens that the prompt may have: shorten it, or "
        "raise REPARTEE_PROMPT__CONTEXT_TOKENS",
        field=field,
    )
