"""The gate's own evaluation run: both models answer logged dialogues, and the judges compare the replies.

The run's folder stands in the gate's folder and is one of `repartee_eval`: what was answered is kept there,
so that a gate that was broken off goes on where it stopped, and `repartee-eval report` reads it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson
from pydantic import JsonValue

from repartee.domain.dialogue import Message
from repartee_eval.cases import Case, Side
from repartee_eval.comparison import Plan
from repartee_eval.dialogues.replay import ReplaySlot
from repartee_eval.policy import Policy as Rule
from repartee_eval.preferences.composer import Composer, Scene, open_composer
from repartee_eval.preferences.example import PromptTurn
from repartee_eval.prices import Prices
from repartee_eval.replies import read_reply
from repartee_eval.run_result import RunResult, read_result
from repartee_eval.run_session import Limits, Order, Session, open_session
from repartee_eval.runs.progress import shown_progress
from repartee_eval.runs.store_reader import StoreReader
from repartee_eval.seating import JudgeOptions, open_seats
from repartee_eval.settings import JudgeSettings
from repartee_tune.errors import TuneError
from repartee_tune.gates.reply_job import Contestant, GateReplyJob

_VOLATILE: Final = {"created", "git_revision", "versions"}


class JudgingStopped(TuneError):
    """A person stopped the run; the same command goes on."""


class NotJudged(TuneError):
    """There is nothing to compare yet; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Judging:
    """What is asked of whom.

    `data` are SHA-256 by file; `at_once` is how many replies a model writes at a time.
    """

    folder: Path
    slots: Sequence[ReplaySlot]
    data: Mapping[str, str]
    plan: Plan
    rule: Rule
    judges: JudgeOptions
    settings: JudgeSettings
    prices: Prices
    limits: Limits
    at_once: int


async def judge_models(asked: Judging, candidate: Contestant, champion: Contestant) -> RunResult:
    """Make the calls that have no answer yet, and return what they say; A is the champion, B the candidate.

    Raises NotJudged where there is nothing to compare, EvalError, ConfigurationError, and after Ctrl-C
    JudgingStopped.
    """
    if candidate.name == champion.name:
        raise TuneError(f"both models are called {candidate.name}: give --candidate-name or --champion-name")
    async with _opened(asked) as (bare, composer):
        order = _between(bare, asked.folder, composer.templates, candidate, champion)
        prompts = [await _prompt(composer, slot) for slot in asked.slots]
        cases = await _replies(order, asked, prompts, candidate, champion)
        async with open_session(order) as session:
            ended = await session.judge(
                cases, replies=len(asked.slots), unanswered=len(asked.slots) - len(cases)
            )
    if ended.summary.stopped:
        raise JudgingStopped(f"stopped: the same command goes on with {order.folder}")
    return read_result(order.folder, policy=asked.rule)


@asynccontextmanager
async def _opened(asked: Judging) -> AsyncIterator[tuple[Order, Composer]]:
    async with AsyncExitStack() as stack:
        seats = await stack.enter_async_context(open_seats(asked.judges, asked.settings, asked.prices))
        composer = await stack.enter_async_context(open_composer())
        order = Order(
            folder=asked.folder,
            command="gate",
            models=(),
            config={},
            data=asked.data,
            plan=asked.plan,
            policy=asked.rule,
            seats=seats,
            limits=replace(asked.limits, on_progress=stack.enter_context(shown_progress())),
        )
        yield order, composer


async def _replies(
    order: Order,
    asked: Judging,
    prompts: Sequence[tuple[PromptTurn, ...] | None],
    candidate: Contestant,
    champion: Contestant,
) -> list[Case]:
    """Let both models answer what they have not answered yet; a case needs both replies."""
    slower = replace(order, limits=replace(order.limits, in_flight=asked.at_once))
    async with open_session(slower) as session:
        jobs = [
            GateReplyJob(model, prompt) for prompt in prompts if prompt for model in (champion, candidate)
        ]
        failed = await _sent(session, jobs, order)
        store = session.run.store
        sides = [
            (slot, _side(slot, champion, prompt, store), _side(slot, candidate, prompt, store))
            for slot, prompt in zip(asked.slots, prompts, strict=True)
            if prompt
        ]
    cases = [slot.case(new, old) for slot, old, new in sides if old and new]
    if not cases:
        raise NotJudged(
            f"no dialogue was answered by both models ({failed or 'no prompt could be composed'})"
        )
    return cases


async def _sent(session: Session, jobs: Sequence[GateReplyJob], order: Order) -> str:
    """Return why calls failed, such as `refused 12`."""
    summary = await session.send(jobs, len(jobs))
    if summary.stopped:
        raise JudgingStopped(f"stopped: the same command goes on with {order.folder}")
    if summary.budget_spent:
        raise NotJudged("the budget was spent on replies: repeat the command with a higher one to go on")
    return ", ".join(f"{reason} {count}" for reason, count in sorted(summary.failed.items()))


def _side(
    slot: ReplaySlot, model: Contestant, prompt: tuple[PromptTurn, ...], store: StoreReader
) -> Side | None:
    kept = store.answer(GateReplyJob(model, prompt).key)
    if kept is None:
        return None
    reply = read_reply(kept.answer.raw)
    return Side(
        model=model.name,
        messages=(Message(role="character", text=reply.text),),
        dialogue_id=slot.dialogue.id,
        emulated=slot.dialogue.emulated,
        truncated=reply.truncated,
    )


async def _prompt(composer: Composer, slot: ReplaySlot) -> tuple[PromptTurn, ...] | None:
    """Return what the service would send; None where it would refuse the dialogue."""
    one = slot.dialogue
    return await composer.prompt(Scene(one.character, one.user, one.scenario, slot.history))


def _between(bare: Order, folder: Path, templates: str, candidate: Contestant, champion: Contestant) -> Order:
    """Return the order with its models, and the folder that follows from all that is asked."""
    config: dict[str, JsonValue] = {
        "candidate": dict(candidate.identity),
        "champion": dict(champion.identity),
        "templates": templates,
    }
    order = replace(bare, models=(champion.name, candidate.name), config=config)
    return replace(order, folder=folder / f"pairwise-{_digest(order)}")


def _digest(order: Order) -> str:
    """Return twelve digits of all that is asked: something else is another run, the same goes on."""
    said = order.manifest().model_dump(mode="json", exclude=_VOLATILE)
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
