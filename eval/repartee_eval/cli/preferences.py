"""`repartee-eval preferences`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from repartee_eval.errors import EvalError
from repartee_eval.preferences.composer import open_composer
from repartee_eval.preferences.example import Example
from repartee_eval.preferences.filters import Caps, Rules, chosen_longer, length_balanced, selected
from repartee_eval.preferences.formats import guarded
from repartee_eval.preferences.from_run import Selection, examples_of, read_judged
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.golden import load_golden, refuse_leaks
from repartee_eval.preferences.logged_prompts import logged_replies
from repartee_eval.preferences.partition import By, Partition, partitioned
from repartee_eval.preferences.reply_records import load_records
from repartee_eval.preferences.writing import counts_of, write_preferences

_file = click.Path(path_type=Path, exists=True, dir_okay=False)
_share = click.FloatRange(0, 1, min_open=True, max_open=True)
_cap = click.IntRange(1)


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--to", "out", type=click.Path(path_type=Path), required=True, help="A new folder.")
@click.option(
    "--events",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="Event log: prompts are taken from it as they were sent.",
)
@click.option("--judge", "judges", multiple=True, help="Count verdicts of this judge only; repeatable.")
@click.option("--criterion", "criteria", multiple=True, help="Count this criterion only; repeatable.")
@click.option(
    "--least",
    type=click.FloatRange(0.5, 1),
    default=0.7,
    show_default=True,
    help="Mean P(win) over judges and criteria that a winner needs.",
)
@click.option("--scores", type=_file, multiple=True, help="scores.jsonl of `score`.")
@click.option("--flags", type=_file, multiple=True, help="flags.jsonl of `moderate`.")
@click.option("--minimum-score", type=click.FloatRange(0, 1), default=0.7, show_default=True)
@click.option(
    "--balance-length",
    is_flag=True,
    help="45 to 55 % of pairs have the longer reply chosen; none is twice as long as the other.",
)
@click.option("--most-per-dialogue", type=_cap, default=10, show_default=True)
@click.option("--most-per-user", type=_cap, default=50, show_default=True)
@click.option("--most-per-character", type=_cap, help="Default: any number.")
@click.option(
    "--split",
    "by",
    type=click.Choice(["character", "dialogue"]),
    default="character",
    show_default=True,
    help="What train and eval may not have in common, beside dialogues.",
)
@click.option("--eval-share", type=_share, default=0.1, show_default=True)
@click.option("--hold-out", multiple=True, help="A character to evaluate on only; repeatable.")
@click.option("--golden", type=_file, multiple=True, help="Items that must not be in the rows; repeatable.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "in_json", is_flag=True, help="Print the funnel and the counts as JSON.")
def preferences(
    run: Path,
    out: Path,
    events: tuple[Path, ...],
    judges: tuple[str, ...],
    criteria: tuple[str, ...],
    least: float,
    scores: tuple[Path, ...],
    flags: tuple[Path, ...],
    minimum_score: float,
    balance_length: bool,
    most_per_dialogue: int,
    most_per_user: int,
    most_per_character: int | None,
    by: By,
    eval_share: float,
    hold_out: tuple[str, ...],
    golden: tuple[Path, ...],
    seed: int,
    in_json: bool,
) -> None:
    """Write rows for DPO, KTO and SFT from the verdicts of RUN, and say what each filter removed."""
    selection = Selection(judges, criteria, least, load_records(scores, flags), logged_replies(events))
    rules = Rules(
        minimum_score=minimum_score,
        length_ratio=2.0 if balance_length else None,
        caps=Caps(most_per_dialogue, most_per_user, most_per_character),
        seed=seed,
    )
    funnel = Funnel()
    kept = selected(asyncio.run(_found(run, selection, funnel)), rules, funnel)
    refuse_leaks([guarded(one) for one in kept], load_golden(golden))
    try:
        parts = partitioned(kept, share=eval_share, by=by, held_out=hold_out, seed=seed)
    except EvalError as error:
        raise EvalError(f"{error.message} ({funnel.summary()})") from None
    if balance_length:
        parts = _balanced(parts, seed, funnel)
    said = {"run": run.resolve().name, "seed": seed, "funnel": funnel.as_json(), **_told(parts)}
    fresh = write_preferences(out, parts, said)
    if in_json:
        click.echo(json.dumps({**said, "rows": counts_of(parts)}, ensure_ascii=False, indent=2))
        return
    click.echo("\n".join(funnel.lines()))
    for kind, count in counts_of(parts).items():
        click.echo(f"{kind}: {count['train']} rows to train on, {count['eval']} to evaluate on")
    click.echo(f"{'written to' if fresh else 'nothing to do: all of it is in'} {out}")


async def _found(run: Path, selection: Selection, funnel: Funnel) -> list[Example]:
    judged = read_judged(run, selection)
    async with open_composer() as composer:
        return await examples_of(judged, selection, composer, funnel)


def _balanced(parts: Partition, seed: int, funnel: Funnel) -> Partition:
    """Balance each part by itself; an evaluation part that leans to one side stays as it is."""
    train = length_balanced(parts.train, seed)
    if train is None:
        raise EvalError(
            "--balance-length: in every pair to train on the chosen reply is on the same side in length: "
            "judge more cases, or leave it out"
        )
    evaluation = length_balanced(parts.evaluation, seed)
    after = Partition(
        tuple(train), parts.evaluation if evaluation is None else tuple(evaluation), parts.groups
    )
    before = (*parts.train, *parts.evaluation)
    funnel.keep("length_balance", before, (*after.train, *after.evaluation))
    return after


def _told(parts: Partition) -> dict[str, Any]:
    examples = (*parts.train, *parts.evaluation)
    return {
        "groups": parts.groups,
        "chosen_longer": chosen_longer(parts.train),
        "prompts": {
            kind: sum(one.prompt_from == kind for one in examples) for kind in ("logged", "composed")
        },
        "users": sorted({one.user for one in examples if one.user}),
    }
