"""The service's event log, one file or a folder of them: replies and feedback become dialogues."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.strict_json import as_object, read_json
from repartee.domain.dialogue import Message
from repartee_eval.dialogues.bad_lines import BadLines
from repartee_eval.dialogues.dialogue import Dialogue, Feedback
from repartee_eval.dialogues.importing.casting import Casting
from repartee_eval.dialogues.importing.logged_reply import FeedbackEvent, ReplyEvent, read_event
from repartee_eval.dialogues.importing.stitching import stitched
from repartee_eval.dialogues.jsonl import numbered_lines

SOURCE = "events"


@dataclass(slots=True)
class EventLog:
    """What was read of an event log. Requests repeat the history: what is equal is kept once."""

    replies: dict[str, ReplyEvent] = field(default_factory=dict)
    verdicts: dict[str, tuple[Feedback, ...]] = field(default_factory=lambda: defaultdict(tuple))
    duplicates: int = 0
    not_replies: int = 0
    _messages: dict[Message, Message] = field(default_factory=dict)
    _cards: dict[bytes, dict[str, Any]] = field(default_factory=dict)

    def add(self, event: ReplyEvent | FeedbackEvent) -> None:
        """Take an event in. What a model wrote for the user, and empty replies, are no replies to judge."""
        if isinstance(event, FeedbackEvent):
            told = self.verdicts[event.reply_id]
            self.verdicts[event.reply_id] = (*told, *({event.verdict} - set(told)))
        elif event.mode == "impersonate" or not event.reply.text.strip():
            self.not_replies += 1
        elif event.reply.id in self.replies:
            self.duplicates += 1
        else:
            self.replies[event.reply.id] = self._compact(event)

    def knows_card_of(self, event: ReplyEvent) -> bool:
        """Whether an earlier reply had the same card."""
        return event.character is None or event.card_hash in self._cards

    def dialogues(self, casting: Casting) -> Iterator[Dialogue]:
        """Yield the chats. Raises ChatError for a card that cannot be read."""
        return stitched(self.replies.values(), self.verdicts, casting, SOURCE)

    def _compact(self, event: ReplyEvent) -> ReplyEvent:
        messages = tuple(self._messages.setdefault(message, message) for message in event.messages)
        card = event.character
        if card is not None:
            card = self._cards.setdefault(event.card_hash, card)
        return event.model_copy(update={"messages": messages, "character": card})


def read_event_log(paths: Iterable[Path], casting: Casting, bad: BadLines) -> EventLog:
    """Return the events of files. A last line that a killed process tore is left out, as the log says."""
    log = EventLog()
    for path in paths:
        for number, text in numbered_lines(path, bad):
            try:
                fields = as_object(read_json(text.strip()))
                if fields.get("type") == "shadow":  # no user has seen it
                    log.not_replies += 1
                    continue
                event = read_event(fields)
                if isinstance(event, ReplyEvent) and not log.knows_card_of(event):
                    casting.of_card(event.character)
            except ChatError as error:
                if text.endswith("\n"):
                    bad.add(str(path), number, error.message)
                continue
            log.add(event)
    return log
