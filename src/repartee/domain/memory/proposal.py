"""A fact that a model took from a chat, and whether it may be remembered."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from repartee.domain.dialogue import Message
from repartee.domain.fact import Fact, FactOwner, fact_key
from repartee.domain.memory.danger import holds_secret, is_order
from repartee.domain.memory.manner import is_hypothetical, is_pretended, is_question, is_quoted, is_sarcastic
from repartee.domain.memory.subjects import is_of_another, is_user, names_subject
from repartee.domain.memory.turns import Passage, folded, passage_of, without_actions
from repartee.domain.memory.wording import (
    adds_nothing,
    is_copied,
    is_grounded,
    is_in_language_of,
    long_words,
    sentences_as_words,
    word_count,
    words_and_starts,
)

RejectReason = Literal[
    "no_evidence",
    "character_words",
    "fiction",
    "echo",
    "question",
    "hypothetical",
    "quoted",
    "sarcasm",
    "subject",
    "ungrounded",
    "duplicate",
    "length",
    "language",
    "instruction",
    "secret",
]

FEWEST_WORDS: Final = 3
MOST_WORDS: Final = 40
_SCENE_WORDS: Final = 2


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a draft must not be remembered, and in which turn it was said, where that is known."""

    reason: RejectReason
    message_index: int | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact as a model proposes it; nothing in it is believed. `supersedes` are facts that are known."""

    text: str
    owner: FactOwner
    character: str
    subject: str
    evidence: str
    message_index: int
    supersedes: tuple[Fact, ...]
    confidence: float


class Grounds:
    """What drafts of one chat are judged against.

    `background` are texts that are no news: the card, the scenario; `scene` those that say what is played.
    """

    def __init__(
        self,
        messages: Iterable[Message],
        names: tuple[str, ...],
        known: Iterable[Fact],
        background: Iterable[str],
        scene: Iterable[str],
    ) -> None:
        turns = list(enumerate(messages))
        self.user_name = names[0]
        self.known = tuple(known)
        self._user = [(at, folded(turn.text)) for at, turn in turns if turn.role == "user"]
        self._plain = [(at, folded(without_actions(turn.text))) for at, turn in turns if turn.role == "user"]
        self._character = [(at, folded(turn.text)) for at, turn in turns if turn.role == "character"]
        self._original = {at: turn.text for at, turn in turns}
        self._background = sentences_as_words(background)
        self._injected = sentences_as_words(fact.text for fact in self.known)
        self._scene = frozenset[str]().union(*map(long_words, scene)) - long_words(" ".join(names))
        everything = [*names, *(fact.text for fact in self.known), *self._original.values()]
        self._said = words_and_starts(everything)

    def place_of(self, draft: Draft) -> Passage | RejectReason:
        """Return where the user said it, or why that does not count."""
        if passage := passage_of(draft.evidence, self._plain, draft.message_index):
            return passage
        if passage_of(draft.evidence, self._user, draft.message_index):
            return "fiction"
        if passage_of(draft.evidence, self._character, draft.message_index):
            return "character_words"
        return "no_evidence"

    def turn_named(self, draft: Draft) -> int | None:
        """Return the turn that the draft names, if there is one."""
        return draft.message_index if draft.message_index in self._original else None

    def objection(self, draft: Draft, passage: Passage) -> RejectReason | None:
        """Return the first reason why the draft must not be remembered."""
        return next((reason for reason, holds in _OBJECTIONS if holds(self, draft, passage)), None)

    def is_echo(self, draft: Draft, passage: Passage) -> bool:
        """Tell what was copied from the card, the scenario, or a known fact that was put into the chat."""
        copied = any(is_copied(text, self._background) for text in (draft.text, passage.text))
        return copied or is_copied(passage.text, self._injected, share=1.0)

    def is_of_the_scene(self, passage: Passage) -> bool:
        """Tell words that are mostly those of the scenario, and of nothing else."""
        words = long_words(passage.text)
        shared = words & self._scene
        return len(shared) >= _SCENE_WORDS and len(shared) * 2 >= len(words)

    def is_known(self, draft: Draft) -> bool:
        """Tell a duplicate of a known fact; one that it supersedes must only not be the very same."""
        key = fact_key(draft.owner, draft.character, draft.text)
        ended = {fact.id for fact in draft.supersedes}
        holding = [fact for fact in self.known if fact.invalid_at is None]
        if any(fact.key == key for fact in holding):
            return True
        alike = (fact for fact in holding if fact.owner == draft.owner and fact.id not in ended)
        return any(adds_nothing(draft.text, fact.text) for fact in alike)

    def is_said(self, draft: Draft) -> bool:
        """Tell whether the names and numbers of the statement were said by anybody."""
        return is_grounded(draft.text, self._said)

    def original(self, passage: Passage) -> str:
        """Return the turn as it was written."""
        return self._original[passage.message_index]


def sifted(drafts: Iterable[Draft], grounds: Grounds) -> tuple[list[tuple[Draft, Passage]], list[Rejection]]:
    """Return the drafts that may be remembered, with where they were said, and why the others may not."""
    accepted: list[tuple[Draft, Passage]] = []
    rejected = []
    for draft in drafts:
        passage = grounds.place_of(draft)
        if not isinstance(passage, Passage):
            rejected.append(Rejection(passage, grounds.turn_named(draft)))
        elif reason := grounds.objection(draft, passage) or _repeated(draft, accepted):
            rejected.append(Rejection(reason, passage.message_index))
        else:
            accepted.append((draft, passage))
    return accepted, rejected


def _repeated(draft: Draft, accepted: Iterable[tuple[Draft, Passage]]) -> RejectReason | None:
    same = (one for one, _ in accepted if (one.owner, one.character) == (draft.owner, draft.character))
    repeats = any(adds_nothing(draft.text, one.text) for one in same)
    return "duplicate" if repeats else None


def _is_without_subject(grounds: Grounds, draft: Draft, passage: Passage) -> bool:
    if draft.owner == "character":
        return False
    if is_user(draft.subject, grounds.user_name):
        return is_of_another(passage, draft.text)
    return not names_subject(draft.text, draft.subject)


_OBJECTIONS: Final[tuple[tuple[RejectReason, Callable[[Grounds, Draft, Passage], bool]], ...]] = (
    ("secret", lambda _, draft, passage: any(map(holds_secret, (draft.text, passage.sentence)))),
    ("instruction", lambda _, draft, passage: is_order(draft.text) or is_order(passage.text)),
    ("length", lambda _, draft, __: not FEWEST_WORDS <= word_count(draft.text) <= MOST_WORDS),
    ("echo", lambda grounds, draft, passage: grounds.is_echo(draft, passage)),
    ("fiction", lambda grounds, _, passage: is_pretended(passage) or grounds.is_of_the_scene(passage)),
    ("question", lambda _, __, passage: is_question(passage)),
    ("hypothetical", lambda _, draft, passage: is_hypothetical(passage, draft.text)),
    ("sarcasm", lambda _, __, passage: is_sarcastic(passage)),
    (
        "quoted",
        lambda grounds, draft, passage: is_quoted(passage) and is_user(draft.subject, grounds.user_name),
    ),
    ("subject", _is_without_subject),
    ("language", lambda grounds, draft, at: not is_in_language_of(draft.text, grounds.original(at))),
    ("ungrounded", lambda grounds, draft, _: not grounds.is_said(draft)),
    ("duplicate", lambda grounds, draft, _: grounds.is_known(draft)),
)
