"""Emulated dialogues: a model plays the user, the service answers by its own reply path, turn by turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee_eval.dialogues.dialogue import Dialogue, Turn
from repartee_eval.dialogues.scenes import Scene
from repartee_eval.emulated_user import EmulatedUser
from repartee_eval.replies import Replier, ReplyJob, read_reply
from repartee_eval.run_session import Session
from repartee_eval.runs.store_reader import StoreReader
from repartee_eval.runs.summary import RunSummary


@dataclass(frozen=True, slots=True)
class Chat:
    """One dialogue as far as it has come. `broken`: what ended it before its last turn."""

    scene: Scene
    character: Character
    number: int
    service: Replier
    turns: tuple[Turn, ...] = ()
    broken: str = ""

    @property
    def id(self) -> str:
        """Unique among the dialogues of a service."""
        return f"{self.scene.id}.{self.number}"

    @property
    def messages(self) -> tuple[Message, ...]:
        """As the service takes them."""
        return tuple(turn.message for turn in self.turns)

    def said(self, turn: Turn) -> "Chat":
        """Return the chat with one more message."""
        return replace(self, turns=(*self.turns, turn))

    def next_id(self) -> str:
        """Return the id of the message that comes next."""
        return f"{self.id}.{len(self.turns) + 1}"

    def dialogue(self, user_model: str) -> Dialogue:
        """Return it as evaluation keeps it, marked as emulated. Last words without an answer are cut."""
        turns = self.turns[:-1] if self.turns and self.turns[-1].role == "user" else self.turns
        return Dialogue(
            id=self.id,
            character_id=self.scene.character,
            character=self.character,
            user=self.scene.user,
            scenario=self.scene.scenario,
            scenario_id=self.scene.id,
            messages=turns,
            source=f"converse with {user_model}",
            emulated=True,
        )


@dataclass(frozen=True, slots=True)
class Conversed:
    """All dialogues, by service, and how the last session ended."""

    chats: Mapping[str, tuple[Chat, ...]]
    summary: RunSummary | None

    @property
    def finished(self) -> bool:
        """Whether neither a person nor the budget ended it."""
        return self.summary is None or not (self.summary.stopped or self.summary.budget_spent)


def chats_of(
    scenes: Sequence[Scene],
    characters: Mapping[str, Character],
    services: Sequence[Replier],
    repeats: int,
) -> list[Chat]:
    """Return every chat before its first message, which is the card's greeting where it has one."""
    return [
        _greeted(Chat(scene, characters[scene.character], number, service))
        for service in services
        for scene in scenes
        for number in range(1, repeats + 1)
    ]


async def converse(
    session: Session, chats: Sequence[Chat], user: EmulatedUser, turns: int, seed: int
) -> Conversed:
    """Play `turns` messages of the user and their answers in every chat; what is kept is not asked again.

    A chat whose call fails ends there. All chats go on side by side, turn by turn.
    """
    summary: RunSummary | None = None
    for _ in range(turns):
        for speak in (_user_speaks, _character_speaks):
            chats, now = await speak(session, chats, user, seed)
            summary = now if summary is None else _together(summary, now)
            if summary.stopped or summary.budget_spent:
                return Conversed(_by_service(chats), summary)
    return Conversed(_by_service(chats), summary)


async def _user_speaks(
    session: Session, chats: Sequence[Chat], user: EmulatedUser, seed: int
) -> tuple[list[Chat], RunSummary]:
    jobs = {
        place: user.job(chat.scene, chat.character, chat.messages, seed + chat.number)
        for place, chat in enumerate(chats)
        if not chat.broken
    }
    summary = await session.send(jobs.values(), len(jobs))
    store = session.run.store
    heard = {place: user.read(job, store) for place, job in jobs.items()}
    return [
        _after_user(chat, heard[place]) if place in heard else chat for place, chat in enumerate(chats)
    ], summary


async def _character_speaks(
    session: Session, chats: Sequence[Chat], _user: EmulatedUser, seed: int
) -> tuple[list[Chat], RunSummary]:
    jobs = {
        place: ReplyJob(
            replace(chat.service, seed=seed + chat.number),
            chat.character,
            chat.scene.user,
            chat.scene.scenario,
            chat.messages,
        )
        for place, chat in enumerate(chats)
        if not chat.broken
    }
    summary = await session.send(jobs.values(), len(jobs))
    store = session.run.store
    return [
        _after_reply(chat, jobs[place], store) if place in jobs else chat for place, chat in enumerate(chats)
    ], summary


def _together(before: RunSummary, now: RunSummary) -> RunSummary:
    """Return what both steps did. `kept` of a later step were answered in an earlier session, too."""
    reasons = before.failed.keys() | now.failed.keys()
    return replace(
        now,
        answered=before.answered + now.answered,
        kept=before.kept + now.kept,
        duplicates=before.duplicates + now.duplicates,
        failed={reason: before.failed.get(reason, 0) + now.failed.get(reason, 0) for reason in reasons},
        calls=before.calls + now.calls,
        spent=before.spent + now.spent,
        before=before.before,
        seconds=before.seconds + now.seconds,
    )


def _greeted(chat: Chat) -> Chat:
    greetings = chat.character.greetings(chat.scene.user.name)
    if not greetings:
        return chat
    return chat.said(Turn(id=chat.next_id(), role="character", text=greetings[0], model="card"))


def _after_user(chat: Chat, text: str | None) -> Chat:
    if text is None:
        return replace(chat, broken="the user's model gave no message")
    return chat.said(Turn(id=chat.next_id(), role="user", text=text))


def _after_reply(chat: Chat, job: ReplyJob, store: StoreReader) -> Chat:
    kept = store.answer(job.key)
    if kept is None:
        failure = store.failure(job.key)
        return replace(chat, broken=f"no reply: {failure.reason if failure else 'not asked'}")
    reply = read_reply(kept.answer.raw)
    turn = Turn(
        id=chat.next_id(),
        role="character",
        text=reply.text,
        model=chat.service.address,
        prompt_version=chat.service.templates,
        finish_reason="length" if reply.truncated else "stop",
    )
    return chat.said(turn)


def _by_service(chats: Sequence[Chat]) -> dict[str, tuple[Chat, ...]]:
    names = dict.fromkeys(chat.service.address for chat in chats)
    return {name: tuple(chat for chat in chats if chat.service.address == name) for name in names}
