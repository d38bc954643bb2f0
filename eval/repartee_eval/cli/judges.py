"""`repartee-eval judges`."""

from collections.abc import Sequence
from pathlib import Path

import click

from repartee_eval.analysis import AnalysisOptions
from repartee_eval.cases import Case
from repartee_eval.cli.analyze import show
from repartee_eval.cli.single_run import write_text
from repartee_eval.derived import read_derived
from repartee_eval.errors import EvalError
from repartee_eval.judge_panel_quality import PanelQuality, panel_quality
from repartee_eval.label_sheets import label_sheet, read_people
from repartee_eval.reports import judge_panel as report
from repartee_eval.runs.folder import read_run
from repartee_eval.runs.manifest import Manifest
from repartee_eval.verdict_rows import LabelRow, VerdictRow

_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--labels",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="People's labels: an answered sheet, or CSV (docs/verdicts.md); repeatable.",
)
@click.option("--template", type=_file, help="Write a blinded sheet for people to label, and end.")
@click.option("--most", type=click.IntRange(1), default=200, show_default=True, help="Cases of the sheet.")
@click.option("--level", type=click.FloatRange(0.5, 0.999), default=0.95, show_default=True)
@click.option("--json", "in_json", is_flag=True, help="Print JSON instead of tables.")
def judges(
    run: Path, labels: tuple[Path, ...], template: Path | None, most: int, level: float, in_json: bool
) -> None:
    """Say how good the judges of RUN are: against people, against themselves, and at which price."""
    with read_run(run) as (manifest, store):
        rows = tuple(store.rows())
        cases = {case_id: Case.model_validate_json(text) for case_id, text in store.cases()}
    if not cases:
        raise EvalError(f"{run} holds no cases: name a run of compare or rollout")
    criteria = tuple(dict.fromkeys(row.criterion for row in rows))
    if template is not None:
        _write_sheet(template, label_sheet(cases, rows, criteria, manifest.seed, most), criteria)
        if most < len(cases):
            click.echo(
                f"these are the {most} of {len(cases)} cases on which verdicts differ most: measured on them "
                "alone, judges look worse than they are. --most takes more",
                err=True,
            )
        return
    people = [label for path in labels for label in read_people(path, criteria, manifest.seed)]
    _require_known(people, cases, run)
    options = AnalysisOptions(level=level, seed=manifest.seed, resamples=0)
    found = panel_quality(manifest, rows, people, read_derived(run).probes, options)
    if in_json:
        click.echo(report.as_json(found), nl=False)
    else:
        show(_first_lines(manifest, rows, found), report.tables(found), _notes(found))


def _write_sheet(path: Path, sheet: str, criteria: Sequence[str]) -> None:
    write_text(path, sheet)
    click.echo(f"{path}: write 1, 2 or tie into {', '.join(criteria)}; it names no model")


def _require_known(labels: Sequence[LabelRow], cases: dict[str, Case], run: Path) -> None:
    if labels and not any(label.item in cases for label in labels):
        raise EvalError(f"no label is about an item of {run}: are these the labels of another run?")


def _first_lines(manifest: Manifest, rows: Sequence[VerdictRow], found: PanelQuality) -> list[str]:
    lines = [f"{len(rows)} verdicts of {len(found.judges)} judges"]
    if len(manifest.models) == 2:
        lines.append(f"A is {manifest.models[0]}, B is {manifest.models[1]}")
    if found.labels:
        lines.append(f"{found.labels} labels of {found.annotators} people on {found.labelled} items")
    else:
        lines.append("No labels: quality against people is not known. Make a sheet with --template FILE.csv.")
    lines += [
        f"! {one.judge} is the offline baseline, no language model."
        for one in found.judges
        if not one.is_language_model
    ]
    one = found.agreement
    between = (("judges", one.judges_alpha), ("people", one.annotators_alpha))
    lines += [
        f"Krippendorff's alpha between {who}: {value:.3f}" for who, value in between if value is not None
    ]
    return lines


def _notes(found: PanelQuality) -> tuple[str, ...]:
    return tuple(f"{one.judge}: {note}" for one in found.judges for note in one.notes)
