"""The room of a prompt in tokens: its shares, what a text takes of it, and what it was spent on."""

from collections.abc import Iterator, Mapping, Sequence
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
        self._longest = context_tokens * _LETTERS_PER_TOKEN_AT_MOST

    def tokens(self, text: str) -> int:
        """Return the tokens of a text. One that cannot fit is not worth counting."""
        if len(text) > self._longest:
            return len(text) // _LETTERS_PER_TOKEN_AT_MOST
        return self._counter.count(text) if text else 0

    def message(self, text: str) -> int:
        """Return the tokens of a message, with what stands around it."""
        return self.tokens(text) + _TOKENS_AROUND_A_MESSAGE

    def fitting(self, facts: Sequence[RetrievedFact], room: int) -> tuple[RetrievedFact, ...]:
        """Return the most relevant facts that have room."""
        fitted: list[RetrievedFact] = []
        for fact in facts:
            room -= self.message(fact.text)
            if room < 0:
                break
            fitted.append(fact)
        return tuple(fitted)

    def sections(
        self,
        system: SystemView,
        tail: TailView,
        history: Sequence[PromptMessage],
        notes: Sequence[DepthNote],
        sent: Sequence[PromptMessage],
    ) -> Mapping[str, int]:
        """Return the tokens of each part by estimate; `template` is what the words around them take."""
        of = {kind: [note.text for note in notes if note.kind == kind] for kind in _KINDS}
        texts: dict[str, Sequence[str]] = {
            "rules": [system.rules],
            "character": [system.description, system.personality],
            "user": [system.user_description],
            **({"cast": system.company} if system.company else {}),
            "scene": [system.scenario, system.setting, system.relationship, system.goal],
            "examples": [message.text for example in system.examples for message in example],
            "summary": [system.summary],
            "history": [message.content for message in history],
            "lore": [system.lore_before, system.lore_after, tail.lore, *of["lore"]],
            "facts": [*tail.user_facts, *tail.character_facts],
            "character_note": of["character_note"],
            "author_note": of["author_note"],
            "post_history": [tail.post_history_instructions],
        }
        spent = {name: sum(map(self.tokens, some)) for name, some in texts.items()}
        total = sum(self.message(message.content) for message in sent)
        return {**spent, "template": max(total - sum(spent.values()), 0)}


_KINDS: Final = ("lore", "character_note", "author_note")
