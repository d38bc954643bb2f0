"""`repartee-eval rollout`."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import click
from pydantic import JsonValue

from repartee_eval.cases import Depth
from repartee_eval.cli.dialogue_files import default_folder, loaded
from repartee_eval.cli.ending import end
from repartee_eval.cli.run_options import Chosen, with_run_options
from repartee_eval.dialogues.replay import DEPTHS, ReplaySlot, replay_cases
from repartee_eval.dialogues.windows import model_of
from repartee_eval.errors import EvalError
from repartee_eval.rollout import replay
from repartee_eval.run_session import Ended, Limits, Order, open_session
from repartee_eval.runs.manifest import sha256_of
from repartee_eval.runs.progress import shown_progress
from repartee_eval.seating import open_seats
from repartee_eval.settings import load_judge_settings
from repartee_eval.wiring import ModelAddress, open_replies

_LOGGED: Final = "logged"


@click.command()
@click.argument("dialogues", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--candidate", required=True, help="The new model: NAME, http://host/v1#NAME, or offline.")
@click.option("--baseline", help="The old model. Default: the replies that were logged.")
@click.option(
    "--depth",
    "depths",
    type=click.Choice(DEPTHS),
    multiple=True,
    help="Where replies are taken away; repeatable. Default: all three.",
)
@click.option("--per-depth", type=click.IntRange(1, 50), default=1, show_default=True)
@click.option("--temperature", type=click.FloatRange(0, 2), help="Of the replies. Default: as configured.")
@click.option("--attempt-seconds", type=click.FloatRange(1, 600), default=60.0, show_default=True)
@click.option("--skip-bad", is_flag=True, help="Leave out lines that cannot be used.")
@with_run_options
def rollout(
    dialogues: Path,
    candidate: str,
    baseline: str | None,
    depths: tuple[Depth, ...],
    per_depth: int,
    temperature: float | None,
    attempt_seconds: float,
    skip_bad: bool,
    chosen: Chosen,
) -> None:
    """Shall the candidate ship? Its replies in logged DIALOGUES are judged against the old ones.

    Exit status: 0 ship, 10 hold, 20 a floor is breached, 30 inconclusive, 130 stopped, 1 an error.
    """
    slots = replay_cases(loaded(dialogues, skip_bad), depths or DEPTHS, per_depth=per_depth, seed=chosen.seed)
    if not slots:
        raise EvalError(f"{dialogues}: no reply follows a message of the user, so that none can be replayed")
    config: dict[str, JsonValue] = {
        "candidate": candidate,
        "baseline": baseline or _LOGGED,
        "depths": list(depths or DEPTHS),
        "per_depth": per_depth,
        "temperature": temperature,
    }
    data = {"dialogues": sha256_of(dialogues)}
    folder = chosen.out or default_folder("rollout", [*data.values(), str(config), str(chosen.seed)])
    ended = asyncio.run(_judged(folder, slots, config, data, chosen, attempt_seconds))
    end(folder, ended, junit=chosen.junit, in_json=chosen.in_json)


async def _judged(
    folder: Path,
    slots: Sequence[ReplaySlot],
    config: dict[str, JsonValue],
    data: dict[str, str],
    chosen: Chosen,
    attempt_seconds: float,
) -> Ended:
    settings = load_judge_settings()
    temperature = config["temperature"]
    async with AsyncExitStack() as stack:
        seats = await stack.enter_async_context(open_seats(chosen.judging, settings, chosen.prices))
        models = [
            await stack.enter_async_context(
                open_replies(
                    ModelAddress.parse(str(config[name])),
                    attempt_seconds=attempt_seconds,
                    temperature=float(temperature) if isinstance(temperature, int | float) else None,
                    seed=chosen.seed,
                )
            )
            for name in ("candidate", "baseline")
            if config[name] != _LOGGED
        ]
        new, old = models[0], models[1] if len(models) > 1 else None
        names = (old.address if old else _logged_name(slots, new.address), new.address)
        order = Order(
            folder=folder,
            command="rollout",
            models=names,
            config={**config, "templates": new.templates},
            data=data,
            plan=chosen.plan,
            policy=chosen.policy,
            seats=seats,
            limits=Limits(
                chosen.budget,
                chosen.in_flight or settings.max_in_flight,
                stack.enter_context(shown_progress()),
            ),
            rejudge=chosen.rejudge,
        )
        session = await stack.enter_async_context(open_session(order))
        replayed = await replay(session, [_renamed(slot, names[0]) for slot in slots], new, old)
        if replayed.summary.stopped or replayed.summary.budget_spent or not replayed.cases:
            if not replayed.cases and not replayed.summary.stopped:
                raise EvalError(f"no reply was made: {', '.join(replayed.summary.lines())}")
            return Ended(replayed.summary, "")
        click.echo(f"{len(replayed.cases)} replies, {replayed.unanswered} without an answer", err=True)
        return await session.judge(replayed.cases, replies=len(slots), unanswered=replayed.unanswered)


def _logged_name(slots: Sequence[ReplaySlot], candidate: str) -> str:
    """Name the logged side by the one model that wrote it; otherwise it is called `logged`."""
    name = model_of(slot.turn for slot in slots)
    return _LOGGED if name in {candidate, "mixed", "unknown"} else name


def _renamed(slot: ReplaySlot, name: str) -> ReplaySlot:
    """Give the logged replies the one name that the comparison has for them."""
    turns = tuple(
        turn.model_copy(update={"model": name}) if place == slot.index else turn
        for place, turn in enumerate(slot.dialogue.messages)
    )
    return ReplaySlot(slot.dialogue.model_copy(update={"messages": turns}), slot.index, slot.depth)
