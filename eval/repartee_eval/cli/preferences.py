"""`repartee-eval preferences`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from repartee_eval.cli.row_options import RowChoice, with_row_options
from repartee_eval.errors import EvalError
from repartee_eval.preferences.balance import chosen_longer, length_balanced
from repartee_eval.preferences.composer import open_composer
from repartee_eval.preferences.example import Example
from repartee_eval.preferences.filters import selected
from repartee_eval.preferences.formats import guarded
from repartee_eval.preferences.from_run import Selection, examples_of, read_judged
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.golden import load_golden, refuse_leaks, says_golden
from repartee_eval.preferences.logged_prompts import logged_replies
from repartee_eval.preferences.partition import Partition, partitioned
from repartee_eval.preferences.reply_records import load_records
from repartee_eval.preferences.writing import counts_of, write_preferences


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
@with_row_options
@click.option("--json", "in_json", is_flag=True, help="Print the funnel and the counts as JSON.")
def preferences(
    run: Path,
    out: Path,
    events: tuple[Path, ...],
    judges: tuple[str, ...],
    criteria: tuple[str, ...],
    rows: RowChoice,
    in_json: bool,
) -> None:
    """Write rows for DPO, KTO and SFT from the verdicts of RUN, and say what each filter removed."""
    selection = Selection(
        judges, criteria, rows.least, load_records(rows.scores, rows.flags), logged_replies(events)
    )
    funnel = Funnel()
    kept = selected(asyncio.run(_found(run, selection, funnel)), rows.rules(), funnel)
    items = load_golden(rows.golden)
    is_golden = says_golden(items)
    kept = funnel.keep("golden_item", kept, [one for one in kept if not is_golden(guarded(one))])
    refuse_leaks([guarded(one) for one in kept], items)
    try:
        parts = partitioned(kept, share=rows.eval_share, by=rows.by, held_out=rows.hold_out, seed=rows.seed)
    except EvalError as error:
        raise EvalError(f"{error.message} ({funnel.summary()})") from None
    if rows.balance_length:
        parts = _balanced(parts, rows.seed, funnel)
    said = {"run": run.resolve().name, "seed": rows.seed, "funnel": funnel.as_json(), **_told(parts)}
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
