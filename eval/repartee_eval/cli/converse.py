"""`repartee-eval converse`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import click
from pydantic import JsonValue

from repartee.domain.character import Character
from repartee_eval import wiring
from repartee_eval.cli.dialogue_files import default_folder
from repartee_eval.cli.single_options import SingleChosen, with_single_options
from repartee_eval.cli.single_run import leave_if_stopped, single_session
from repartee_eval.comparison import Plan
from repartee_eval.conversation import Chat, Conversed, chats_of
from repartee_eval.conversation import converse as play
from repartee_eval.decision import EXIT_CODES
from repartee_eval.dialogues.characters import characters_in, id_from
from repartee_eval.dialogues.jsonl import write_dialogues
from repartee_eval.dialogues.scenes import Scene, load_scenes
from repartee_eval.emulated_user import EmulatedUser, load_user_prompt
from repartee_eval.errors import EvalError
from repartee_eval.panel import Asking
from repartee_eval.policy import SHIPPED, load_policy
from repartee_eval.replies import Replier
from repartee_eval.run_session import Order
from repartee_eval.runs.manifest import sha256_of
from repartee_eval.seating import JudgeOptions, open_seats
from repartee_eval.settings import load_judge_settings
from repartee_eval.wiring import ModelAddress, open_replies


@click.command()
@click.argument("scenes", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--service",
    "services",
    multiple=True,
    required=True,
    help="A model that answers: NAME, http://host/v1#NAME or offline; once or twice.",
)
@click.option(
    "--user-model", help="Plays the user, named as a judge is. Default: the judge's model, else offline."
)
@click.option(
    "--turns", type=click.IntRange(1, 100), default=6, show_default=True, help="Messages of the user."
)
@click.option(
    "--repeats", type=click.IntRange(1, 100), default=1, show_default=True, help="Dialogues per scene."
)
@click.option("--temperature", type=click.FloatRange(0, 2), help="Of the replies. Default: as configured.")
@click.option("--attempt-seconds", type=click.FloatRange(1, 600), default=60.0, show_default=True)
@with_single_options
def converse(
    scenes: Path,
    services: tuple[str, ...],
    user_model: str | None,
    turns: int,
    repeats: int,
    temperature: float | None,
    attempt_seconds: float,
    chosen: SingleChosen,
) -> None:
    """Let a model play the user of SCENES against one or two services, and write the dialogues.

    They are marked as emulated everywhere. Exit status: 0 written, 30 the budget is spent, 130 stopped.
    """
    if len(services) > 2 or len(set(services)) < len(services):
        raise click.UsageError("--service: name one model, or two different ones")
    if chosen.judging.names:
        raise click.UsageError("--judge: nobody judges here; --user-model names who plays the user")
    played = load_scenes(scenes)
    characters = _characters(played)
    config: dict[str, JsonValue] = {
        "services": list(services),
        "user_model": user_model,
        "turns": turns,
        "repeats": repeats,
        "temperature": temperature,
    }
    data = {"scenes": sha256_of(scenes)}
    folder = chosen.out or default_folder("converse", [*data.values(), str(config), str(chosen.seed)])
    plan = Plan(Asking((), seed=chosen.seed))
    order = Order(folder, "converse", tuple(services), config, data, plan, load_policy(SHIPPED), ())
    found, user = asyncio.run(_played(order, played, characters, attempt_seconds, chosen))
    _end(folder, found, user)


async def _played(
    order: Order,
    scenes: Sequence[Scene],
    characters: Mapping[str, Character],
    attempt_seconds: float,
    chosen: SingleChosen,
) -> tuple[Conversed, str]:
    config, settings = order.config, load_judge_settings()
    named, warmth = config["user_model"], config["temperature"]
    async with AsyncExitStack() as stack:
        user = await stack.enter_async_context(_user(str(named) if named else None, chosen))
        services: list[Replier] = [
            await stack.enter_async_context(
                open_replies(
                    ModelAddress.parse(name),
                    attempt_seconds=attempt_seconds,
                    temperature=float(warmth) if isinstance(warmth, int | float) else None,
                    seed=chosen.seed,
                )
            )
            for name in order.models
        ]
        versions = {
            "user": user.name,
            "templates": services[0].templates,
            "user_prompt": user.prompt.fingerprint,
        }
        asked = replace(order, config={**config, **versions})
        session = await stack.enter_async_context(single_session(asked, chosen, settings))
        chats = chats_of(scenes, characters, services, int(str(config["repeats"])))
        return await play(session, chats, user, int(str(config["turns"])), chosen.seed), user.name


@asynccontextmanager
async def _user(named: str | None, chosen: SingleChosen) -> AsyncIterator[EmulatedUser]:
    """Open who plays the user: named and configured as a judge is."""
    options = JudgeOptions((named,) if named else (), seed=chosen.seed)
    async with open_seats(options, load_judge_settings(), chosen.prices) as seats:
        yield EmulatedUser(load_user_prompt(), seats[0].chat)


def _characters(scenes: Sequence[Scene]) -> dict[str, Character]:
    known = characters_in(wiring.characters_folder())
    found = {}
    for scene in scenes:
        try:
            found[scene.character] = known.get(scene.character)
        except EvalError as error:
            raise EvalError(f"scene {scene.id}: {error.message}") from None
    return found


def _end(folder: Path, found: Conversed, user: str) -> None:
    if found.summary is not None:
        leave_if_stopped(found.summary)
    files = [
        _write(folder / f"{side}-{id_from(name)}.jsonl", name, chats, user)
        for side, (name, chats) in zip("ab", found.chats.items(), strict=False)
    ]
    click.echo(f"The user was played by {user}: every dialogue is marked as emulated.")
    if len(files) == 2 and None not in files:
        click.echo(f"next: repartee-eval compare {files[0]} {files[1]}")
    sys.exit(0 if found.finished else EXIT_CODES["inconclusive"])


def _write(path: Path, name: str, chats: Sequence[Chat], user: str) -> Path | None:
    whole = [chat for chat in chats if any(turn.role == "user" for turn in chat.turns[:-1])]
    for reason in sorted({chat.broken for chat in chats if chat.broken}):
        count = sum(chat.broken == reason for chat in chats)
        click.echo(f"{name}: {count} of {len(chats)} dialogues broke off: {reason}", err=True)
    if not whole:
        click.echo(f"{name}: no dialogue has a reply", err=True)
        return None
    count = write_dialogues(path, (chat.dialogue(user) for chat in whole))
    click.echo(f"{name}: {count} dialogues: {path}")
    return path
