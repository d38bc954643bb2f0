"""`repartee-eval score`."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click
from pydantic import JsonValue

from repartee_eval.absolute_scores import (
    EXIT_CODES,
    AbsoluteScores,
    absolute_scores,
    judge_scores,
    score_lines,
)
from repartee_eval.cli.analyze import show
from repartee_eval.cli.dialogue_files import default_folder, loaded
from repartee_eval.cli.single_options import SingleChosen, with_single_options
from repartee_eval.cli.single_run import leave_if_stopped, single_session, write_lines, write_text
from repartee_eval.comparison import Plan
from repartee_eval.dialogues.summaries import load_summaries
from repartee_eval.judges.rubrics import Dimension, load_dimensions
from repartee_eval.judges.subject import Subject
from repartee_eval.panel import Asking, rubric_hashes
from repartee_eval.policy import SHIPPED, load_policy
from repartee_eval.reports import absolute_scores as report
from repartee_eval.run_session import Order
from repartee_eval.runs.manifest import sha256_of
from repartee_eval.runs.summary import RunSummary
from repartee_eval.seating import open_seats
from repartee_eval.settings import load_judge_settings
from repartee_eval.single_sides import (
    Kind,
    dialogue_subjects,
    read_scored,
    reply_subjects,
    score_jobs,
    summary_subjects,
)

_file = click.Path(path_type=Path, dir_okay=False, exists=True)
_SETS = ("dialogue", "summary")


@click.command()
@click.argument("dialogues", type=_file)
@click.option(
    "--kind",
    type=click.Choice(get_args(Kind)),
    help="What is scored. Default: every reply, or the summaries where they are given.",
)
@click.option("--summaries", type=_file, help='JSON Lines of {"dialogue": ID, "summary": TEXT}.')
@click.option("--dimensions", help="dialogue, summary, or a YAML file or folder. Default: by the kind.")
@click.option(
    "--minimum",
    type=click.FloatRange(0, 1),
    default=0.7,
    show_default=True,
    help="Overall score from which one is marked as kept.",
)
@click.option("--least", type=click.FloatRange(0, 1), help="A floor: the mean must not be surely below.")
@with_single_options
def score(
    dialogues: Path,
    kind: Kind | None,
    summaries: Path | None,
    dimensions: str | None,
    minimum: float,
    least: float | None,
    chosen: SingleChosen,
) -> None:
    """Score replies, dialogues or summaries from 0 to 1, each by itself and with an explanation.

    Exit status: 0 scored, 20 the mean is below --least, 30 inconclusive, 130 stopped, 1 an error.
    """
    wanted = _kind(kind, summaries)
    asked = _dimensions(dimensions, wanted)
    subjects = _subjects(dialogues, summaries, wanted, chosen.skip_bad)
    data = {"dialogues": sha256_of(dialogues), **({"summaries": sha256_of(summaries)} if summaries else {})}
    hashes = rubric_hashes(asked)
    names = [wanted, str(hashes), *chosen.judging.names, str(chosen.seed)]
    folder = chosen.out or default_folder("score", [*data.values(), *names])
    plan = Plan(Asking((), seed=chosen.seed))
    config: dict[str, JsonValue] = {"kind": wanted, "dimensions": dict(hashes)}
    order = Order(folder, "score", (), config, data, plan, load_policy(SHIPPED), ())
    summary, found = asyncio.run(_scored(order, subjects, asked, minimum, least, wanted, chosen))
    _end(folder, summary, found, chosen.in_json)


async def _scored(
    order: Order,
    subjects: Sequence[Subject],
    dimensions: Sequence[Dimension],
    minimum: float,
    least: float | None,
    kind: Kind,
    chosen: SingleChosen,
) -> tuple[RunSummary, AbsoluteScores]:
    settings = load_judge_settings()
    async with AsyncExitStack() as stack:
        seats = await stack.enter_async_context(open_seats(chosen.judging, settings, chosen.prices))
        asked = replace(order, seats=seats)
        session = await stack.enter_async_context(single_session(asked, chosen, settings))
        jobs = [job for seat in seats for job in score_jobs(subjects, seat, dimensions)]
        summary = await session.send(jobs, len(jobs))
        judges = [
            judge_scores(
                seat.judge.name,
                seat.judge.is_language_model,
                tuple(read_scored(subjects, seat, dimensions, session.run.store)),
                [dimension.id for dimension in dimensions],
                minimum,
                order.policy.level,
            )
            for seat in seats
        ]
    return summary, absolute_scores(
        kind,
        judges,
        minimum=minimum,
        least=least,
        most_failed=order.policy.most_failed,
        finished=not summary.budget_spent,
    )


def _kind(kind: Kind | None, summaries: Path | None) -> Kind:
    if kind == "summary" and summaries is None:
        raise click.UsageError("--kind summary: name the file with --summaries")
    if summaries is not None and kind not in {None, "summary"}:
        raise click.UsageError(f"--summaries does not go with --kind {kind}")
    return kind or ("summary" if summaries else "reply")


def _dimensions(named: str | None, kind: Kind) -> tuple[Dimension, ...]:
    if named is None:
        return load_dimensions("summary" if kind == "summary" else "dialogue")
    if named in _SETS:
        return load_dimensions("summary" if named == "summary" else "dialogue")
    if not Path(named).exists():
        raise click.UsageError(f"--dimensions {named}: neither dialogue, summary nor a file")
    return load_dimensions(Path(named))


def _subjects(dialogues: Path, summaries: Path | None, kind: Kind, skip_bad: bool) -> tuple[Subject, ...]:
    found = loaded(dialogues, skip_bad)
    if kind == "summary" and summaries is not None:
        known = frozenset(dialogue.id for dialogue in found)
        return tuple(summary_subjects(found, load_summaries(summaries, known, skip_bad=skip_bad)))
    return tuple(dialogue_subjects(found) if kind == "dialogue" else reply_subjects(found))


def _end(folder: Path, summary: RunSummary, found: AbsoluteScores, in_json: bool) -> None:
    leave_if_stopped(summary)
    count = write_lines(folder / "scores.jsonl", score_lines(found))
    write_text(folder / "scores.json", report.as_json(found))
    if in_json:
        click.echo(report.as_json(found), nl=False)
    else:
        show(_first_lines(found), report.tables(found))
        click.echo(f"\n{found.outcome.upper()}: {found.reason}")
        click.echo(f"{count} scores: {folder / 'scores.jsonl'}")
    sys.exit(EXIT_CODES[found.outcome])


def _first_lines(found: AbsoluteScores) -> list[str]:
    lines = []
    for one in found.judges:
        failed = ", ".join(f"{reason} {n}" for reason, n in sorted(one.failures.items()))
        lines.append(
            f"{one.judge}: {len(one.scored)} of kind {found.kind}, {one.kept} with {found.minimum:g} or more"
            f"{f'; without scores: {failed}' if failed else ''}"
        )
        if not one.is_language_model:
            lines.append(
                "! Rehearsal: the offline baseline is no language model: decide nothing from its scores."
            )
    if any(one.subject.side.emulated for judge in found.judges for one in judge.scored):
        lines.append("! Emulated: a model played the user in some of these dialogues.")
    return lines
