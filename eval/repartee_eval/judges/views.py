"""What the judges' templates see: texts already fenced, indented and cut, never as they came."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.macros import expand_macros
from repartee.domain.scenario import Scenario
from repartee.domain.user import User
from repartee_eval.judges.fences import fenced, indented, nonce_for, on_a_line, transcript

_EXAMPLES: Final = 1_200
"""Characters of example lines that a judge sees: enough for a voice, at a bounded price."""


class Judged(Protocol):
    """What a case and a subject have in common."""

    @property
    def character(self) -> Character:
        """Who answers."""
        ...

    @property
    def user(self) -> User:
        """Who talks to them."""
        ...

    @property
    def scenario(self) -> Scenario | None:
        """The scene, where the dialogue has one of its own."""
        ...

    @property
    def shared(self) -> tuple[Message, ...]:
        """The history before what is judged."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """Everything before the candidates. Each text is fenced; empty where there is none."""

    nonce: str
    character: str
    user: str
    card: str
    persona: str
    scene: str
    history: str
    left_out: int


def context_of(judged: Judged, candidates: Sequence[Message], history: int) -> Context:
    """Return the view of what comes before; `candidates` are the messages that must not hold the nonce."""
    names = (judged.user.name, judged.character.display_name)
    card, persona, scene = _card(judged), _persona(judged), _scene(judged)
    seed = "\x1f".join((card, persona, scene, *names))
    texts = [seed, *(message.text for message in (*judged.shared, *candidates))]
    nonce = nonce_for(seed, texts)
    shown = judged.shared[-history:] if history else ()
    return Context(
        nonce=nonce,
        character=on_a_line(names[1]),
        user=on_a_line(names[0]),
        card=_block("card", nonce, card),
        persona=_block("user", nonce, persona),
        scene=_block("scene", nonce, scene),
        history=fenced("dialogue", nonce, transcript(shown, *names)) if shown else "",
        left_out=len(judged.shared) - len(shown),
    )


def _block(label: str, nonce: str, text: str) -> str:
    return fenced(label, nonce, indented(text)) if text else ""


def _card(judged: Judged) -> str:
    card = judged.character
    style = card.style
    most = f"to {style.max_words}" if style.max_words else "or more"
    actions = "*between asterisks*" if style.actions == "asterisks" else "not written"
    lines = [
        f"Name: {card.display_name}",
        f"Age: {card.age}" if card.age is not None else "",
        f"Language: {card.language}" if card.language else "",
        card.description,
        f"Personality: {card.personality}" if card.personality else "",
        f"Style: {style.min_words} {most} words a reply; actions {actions}. {style.notes}".strip(),
        f"Instructions of the card: {card.system_prompt}" if card.system_prompt else "",
        _voice(card),
    ]
    return _named(judged, "\n".join(line for line in lines if line))


def _voice(card: Character) -> str:
    lines = [
        message.text
        for example in card.example_dialogues()
        for message in example
        if message.role == "character"
    ]
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(line) > _EXAMPLES:
            break
        kept.append(line)
    return "Lines in this voice:\n" + "\n".join(f"- {line}" for line in kept) if kept else ""


def _persona(judged: Judged) -> str:
    age = f"Age: {judged.user.age}" if judged.user.age is not None else ""
    return _named(judged, "\n".join(line for line in (age, judged.user.description) if line))


def _scene(judged: Judged) -> str:
    """Return the dialogue's own scene, else the card's, as the service puts it into its prompt."""
    scene = judged.scenario
    if scene is None or not (scene.setting or scene.relationship or scene.goal):
        return _named(judged, judged.character.scenario)
    lines = (
        f"Setting: {scene.setting}" if scene.setting else "",
        f"The two are: {scene.relationship}" if scene.relationship else "",
        f"What the character wants: {scene.goal}" if scene.goal else "",
    )
    return _named(judged, "\n".join(line for line in lines if line))


def _named(judged: Judged, text: str) -> str:
    return expand_macros(text, judged.character.display_name, judged.user.name)
