"""`repartee-eval export`."""

from pathlib import Path

import click

from repartee_eval.runs.exporting import (
    ANSWER_COLUMNS,
    SUFFIXES,
    VERDICT_COLUMNS,
    answer_records,
    export,
    verdict_records,
)
from repartee_eval.runs.folder import read_run


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--to",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help=f"The file to write; its suffix says the format: {', '.join(SUFFIXES)}.",
)
@click.option("--what", type=click.Choice(["verdicts", "answers"]), default="verdicts", show_default=True)
@click.option("--judge", help="Verdicts of this judge only. Default: of all.")
def export_run(run: Path, path: Path, what: str, judge: str | None) -> None:
    """Write the verdict rows of RUN, or its raw answers, to one file."""
    if path.suffix not in SUFFIXES:
        raise click.UsageError(f"--to: {path.name} must end in one of {', '.join(SUFFIXES)}")
    if judge and what == "answers":
        raise click.UsageError("--judge goes with --what verdicts")
    with read_run(run) as (manifest, store):
        if judge and manifest.judge(judge) is None:
            known = ", ".join(section.id for section in manifest.judges) or "none"
            raise click.UsageError(f"--judge: {judge} has not judged this run; judges: {known}")
        if what == "answers":
            count = export(answer_records(store), ANSWER_COLUMNS, path)
        else:
            count = export(verdict_records(store, judge), VERDICT_COLUMNS, path)
    click.echo(f"{count} {what} written to {path}", err=True)
