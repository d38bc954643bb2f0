"""Should a model ship? Replies of logged dialogues written again, to be judged against the logged ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from repartee.domain.dialogue import Message
from repartee_eval.cases import Case, Side
from repartee_eval.dialogues.replay import ReplaySlot
from repartee_eval.replies import Replier, ReplyJob, read_reply
from repartee_eval.run_session import Session
from repartee_eval.runs.store_reader import StoreReader
from repartee_eval.runs.summary import RunSummary


@dataclass(frozen=True, slots=True)
class Replayed:
    """The cases whose replies were made. `unanswered` slots have none: the model failed there."""

    cases: tuple[Case, ...]
    unanswered: int
    summary: RunSummary


async def replay(
    session: Session, slots: Sequence[ReplaySlot], candidate: Replier, baseline: Replier | None
) -> Replayed:
    """Make the replies that are not there yet, and return the cases; without a baseline A is what was logged.

    Both sides answer the same history. A case needs both replies; one that failed leaves no case and is told.
    """
    models = [candidate, *([baseline] if baseline else [])]
    jobs = [reply_job(slot, model) for slot in slots for model in models]
    summary = await session.send(jobs, len(jobs))
    found = [_case(slot, candidate, baseline, session.run.store) for slot in slots]
    cases = tuple(case for case in found if case is not None)
    return Replayed(cases, len(slots) - len(cases), summary)


def reply_job(slot: ReplaySlot, model: Replier) -> ReplyJob:
    """Return the call that answers the slot's history."""
    dialogue = slot.dialogue
    return ReplyJob(model, dialogue.character, dialogue.user, dialogue.scenario, slot.history)


def _case(slot: ReplaySlot, candidate: Replier, baseline: Replier | None, store: StoreReader) -> Case | None:
    new = _side(slot, candidate, store)
    old = _side(slot, baseline, store) if baseline else slot.logged
    return slot.case(new, old) if new and old else None


def _side(slot: ReplaySlot, model: Replier, store: StoreReader) -> Side | None:
    kept = store.answer(reply_job(slot, model).key)
    if kept is None:
        return None
    reply = read_reply(kept.answer.raw)
    return Side(
        model=model.address,
        messages=(Message(role="character", text=reply.text),),
        dialogue_id=slot.dialogue.id,
        emulated=slot.dialogue.emulated,
        truncated=reply.truncated,
        prompt_version=model.templates,
    )
