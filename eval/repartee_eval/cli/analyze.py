"""`repartee-eval analyze`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.cells import cell_len, set_cell_size

from repartee_eval.reports.tables import Table
from repartee_eval.verdict_files import read_labels, read_verdicts

if TYPE_CHECKING:
    from repartee_eval.analysis.options import ClusterBy, ScoreBy

_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("verdicts", type=_file)
@click.option("--labels", type=_file, help="Labels of people: item,criterion,annotator,label.")
@click.option(
    "--margin", type=click.FloatRange(0, 0.5, min_open=True, max_open=True), default=0.05, show_default=True
)
@click.option(
    "--level",
    type=click.FloatRange(0.5, 1, max_open=True),
    default=0.95,
    show_default=True,
    help="Of intervals.",
)
@click.option(
    "--cluster",
    type=click.Choice(["dialogue", "character"]),
    default="dialogue",
    show_default=True,
    help="What is independent: the column cluster, or the column character.",
)
@click.option(
    "--score",
    type=click.Choice(["auto", "verdict", "probability"]),
    default="auto",
    show_default=True,
    help="Win rates from verdicts, or from p_b. auto: from p_b where there are no verdicts.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--resamples",
    type=click.IntRange(0, 100_000),
    default=1_000,
    show_default=True,
    help="For the places in the ranking; 0 leaves them out.",
)
@click.option("--json", "in_json", is_flag=True, help="Print JSON instead of tables.")
def analyze(
    verdicts: Path,
    labels: Path | None,
    margin: float,
    level: float,
    cluster: "ClusterBy",
    score: "ScoreBy",
    seed: int,
    resamples: int,
    in_json: bool,
) -> None:
    """Compute win rates, rankings, judge quality and bias from VERDICTS, a CSV file (docs/verdicts.md)."""
    from repartee_eval.analysis import AnalysisOptions, analyse  # noqa: PLC0415 - seconds, only needed here
    from repartee_eval.reports import analysis as report  # noqa: PLC0415 - the same

    rows = read_verdicts(verdicts)
    people = read_labels(labels) if labels else None
    options = AnalysisOptions(margin, level, cluster, score, seed, resamples)
    if score == "auto" and rows.probabilities_only:
        options = replace(options, score="probability")
    found = analyse(rows.rows, people.rows if people else (), options)
    notes = (*rows.notes, *(people.notes if people else ()))
    if in_json:
        click.echo(report.as_json(found, notes), nl=False)
        return
    lines = report.summary(found)
    show(lines, report.tables(found), (*notes, *found.notes))


def show(lines: list[str], tables: list[Table], notes: tuple[str, ...] = ()) -> None:
    """Print lines, tables and notes. Tables keep their full width: they are read in files, too."""
    for line in lines:
        click.echo(_one_line(line))
    for table in tables:
        click.echo(f"\n{table.title}\n")
        rows = [tuple(map(_one_line, row)) for row in (table.header, *table.rows)]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        rows.insert(1, tuple("-" * width for width in widths))
        for row in rows:
            cells = (set_cell_size(text, width) for text, width in zip(row, widths, strict=True))
            click.echo("  ".join(cells).rstrip())
    if notes:
        click.echo()
    for note in notes:
        click.echo(_one_line(f"note: {note}"))


def _one_line(text: str) -> str:
    """Return the text with nothing in it that a terminal would act on."""
    return "".join(character if character.isprintable() else " " for character in text)
