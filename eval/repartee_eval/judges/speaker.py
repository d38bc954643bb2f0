"""The entry check of a judge of role-play: whose line is this? (the task of PersonaEval, COLM 2025).

A judge that cannot tell who speaks cannot tell who stays in character. Lines come from cards' example
dialogues; the cards are shown without their examples.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.macros import expand_macros
from repartee_eval.cases import Order
from repartee_eval.judges.fences import fenced, indented, nonce_for, transcript
from repartee_eval.judges.pairwise import strict_object
from repartee_eval.judges.prompts import JudgePrompts
from repartee_eval.judges.question import Judge, Question, chat_body, question_of

_LABELS: Final[tuple[str, ...]] = ("1", "2")
_CRITERION: Final = "speaker"
_USER: Final = "User"
_MASK: Final = "—"


@dataclass(frozen=True, slots=True)
class SpeakerItem:
    """One line and two characters: `speaker` says it, `other` does not. `line`: the user's words, then it."""

    id: str
    speaker: Character
    other: Character
    line: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class _View:
    nonce: str
    first: str
    second: str
    line: str
    reasoned: bool
    shape: str


def speaker_items(
    characters: Sequence[Character], per_character: int = 4, seed: int = 0
) -> list[SpeakerItem]:
    """Return up to `per_character` lines of each character, each with another one of the same language.

    Names of both are masked in the line. Characters without example lines or alone in their language: none.
    """
    rng = random.Random(seed)
    items: list[SpeakerItem] = []
    for speaker in characters:
        others = [one for one in characters if one.name != speaker.name and one.language == speaker.language]
        lines = [pair for example in speaker.example_dialogues() for pair in _pairs(example)]
        drawn = rng.sample(lines, min(per_character, len(lines))) if others else []
        items.extend(_item(speaker, rng.choice(others), line) for line in drawn)
    return items


def speaker_questions(item: SpeakerItem, judge: Judge, prompts: JudgePrompts) -> list[Question]:
    """Return the question in both orders. Read with `read_verdict`: `a` is right, `b` is wrong."""
    orders: tuple[Order, ...] = ("ab", "ba")
    return [_question(item, judge, prompts, order) for order in orders]


def _question(item: SpeakerItem, judge: Judge, prompts: JudgePrompts, order: Order) -> Question:
    cards = [_card(item.speaker), _card(item.other)]
    texts = [*cards, *(message.text for message in item.line)]
    nonce = nonce_for(_CRITERION, texts)
    first, second = cards if order == "ab" else reversed(cards)
    reason = '"reason": "…", ' if judge.mode == "reasoned" else ""
    view = _View(
        nonce=nonce,
        first=fenced("card 1", nonce, indented(first)),
        second=fenced("card 2", nonce, indented(second)),
        line=fenced("line", nonce, transcript(item.line, _USER, _MASK)),
        reasoned=judge.mode == "reasoned",
        shape=f'{{{reason}"verdict": "1" | "2"}}',
    )
    verdict = {"type": "string", "enum": list(_LABELS)}
    schema = strict_object({**({"reason": {"type": "string"}} if reason else {}), "verdict": verdict})
    system, user = prompts.system("speaker", view), prompts.user("speaker", view)
    body = chat_body(judge, system, user, schema, 200 if reason else 40, 0)
    templates = prompts.fingerprints["speaker"]
    rubrics = ({"id": _CRITERION},)
    return question_of(judge, "speaker", item.id, rubrics, body, templates, order=order, labels=_LABELS)


def _pairs(example: Sequence[Message]) -> list[tuple[Message, ...]]:
    return [
        (before, line)
        for before, line in pairwise(example)
        if before.role == "user" and line.role == "character"
    ]


def _item(speaker: Character, other: Character, line: tuple[Message, ...]) -> SpeakerItem:
    masked = tuple(Message(role=message.role, text=_masked(message.text, speaker, other)) for message in line)
    identity = "\x1f".join((speaker.name, other.name, *(message.text for message in masked)))
    return SpeakerItem(hashlib.sha256(identity.encode()).hexdigest(), speaker, other, masked)


def _masked(text: str, *characters: Character) -> str:
    for character in characters:
        for name in sorted({character.name, character.display_name}, key=len, reverse=True):
            text = text.replace(name, _MASK)
    return expand_macros(text, _MASK, _USER)


def _card(character: Character) -> str:
    lines = (
        f"Name: {character.display_name}",
        character.description,
        character.personality,
        character.style.notes,
    )
    return expand_macros("\n".join(line for line in lines if line), character.display_name, _USER)
