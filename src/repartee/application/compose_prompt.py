"""From a turn to the exact messages that a model gets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
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
from repartee.application.prompt_room import PromptBudget, PromptRuler, Ruler
from repartee.application.prompt_views import rules_of, system_view, tail_view
from repartee.application.turn_macros import macros_of
from repartee.domain.control_tokens import neutralised
from repartee.domain.errors import InvalidInput
from repartee.domain.story import DepthNote

__all__ = ["ComposePrompt", "PromptBudget"]

_TRIM_STEP: Final = 10
_STEPS_OF_ROOM: Final = 16
_PROFILES_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class _Parts:
    """A turn made ready: what lore and facts are in, and what of the prompt changes with each turn.

    `bare_text` is the stable part without its examples.
    """

    turn: Turn
    history: tuple[PromptMessage, ...]
    lore: PromptLore
    notes: tuple[DepthNote, ...]
    system: SystemView
    bare_text: str
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
        self.profile_of = lru_cache(_PROFILES_KEPT)(self._profile_of)

    @property
    def fingerprint(self) -> str:
        """Short hash of the templates in use."""
        return self._renderer.fingerprint

    def _profile_of(self, model: str) -> ModelProfile:
        """Return what the model may get; the operator's `tail_role=user` holds for every model."""
        profile = self._profiles.of(model)
        if self._budget.tail_role == "system":
            return profile
        return profile.model_copy(update={"system": "first_only", "tail_role": "user"})

    def __call__(self, turn: Turn, reply_tokens: int | None = None, model: str = "") -> Prompt:
        """Return the prompt. `reply_tokens` are kept free, up to half of the context. Raises InvalidInput."""
        room = self._budget.room(reply_tokens)
        ruler = self._ruler.for_one_prompt()
        parts = self._parts_that_fit(turn, room, ruler)
        room -= self._in_steps(parts.passing_tokens)
        costs = ruler.messages(parts.history)
        system, text = self._fitted_examples(parts, room - sum(costs), ruler)
        said = _fitted_history(parts.history, costs, room - ruler.message(text))
        messages = (
            PromptMessage("system", text, cache_until=len(text)),
            *with_notes(said, parts.notes),
            PromptMessage("system", parts.tail_text),
        )
        sent = shaped(messages, self.profile_of(model))
        spent = ruler.sections(system, parts.tail, said, parts.notes, sent)
        return Prompt(sent, parts.turn, sections=spent, lore=parts.lore.result)

    def augmented(self, turn: Turn, messages: Sequence[PromptMessage]) -> Prompt:
        """Return the client's own messages with the turn's facts put in, or as they are without facts.

        The facts come right after the user's last message, as a system message or as a part of it; so
        does what has to be told whatever the client's prompt says. Control tokens are neutralised. Where
        system messages may stand at the start only, others of the client become the user's.
        """
        turn = replace(turn, facts=self._ruler.fitting(turn.facts, self._budget.fact_tokens))
        role = self._budget.tail_role
        messages = [_neutral(one) for one in messages]
        sent = system_first(messages) if role == "user" else tuple(messages)
        if turn.facts or turn.duties:
            view = tail_view(turn, macros_of(turn), PromptLore())
            view = replace(view, post_history_instructions="", asks_for_reply=False)
            sent = with_memories(sent, self._renderer.tail(view), role)
        return Prompt(sent, turn)

    def _parts_that_fit(self, turn: Turn, room: int, ruler: PromptRuler) -> _Parts:
        """Return the parts with as much lore and facts as the character and the last message leave room."""
        history = as_sent(turn)
        newest = ruler.message(history[-1].content) if history else 0
        card = left = 0
        for parts in self._ever_slimmer(turn, history, ruler):
            card = ruler.message(parts.bare_text)
            left = room - parts.passing_tokens
            if card + newest <= left:
                return parts
        raise _too_long(turn, card, ruler.tokens(turn.summary.strip()), newest, left)

    def _ever_slimmer(
        self, turn: Turn, history: tuple[PromptMessage, ...], ruler: PromptRuler
    ) -> Iterator[_Parts]:
        macros = macros_of(turn)
        company = company_of(turn, ruler.tokens, self._budget.context_tokens)
        rules = rules_of(turn, macros, self._renderer)
        notes = notes_of(turn, macros)
        for lore_tokens, fact_tokens in self._budget.shares():
            facts = ruler.fitting(turn.facts, fact_tokens)
            slim = turn if len(facts) == len(turn.facts) else replace(turn, facts=facts)
            lore = lore_of(slim, macros, notes, ruler.tokens, self._budget.lore, lore_tokens)
            tail = tail_view(slim, macros, lore)
            tail = tail if fact_tokens else replace(tail, avoid=())
            text = self._renderer.tail(tail)
            placed = with_lore(notes, lore)
            tokens = ruler.message(text) + sum(ruler.message(note.text) for note in placed)
            system = system_view(slim, macros, lore, rules, company)
            bare = self._renderer.system(replace(system, examples=()) if system.examples else system)
            yield _Parts(slim, history, lore, placed, system, bare, tail, text, tokens)

    def _in_steps(self, tokens: int) -> int:
        """Round up: a tail a little longer than the last one must not move the history's beginning."""
        step = max(self._budget.context_tokens // _STEPS_OF_ROOM, 1)
        return -(-tokens // step) * step

    def _fitted_examples(self, parts: _Parts, room: int, ruler: PromptRuler) -> tuple[SystemView, str]:
        """Give up examples, half of them at a time, until all of the history has room or none is left."""
        view = parts.system
        while view.examples:
            text = self._renderer.system(view)
            if ruler.message(text) <= room:
                return view, text
            view = replace(view, examples=view.examples[: len(view.examples) // 2])
        return view, parts.bare_text


def _fitted_history(
    messages: tuple[PromptMessage, ...], costs: list[int], room: int
) -> tuple[PromptMessage, ...]:
    total = sum(costs)
    start = 0
    while total > room and start + 1 < len(messages):
        step = min(_TRIM_STEP, len(messages) - 1 - start)
        total -= sum(costs[start : start + step])
        start += step
    return messages[start:]


def _neutral(message: PromptMessage) -> PromptMessage:
    text = neutralised(message.content)
    return message if text == message.content else message._replace(content=text)


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
