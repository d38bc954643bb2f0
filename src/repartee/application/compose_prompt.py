"""From a turn to the exact messages that a model gets."""

import secrets
from dataclasses import dataclass, replace
from typing import Final, Literal

from repartee.application.ports import (
    Prompt,
    PromptMessage,
    PromptRenderer,
    RulesView,
    SystemView,
    TailView,
    TokenCounter,
    Turn,
)
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput
from repartee.domain.fact import RetrievedFact
from repartee.domain.macros import expand_macros
from repartee.domain.scenario import Scenario

_TRIM_STEP: Final = 10
_TOKENS_AROUND_A_MESSAGE: Final = 4
_SHARE_OF_FACTS: Final = 4
_LETTERS_PER_TOKEN_AT_MOST: Final = 16


@dataclass(frozen=True, slots=True)
class PromptBudget:
    """Room for the prompt in tokens, and who may speak last in it.

    `tail_role` is `system` for servers that take a system message at any place, `user` for those that want
    system first only: the tail then joins the last user message.
    """

    context_tokens: int
    reply_tokens: int
    tail_role: Literal["system", "user"] = "system"


class ComposePrompt:
    """Real chat roles, what never changes first: a provider's prompt cache keeps hitting from turn to turn.

    Order: rules, character, user, scene and example dialogues; then the history; then what changes with each
    turn: facts and post-history instructions. Facts may take a quarter of the room; the least relevant ones
    are left out, and `Prompt.turn` holds those that are in. When the budget is short, example dialogues go
    first (last one first), then history, oldest first and ten messages at a time, so that the prefix stays
    the same for several turns. The character and the newest message are never cut: what does not fit is an
    error that names it.
    """

    def __init__(self, renderer: PromptRenderer, counter: TokenCounter, budget: PromptBudget) -> None:
        self._renderer = renderer
        self._counter = counter
        self._budget = budget

    @property
    def fingerprint(self) -> str:
        """Short hash of the templates in use."""
        return self._renderer.fingerprint

    def __call__(self, turn: Turn, reply_tokens: int | None = None) -> Prompt:
        """Return the prompt. `reply_tokens` are kept free, up to half of the context. Raises InvalidInput."""
        context = self._budget.context_tokens
        turn = replace(turn, facts=self._fitted_facts(turn, context // _SHARE_OF_FACTS))
        tail = self._renderer.tail(self._tail_view(turn))
        reserved = min(reply_tokens or self._budget.reply_tokens, context // 2)
        room = context - reserved - self._cost(tail)
        system = self._fitted_system(turn, room)
        history = self._fitted_history(turn.messages, room - self._cost(system))
        messages = [PromptMessage("system", system), *map(_prompt_message, history)]
        return Prompt(messages=tuple(self._with_tail(messages, tail)), turn=turn)

    def _fitted_facts(self, turn: Turn, room: int) -> tuple[RetrievedFact, ...]:
        facts: list[RetrievedFact] = []
        for fact in turn.facts:
            room -= self._cost(fact.text)
            if room < 0:
                break
            facts.append(fact)
        return tuple(facts)

    def _fitted_system(self, turn: Turn, room: int) -> str:
        newest = self._cost(turn.messages[-1].text) if turn.messages else 0
        examples = turn.character.example_dialogues()
        while True:
            text = self._renderer.system(self._system_view(turn, examples))
            cost = self._cost(text)
            if cost + newest <= room:
                return text
            if not examples:
                raise self._too_long(turn, cost, newest, room)
            examples = examples[: len(examples) // 2]

    @staticmethod
    def _too_long(turn: Turn, card: int, newest: int, room: int) -> InvalidInput:
        if newest > card:
            what, tokens, field = "this message", newest, f"messages.{len(turn.messages) - 1}.text"
        else:
            what, tokens, field = "the character", card, "character"
        return InvalidInput(
            f"{what} takes {tokens} of the {max(room, 0)} tokens that the prompt may have: shorten it, or "
            "raise REPARTEE_PROMPT__CONTEXT_TOKENS",
            field=field,
        )

    def _fitted_history(self, messages: tuple[Message, ...], room: int) -> tuple[Message, ...]:
        costs = [self._cost(message.text) for message in messages]
        total = sum(costs)
        start = 0
        while total > room and start + 1 < len(messages):
            step = min(_TRIM_STEP, len(messages) - 1 - start)
            total -= sum(costs[start : start + step])
            start += step
        return messages[start:]

    def _with_tail(self, messages: list[PromptMessage], tail: str) -> list[PromptMessage]:
        last = messages[-1]
        if self._budget.tail_role == "user" and last.role == "user":
            return [*messages[:-1], PromptMessage("user", f"{last.content}\n\n{tail}")]
        return [*messages, PromptMessage(self._budget.tail_role, tail)]

    def _cost(self, text: str) -> int:
        if len(text) > self._budget.context_tokens * _LETTERS_PER_TOKEN_AT_MOST:
            return len(text) // _LETTERS_PER_TOKEN_AT_MOST  # it cannot fit, and is not worth counting
        return self._counter.count(text) + _TOKENS_AROUND_A_MESSAGE

    def _system_view(self, turn: Turn, examples: tuple[tuple[Message, ...], ...]) -> SystemView:
        character, user = turn.character, turn.user
        scenario = turn.scenario or Scenario()

        def named(text: str) -> str:
            return expand_macros(text, char=character.display_name, user=user.name).strip()

        return SystemView(
            rules=self._rules(turn),
            character=character.display_name,
            character_age="" if character.age is None else str(character.age),
            description=named(character.description),
            personality=named(character.personality),
            user=user.name,
            user_age="" if user.age is None else str(user.age),
            user_description=named(user.description),
            scenario="" if scenario.setting else named(character.scenario),
            setting=named(scenario.setting),
            relationship=named(scenario.relationship),
            goal=named(scenario.goal),
            examples=tuple(
                tuple(Message(role=message.role, text=named(message.text)) for message in example)
                for example in examples
            ),
        )

    def _rules(self, turn: Turn) -> str:
        character, user = turn.character, turn.user
        style = character.style
        rules = self._renderer.rules(
            RulesView(
                character=character.display_name,
                user=user.name,
                actions=style.actions,
                min_words=style.min_words,
                max_words=style.max_words,
                style_notes=style.notes.strip(),
                language=character.language or "",
            )
        )
        return _card_instructions(character.system_prompt, turn, rules) or rules

    def _tail_view(self, turn: Turn) -> TailView:
        return TailView(
            character=turn.character.display_name,
            user=turn.user.name,
            user_facts=tuple(fact.text for fact in turn.facts if fact.owner == "user"),
            character_facts=tuple(fact.text for fact in turn.facts if fact.owner == "character"),
            fence=secrets.token_hex(4),
            post_history_instructions=_card_instructions(
                turn.character.post_history_instructions, turn, original=""
            ),
        )


def _card_instructions(text: str, turn: Turn, original: str) -> str:
    """Put names into a card's instructions, and `original` where the card quotes it (once, as V2 says)."""
    named = expand_macros(text, char=turn.character.display_name, user=turn.user.name).strip()
    return named.replace("{{original}}", original, 1).replace("{{original}}", "").strip()


def _prompt_message(message: Message) -> PromptMessage:
    return PromptMessage("user" if message.role == "user" else "assistant", message.text)
