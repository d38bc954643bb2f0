"""How a command that judged ends: reports in the run's folder, the decision on the screen, the exit code."""

import sys
from pathlib import Path

import click

from repartee_eval.decision import EXIT_CODES
from repartee_eval.errors import EvalError
from repartee_eval.reports.run_html import as_html
from repartee_eval.reports.run_json import as_json
from repartee_eval.reports.run_junit import as_junit
from repartee_eval.reports.run_markdown import as_markdown
from repartee_eval.reports.run_screen import show_decision
from repartee_eval.run_result import RunResult, read_result
from repartee_eval.run_session import Ended
from repartee_eval.runs.stop_signals import INTERRUPTED


def end(folder: Path, ended: Ended, *, junit: Path | None, in_json: bool) -> None:
    """Write the reports, show the decision and leave with its exit code."""
    for line in ended.summary.lines():
        click.echo(line, err=True)
    if ended.summary.stopped:
        sys.exit(INTERRUPTED)
    result = read_result(folder)
    write_reports(result, folder, junit)
    if in_json:
        click.echo(as_json(result), nl=False)
    else:
        show_decision(result)
        click.echo(f"report: {folder / 'report.html'}")
    budget_spent = ended.summary.budget_spent and not result.stopped_early
    sys.exit(EXIT_CODES["inconclusive"] if budget_spent else result.decision.exit_code)


def write_reports(result: RunResult, folder: Path, junit: Path | None = None) -> None:
    """Write report.html, .md and .json into the folder, and JUnit where it is wanted. Raises EvalError."""
    files = {
        folder / "report.html": as_html(result),
        folder / "report.md": as_markdown(result),
        folder / "report.json": as_json(result),
        **({junit: as_junit(result)} if junit else {}),
    }
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        except OSError as error:
            raise EvalError(f"{path} cannot be written: {error.strerror}") from None
