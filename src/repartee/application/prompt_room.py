"""The room of a prompt in tokens: its shares, what a text takes of it, and what it was spent on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from repartee.application.ports import PromptMessage, SystemView, TailView, TokenCounter
from repartee.domain.fact import RetrievedFact
from repartee.domain.lorebook.request import LoreSettings
from repartee.domain.story import DepthNote

_TOKENS_AROUND_A_MESSAGE: Final = 4
_SHARE_OF_FACTS: Final = 4
_LETTERS_PER_TOKEN_AT_MOST: Final = 16


@dataclass(frozen=True, slots=True)
class PromptBudget:
    """Room for the prompt in tokens, and who may speak last in it.

    `tail_role` is `system` for servers that take a system message at any place, `user` for those that want
    system first only: the tail then joins the last user message. `lore` says how lorebooks are searched and
    what percentage of the context they may take.
    """

    context_tokens: int
    reply_tokens: int
    tail_role: Literal["system", "user"] = "system"
    lore: LoreSettings = field(default_factory=LoreSettings)

    def room(self, reply_tokens: int | None) -> int:
        """Return what is left beside the reply, which may take half of the context."""
        return self.context_tokens - min(reply_tokens or self.reply_tokens, self.context_tokens // 2)

    @property
    def fact_tokens(self) -> int:
        """The share of facts."""
        return self.context_tokens // _SHARE_OF_FACTS

    def shares(self) -> Iterator[tuple[int, int]]:
        """Yield what lore and facts may take, ever less: lore gives way before facts do."""
        lore = round(self.context_tokens * self.lore.budget_percent / 100)
        yield lore, self.fact_tokens
        yield lore // 2, self.fact_tokens
        yield 0, self.fact_tokens
        yield 0, self.fact_tokens // 4
        yield 0, 0


class Ruler:
    """Measures texts."""

    def __init__(self, counter: TokenCounter, context_tokens: int) -> None:
        self._counter = counter
        self._context_tokens = context_tokens
        self._longest = context_tokens * _LETTERS_PER_TOKEN_AT_MOST

    def tokens(self, text: str) -> int:
        """Return the tokens of a text. One that cannot fit is not worth counting."""
        if len(text) > self._longest:
            return len(text) // _LETTERS_PER_TOKEN_AT_MOST
        return self._counter.count(text) if text else 0

    def message(self, text: str) -> int:
        """Return the tokens of a message, with what stands around it."""
        return self.tokens(text) + _TOKENS_AROUND_A_MESSAGE

    def for_one_prompt(self) -> "PromptRuler":
        """Return a ruler that measures each text of a prompt once, however often it is asked."""
        return PromptRuler(self._counter, self._context_tokens)

    def fitting(self, facts: Sequence[RetrievedFact], room: int) -> tuple[RetrievedFact, ...]:
        """Return the most relevant facts that have room."""
        fitted: list[RetrievedFact] = []
        for fact in facts:
            room -= self.message(fact.text)
            if room < 0:
                break
            fitted.append(fact)
        return tuple(fitted)


class PromptRuler(Ruler):
    """A ruler that remembers what it has measured: texts, so it must not live longer than their request."""

    def __init__(self, counter: TokenCounter, context_tokens: int) -> None:
        super().__init__(counter, context_tokens)
        self._measured = _Measured(counter.count, self._longest)

    def tokens(self, text: str) -> int:
        """Return the tokens of a text."""
        return self._measured[text]

    def messages(self, some: Sequence[PromptMessage]) -> list[int]:
        """Return the tokens of each message."""
        measured = self._measured
        return [measured[one.content] + _TOKENS_AROUND_A_MESSAGE for one in some]

    def sections(
        self,
        system: SystemView,
        tail: TailView,
        history: Sequence[PromptMessage],
        notes: Sequence[DepthNote],
        sent: Sequence[PromptMessage],
    ) -> Mapping[str, int]:
        """Return the tokens of each part by estimate; `template` is what the words around them take."""
        tokens = self._measured.__getitem__
        spent = {
            "rules": tokens(system.rules),
            "character": tokens(system.description) + tokens(system.personality),
            "user": tokens(system.user_description),
        }
        if system.company:
            spent["cast"] = sum(map(tokens, system.company))
        spent |= {
            "scene": sum(map(tokens, _scene(system))),
            "examples": sum(tokens(message.text) for example in system.examples for message in example),
            "summary": tokens(system.summary),
            "history": sum([tokens(message.content) for message in history]),
            "lore": sum(map(tokens, (system.lore_before, system.lore_after, tail.lore))),
            "facts": sum(map(tokens, (*tail.user_facts, *tail.character_facts))),
            "character_note": 0,
            "author_note": 0,
            "post_history": tokens(tail.post_history_instructions),
        }
        for note in notes:
            spent[note.kind] += tokens(note.text)
        total = sum(self.messages(sent))
        return {**spent, "template": max(total - sum(spent.values()), 0)}


def _scene(system: SystemView) -> tuple[str, ...]:
    return system.scenario, system.setting, system.relationship, system.goal


class _Measured(dict[str, int]):
    """Texts and their tokens; one that is not in it is measured."""

    def __init__(self, count: Callable[[str], int], longest: int) -> None:
        super().__init__({"": 0})
        self._count = count
        self._longest = longest

    def __missing__(self, text: str) -> int:
        fits = len(text) <= self._longest
        tokens = self[text] = self._count(text) if fits else len(text) // _LETTERS_PER_TOKEN_AT_MOST
        return tokens
