"""Dialogues from logged replies: one for each way in which a chat went on to its end."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from repartee.application.answer_prompt import GREETING
from repartee_eval.dialogues.dialogue import Dialogue, Discarded, Feedback, Turn
from repartee_eval.dialogues.importing.casting import Casting
from repartee_eval.dialogues.importing.chat_tree import ChatTree, Node
from repartee_eval.dialogues.importing.logged_reply import ReplyEvent

_AGAIN_WITHIN: Final = timedelta(minutes=30)

Verdicts = Mapping[str, tuple[Feedback, ...]]
"""Feedback by the id of the reply that it is about."""


def stitched(
    events: Iterable[ReplyEvent], verdicts: Verdicts, casting: Casting, source: str
) -> Iterator[Dialogue]:
    """Yield the dialogues that the replies make. Raises ChatError for a card that cannot be read.

    Chats without a user's message are left out. A reply that answers the same as another and was not taken
    up is a regeneration (see `_is_again`); it is kept with the reply that took its place.
    """
    trees: dict[bytes, ChatTree] = {}
    for event in sorted(events, key=lambda event: (event.at, event.reply.id)):
        trees.setdefault(event.chat_key, ChatTree()).grow(event)
    for tree in trees.values():
        tree.settle()
        for ending in _endings(tree.root):
            if any(node.said and node.said.role == "user" for node in ending.leaf.path()):
                yield _dialogue(ending, verdicts, casting, source)


@dataclass(frozen=True, slots=True)
class _Ending:
    """The last message of a chat, the chat's id, and what was replaced on the way."""

    leaf: Node
    chat_id: str
    replaced: Mapping[int, list[Node]]


def _endings(root: Node) -> Iterator[_Ending]:
    """Go through all branches. The oldest branch keeps the id: that of its first reply to a user."""
    replaced: dict[int, list[Node]] = {}
    left: list[tuple[Node, str | None]] = [(root, None)]
    while left:
        node, chat_id = left.pop()
        branches = _branches(node, replaced)
        if not branches and node.said is not None:
            yield _Ending(node, chat_id or f"from-{node.number}", replaced)
        for place, child in reversed(list(enumerate(branches))):
            kept = chat_id if place == 0 else None
            left.append((child, kept or _first_id(child, replaced)))


def _branches(node: Node, replaced: dict[int, list[Node]]) -> list[Node]:
    """Return the messages with which the chat goes on, oldest first, and note those that were replaced."""
    replies = [child for child in node.children.values() if child.said and child.said.role == "character"]
    others = [child for child in node.children.values() if child not in replies]
    taken_up = [child for child in replies if child.children]
    if not replies:
        return others
    main = taken_up[0] if taken_up else replies[-1]
    gone = [child for child in replies if not child.children and child is not main and _is_again(child, main)]
    if gone:
        replaced[main.number] = gone
    kept = [child for child in replies if child not in gone]
    return sorted((*kept, *others), key=lambda child: _age(child, replaced))


def _age(child: Node, replaced: Mapping[int, list[Node]]) -> int:
    age: int = min(each.number for each in (child, *replaced.get(child.number, ())))
    return age


def _is_again(one: Node, other: Node) -> bool:
    """Whether two answers to the same are tries of one turn, not two chats that began alike.

    They are where the request says so or is the same, where no event tells of one of them (it was edited by
    hand), or where a known user got both within half an hour.
    """
    if not one.replies or not other.replies:
        return True
    first, second = sorted((one.replies[0], other.replies[0]), key=lambda event: event.at)
    if second.mode in {"regenerate", "continue"} or first.reply.request_id == second.reply.request_id != "":
        return True
    return first.user.id is not None and second.at - first.at <= _AGAIN_WITHIN


def _first_id(node: Node, replaced: Mapping[int, list[Node]]) -> str | None:
    tries = sorted((node, *replaced.get(node.number, ())), key=lambda each: each.number)
    return next(
        (event.reply.id for each in tries for event in each.replies if event.reply.finish_reason != GREETING),
        None,
    )


def _dialogue(ending: _Ending, verdicts: Verdicts, casting: Casting, source: str) -> Dialogue:
    path = ending.leaf.path()
    event = next(event for node in reversed(path) for event in node.replies)
    cast = casting.of_card(event.character)
    chat_id = f"log-{ending.chat_id}"
    turns = (
        _turn(node, f"{chat_id}.{place}", ending.replaced, verdicts) for place, node in enumerate(path, 1)
    )
    return Dialogue(
        id=chat_id,
        character_id=cast.character_id,
        character=cast.character,
        user=event.user,
        scenario=event.scenario,
        messages=tuple(turns),
        source=source,
    )


def _turn(node: Node, plain_id: str, replaced: Mapping[int, list[Node]], verdicts: Verdicts) -> Turn:
    if node.said is None:
        raise ValueError("the root is no message")
    role, text = node.said
    speaker = node.speaker if role == "character" else ""
    event = node.replies[0] if node.replies else None
    again: tuple[Feedback, ...] = ("regenerate",) if event and event.mode != "continue" else ()
    gone = tuple(
        _discarded(other.said.text, old, verdicts, again)
        for other in replaced.get(node.number, ())
        for old in other.replies[:1]
        if other.said
    )
    if event is None:
        return Turn(id=plain_id, role=role, text=text, speaker=speaker, discarded=gone)
    return Turn(
        id=event.reply.id,
        role=role,
        text=text,
        speaker=speaker,
        model=None if event.reply.finish_reason == GREETING else event.reply.model,
        prompt_version=event.templates,
        finish_reason=event.reply.finish_reason,
        at=event.at,
        feedback=verdicts.get(event.reply.id, ()),
        discarded=gone,
    )


def _discarded(text: str, event: ReplyEvent, verdicts: Verdicts, again: tuple[Feedback, ...]) -> Discarded:
    """Return a replaced reply; one that was asked for again says so, one that was edited or continued not."""
    return Discarded(
        id=event.reply.id,
        text=text,
        model=event.reply.model,
        prompt_version=event.templates,
        finish_reason=event.reply.finish_reason,
        at=event.at,
        feedback=(*verdicts.get(event.reply.id, ()), *again),
    )
