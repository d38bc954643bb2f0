"""`repartee-eval compare`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from repartee_eval.cases import Case
from repartee_eval.cli.dialogue_files import default_folder, loaded
from repartee_eval.cli.ending import end
from repartee_eval.cli.run_options import Chosen, with_run_options
from repartee_eval.dialogues.case_ids import with_id
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.windows import PairedWindows, model_of, window_cases
from repartee_eval.errors import EvalError
from repartee_eval.run_session import Ended, Limits, Order, open_session
from repartee_eval.runs.manifest import sha256_of
from repartee_eval.runs.progress import shown_progress
from repartee_eval.seating import open_seats
from repartee_eval.settings import load_judge_settings

_dialogues = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@click.argument("old", metavar="A.jsonl", type=_dialogues)
@click.argument("new", metavar="B.jsonl", type=_dialogues)
@click.option("--name-a", help="What to call A. Default: the model of its replies.")
@click.option("--name-b", help="What to call B. Default: the model of its replies.")
@click.option("--window", type=click.IntRange(2, 200), default=20, show_default=True, help="Messages.")
@click.option("--focus", type=click.IntRange(1, 100), default=5, show_default=True, help="Turns judged.")
@click.option("--skip-bad", is_flag=True, help="Leave out lines that cannot be used.")
@with_run_options
def compare(
    old: Path,
    new: Path,
    name_a: str | None,
    name_b: str | None,
    window: int,
    focus: int,
    skip_bad: bool,
    chosen: Chosen,
) -> None:
    """Judge the dialogues of B against those of A: did the change help, and may B stay?

    Exit status: 0 ship, 10 hold, 20 a floor is breached, 30 inconclusive, 130 stopped, 1 an error.
    """
    sets = [loaded(path, skip_bad) for path in (old, new)]
    models = _names((name_a, name_b), sets, (old, new))
    paired = window_cases(sets[0], sets[1], window, focus, chosen.seed)
    _tell(paired)
    cases = [_named(case, *models) for case in paired.cases]
    config = {"window": window, "focus": focus}
    data = {"a": sha256_of(old), "b": sha256_of(new)}
    folder = chosen.out or default_folder("compare", [*data.values(), *models, str(config), str(chosen.seed)])
    end(
        folder,
        asyncio.run(_judged(folder, models, config, data, cases, chosen)),
        junit=chosen.junit,
        in_json=chosen.in_json,
    )


async def _judged(
    folder: Path,
    models: tuple[str, str],
    config: dict[str, int],
    data: dict[str, str],
    cases: Sequence[Case],
    chosen: Chosen,
) -> Ended:
    settings = load_judge_settings()
    async with open_seats(chosen.judging, settings, chosen.prices) as seats:
        with shown_progress() as progress:
            order = Order(
                folder=folder,
                command="compare",
                models=models,
                config=dict(config),
                data=data,
                plan=chosen.plan,
                policy=chosen.policy,
                seats=seats,
                limits=Limits(chosen.budget, chosen.in_flight or settings.max_in_flight, progress),
                rejudge=chosen.rejudge,
            )
            async with open_session(order) as session:
                return await session.judge(cases)


def _names(
    given: tuple[str | None, str | None], sets: Sequence[Sequence[Dialogue]], files: tuple[Path, Path]
) -> tuple[str, str]:
    """Name each side by its option, its one model, or its file; the two names differ."""
    replies = [
        [turn for dialogue in dialogues for turn in dialogue.messages if turn.role == "character"]
        for dialogues in sets
    ]
    names = [option or model_of(turns) for option, turns in zip(given, replies, strict=True)]
    if names[0] == names[1]:
        names = [option or file.stem for option, file in zip(given, files, strict=True)]
    if names[0] == names[1]:
        raise EvalError(f"both sides are called {names[0]}: give --name-a and --name-b")
    return names[0], names[1]


def _named(case: Case, model_a: str, model_b: str) -> Case:
    return with_id(
        case.model_copy(
            update={
                "a": case.a.model_copy(update={"model": model_a}),
                "b": case.b.model_copy(update={"model": model_b}),
            }
        )
    )


def _tell(paired: PairedWindows) -> None:
    if not paired.cases:
        raise EvalError(
            "no dialogue of A has a character and scenario in common with one of B: "
            f"only A has {', '.join(paired.scenes_of_a_only) or 'none'}; "
            f"only B has {', '.join(paired.scenes_of_b_only) or 'none'}"
        )
    click.echo(
        f"{len(paired.cases)} windows of {paired.paired_dialogues} pairs of dialogues; without a partner: "
        f"{paired.unpaired_dialogues_a} dialogues and {paired.unpaired_windows_a} windows of A, "
        f"{paired.unpaired_dialogues_b} and {paired.unpaired_windows_b} of B",
        err=True,
    )
    if paired.changed_cards:
        click.echo(f"the card differs between A and B: {', '.join(paired.changed_cards)}", err=True)
