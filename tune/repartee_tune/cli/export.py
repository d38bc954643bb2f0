"""`repartee-tune export`: scored outputs become a task dataset."""

from pathlib import Path

import click

from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.user_hashes import withdrawn
from repartee_eval.preferences.writing import write_rows
from repartee_tune.data.dataset import guarded_items
from repartee_tune.data.task_rows import load_task, task_rows
from repartee_tune.errors import TuneError

_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("scored", nargs=-1, required=True, type=_file)
@click.option("--task", "task_name", required=True, help="summarization, classification, qa, or a YAML file.")
@click.option("--to", "out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--limit", type=click.IntRange(1), help="Rows at most, the best first. Default: all.")
@click.option("--minimum-score", type=click.FloatRange(0, 1), default=0.7, show_default=True)
@click.option("--golden", type=_file, multiple=True, help="Items that must not be in the rows; repeatable.")
@click.option("--without-users", type=_file, help="Ids or hashes of users who withdrew, one per line.")
def export(
    scored: tuple[Path, ...],
    task_name: str,
    out: Path,
    limit: int | None,
    minimum_score: float,
    golden: tuple[Path, ...],
    without_users: Path | None,
) -> None:
    """Write rows {"input", "output"} of SCORED lines (scores.jsonl), those above a minimum score.

    `repartee-tune data FILE --kind sft` makes a dataset of them.
    """
    funnel = Funnel()
    gone = withdrawn(without_users)
    rows = task_rows(scored, load_task(task_name), minimum_score, limit, funnel, gone, guarded_items(golden))
    if not rows:
        raise TuneError(f"no row is left: {funnel.summary()}")
    new = out.with_name(f".{out.name}.new")
    count = write_rows(new, (row.columns() for row in rows))
    new.replace(out)
    click.echo("\n".join(funnel.lines()))
    click.echo(f"{count} rows written to {out}")
