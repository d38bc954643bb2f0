"""`repartee-eval report`."""

from pathlib import Path

import click

from repartee_eval.label_sheets import read_people
from repartee_eval.policy import load_policy
from repartee_eval.reports.browsed_cases import MOST_CASES
from repartee_eval.reports.run_changes import changes
from repartee_eval.reports.run_html import as_html
from repartee_eval.reports.run_json import as_json
from repartee_eval.reports.run_junit import as_junit
from repartee_eval.reports.run_markdown import as_markdown
from repartee_eval.reports.run_screen import show_decision
from repartee_eval.reports.written import write_texts
from repartee_eval.run_result import read_result
from repartee_eval.runs.manifest import read_manifest
from repartee_eval.verdict_rows import LabelRow

_folder = click.Path(path_type=Path, exists=True, file_okay=False)
_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("run", type=_folder)
@click.option("--against", type=_folder, help="An earlier run: what changed since then.")
@click.option("--policy", "policy_file", type=_file, help="Another rule than the run's own.")
@click.option(
    "--judge", "judges", multiple=True, help="Only this judge's verdicts; repeatable. Default: all."
)
@click.option(
    "--labels", type=_file, help="Labels of people: an answered sheet, or item,criterion,annotator,label."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Default: the run's folder.")
@click.option(
    "--most-cases",
    type=click.IntRange(0, 10_000),
    default=MOST_CASES,
    show_default=True,
    help="Cases that the page shows.",
)
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write JUnit XML.")
@click.option("--json", "in_json", is_flag=True, help="Print JSON instead of the decision.")
def report(
    run: Path,
    against: Path | None,
    policy_file: Path | None,
    judges: tuple[str, ...],
    labels: Path | None,
    out: Path | None,
    most_cases: int,
    junit: Path | None,
    in_json: bool,
) -> None:
    """Write the reports of RUN anew: report.html, report.md and report.json. It makes no call.

    Exit status: 0 ship, 10 hold, 20 a floor is breached, 30 inconclusive, 1 an error.
    """
    policy = load_policy(policy_file) if policy_file else None
    people = _people(labels, run) if labels else ()
    result = read_result(run, policy=policy, judges=judges, labels=people)
    before = changes(read_result(against, policy=policy), result) if against else None
    folder = out or run
    write_texts(
        {
            folder / "report.html": as_html(result, before, most_cases),
            folder / "report.md": as_markdown(result, before),
            folder / "report.json": as_json(result, before),
            **({junit: as_junit(result)} if junit else {}),
        }
    )
    if in_json:
        click.echo(as_json(result, before), nl=False)
    else:
        show_decision(result, before)
        click.echo(f"report: {folder / 'report.html'}")
    raise click.exceptions.Exit(result.decision.exit_code)


def _people(labels: Path, run: Path) -> tuple[LabelRow, ...]:
    manifest = read_manifest(run)
    criteria = manifest.config.get("criteria")
    return read_people(labels, list(map(str, criteria)) if isinstance(criteria, list) else [], manifest.seed)
