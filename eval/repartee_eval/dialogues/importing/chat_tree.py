"""The chats of one user with one character, as a tree: what was said first is nearest to the root.

Every request brings the history along, so that a reply hangs below what it answers. Where one history was
answered or continued in two ways, the tree forks.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from repartee.domain.chat_files.lines import Said
from repartee.domain.dialogue import Message
from repartee_eval.dialogues.importing.logged_reply import ReplyEvent


@dataclass(eq=False, slots=True)
class Node:
    """A message, what was said after it, and the events that it came from (none: known from a history)."""

    said: Said | None
    parent: "Node | None"
    number: int
    children: dict[Said, "Node"] = field(default_factory=dict)
    replies: list[ReplyEvent] = field(default_factory=list)
    speaker: str = ""

    def path(self) -> list["Node"]:
        """Return the messages from the first of the chat to this one."""
        found: list[Node] = []
        node: Node | None = self
        while node is not None and node.said is not None:
            found.append(node)
            node = node.parent
        return found[::-1]


class ChatTree:
    """Grows by one reply at a time, in the order of time."""

    def __init__(self) -> None:
        self.root = Node(None, None, 0)
        self._size = 1
        self._continued: list[tuple[Node, str, ReplyEvent]] = []
        self._exchanges: dict[tuple[Said, Said], list[Node]] = defaultdict(list)

    def grow(self, event: ReplyEvent) -> None:
        """Hang a reply below the history that it answers."""
        history = [Said(message.role, message.text) for message in event.messages]
        if event.mode == "continue" and history:
            before = history.pop().text
            self._continued.append((self._end_of(history), before, event))
            return
        node = self._end_of(history)
        if event.cast:
            _name_speakers(node, event.messages[: len(history)])
        self._reply(node, event.reply.text, event)

    def settle(self) -> None:
        """Put messages that were continued together, once all histories are known.

        A client joins the two parts as it likes: what a later history says is right.
        """
        for node, before, event in self._continued:
            later = (said.text for said in node.children if said.role == "character")
            joined = next((text for text in later if _is_joined(text, before, event.reply.text)), None)
            self._reply(node, joined or f"{before.rstrip()} {event.reply.text.lstrip()}", event)
        self._continued.clear()

    def _reply(self, node: Node, text: str, event: ReplyEvent) -> None:
        leaf = self._below(node, Said("character", text))
        leaf.replies.append(event)
        leaf.speaker = event.reply.speaker.name if event.reply.speaker else leaf.speaker
        if node.said is not None and leaf.said is not None and len(leaf.replies) == 1:
            self._exchanges[node.said, leaf.said].append(leaf)

    def _end_of(self, history: Sequence[Said]) -> Node:
        node, known = self._found(history)
        for said in history[known:]:
            node = self._below(node, said)
        return node

    def _found(self, history: Sequence[Said]) -> tuple[Node, int]:
        """Return where to go on, and how many messages are known to be there.

        A history that begins with nothing known may be the end of one: clients send the last messages only
        when a chat grows long. It is recognised by a logged exchange that all of it before leads to.
        """
        if not history or history[0] in self.root.children:
            return self.root, 0
        for last in range(len(history) - 1, 0, -1):
            for leaf in reversed(self._exchanges.get((history[last - 1], history[last]), ())):
                if _ends_with(leaf, history[: last + 1]):
                    return leaf, last + 1
        return self.root, 0

    def _below(self, node: Node, said: Said) -> Node:
        if said not in node.children:
            node.children[said] = Node(said, node, self._size)
            self._size += 1
        return node.children[said]


def _is_joined(text: str, before: str, added: str) -> bool:
    start, end = before.rstrip(), added.strip()
    return text.startswith(start) and text[len(start) :].strip() == end


def _name_speakers(node: Node, messages: Sequence[Message]) -> None:
    for known, message in zip(reversed(node.path()), reversed(messages), strict=False):
        known.speaker = known.speaker or message.speaker or ""


def _ends_with(leaf: Node, history: Sequence[Said]) -> bool:
    return all(node.said == said for node, said in zip(_upwards(leaf), reversed(history), strict=False)) and (
        len(history) <= sum(1 for _ in _upwards(leaf))
    )


def _upwards(leaf: Node) -> Iterator[Node]:
    node: Node | None = leaf
    while node is not None and node.said is not None:
        yield node
        node = node.parent
