"""`repartee-eval retrieval`."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import click

from repartee.domain.calibration import Calibration
from repartee_eval import wiring
from repartee_eval.calibration import calibrate, require_tune_scripts, write_calibration
from repartee_eval.reports.retrieval import RetrievalReport, as_json, as_markdown
from repartee_eval.reports.retrieval_html import as_html
from repartee_eval.reranking import RerankReport, Rules, compare_groups, rerank_messages
from repartee_eval.retrieval import (
    Context,
    Placement,
    Resampling,
    ScoredMessage,
    measure_groups,
    own_thresholds,
    score_messages,
)
from repartee_eval.retrieval_data import SHIPPED, LabelledUser, RetrievalDataError, load_retrieval_data
from repartee_eval.sweep import (
    Goal,
    curves,
    parse_goal,
    require_both_splits,
    require_enough_facts,
    sweep,
)


class _GoalType(click.ParamType[Goal]):
    name = "goal"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Goal:
        try:
            return parse_goal(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


_folder = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--data", type=_folder, default=SHIPPED, help="Labelled messages. Default: the project's own.")
@click.option("--split", type=click.Choice(["tune", "test", "all"]), default="all", show_default=True)
@click.option("--limit", type=click.IntRange(1, 100), default=3, show_default=True, help="Facts per message.")
@click.option("--threshold", type=click.FloatRange(-1, 1), help="Default: the embedder's own.")
@click.option("--sweep", "sweeping", is_flag=True, help="Choose thresholds on tune and report them on test.")
@click.option(
    "--goal",
    "goals",
    type=_GoalType(),
    multiple=True,
    help="max-f1 (default), precision>=X, fpr<=X, or fpr<=X@N for users with N facts; repeatable.",
)
@click.option("--write", "writing", is_flag=True, help="Keep the first goal's thresholds for the service.")
@click.option("--rerank", "reranking", is_flag=True, help="Compare with the order of the service's reranker.")
@click.option("--candidates", type=click.IntRange(2, 100), help="Facts to rerank. Default: as configured.")
@click.option(
    "--rerank-threshold", type=float, help="Least relevance of a used fact. Default: as configured."
)
@click.option(
    "--within",
    type=click.Choice(["follow-ups", "new-topics"]),
    help="Messages within a talk: those that continue it, or those that change the topic.",
)
@click.option(
    "--context-turns", type=click.IntRange(0, 8), default=0, help="Turns before, mixed into the query."
)
@click.option("--context-decay", type=click.FloatRange(0, 1, min_open=True), default=0.5)
@click.option("--out", type=_folder, help="Write retrieval.json, .md and .html there.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--resamples", type=click.IntRange(100, 100_000), default=2_000, show_default=True)
@click.option("--json", "in_json", is_flag=True, help="Print JSON instead of tables.")
def retrieval(
    data: Path,
    split: str,
    limit: int,
    threshold: float | None,
    sweeping: bool,
    goals: tuple[Goal, ...],
    writing: bool,
    reranking: bool,
    candidates: int | None,
    rerank_threshold: float | None,
    within: Placement | None,
    context_turns: int,
    context_decay: float,
    out: Path | None,
    seed: int,
    resamples: int,
    in_json: bool,
) -> None:
    """Measure how well the embedder finds the facts that matter for a message."""
    _check_sweep(sweeping, split, {"--goal": goals, "--write": writing})
    _check_numbers({"--threshold": threshold, "--rerank-threshold": rerank_threshold})
    if not reranking and not (candidates is None and rerank_threshold is None):
        raise click.UsageError("--candidates and --rerank-threshold belong to --rerank")
    _check_context(within, context_turns, alone=not (sweeping or reranking))
    if sweeping:
        goals = goals or (Goal("max-f1"),)
    calibrations = wiring.calibration_folder() if writing else None
    for name, folder in (("--out", out), ("--write", calibrations)):
        if folder:
            _make_folder(name, folder)
    chosen = _Rerank(candidates, rerank_threshold) if reranking else None
    how = Resampling(seed, resamples)
    context = Context(within, context_turns, context_decay) if within else None
    report, calibration = asyncio.run(
        _measured(data, split, limit, threshold, goals, chosen, context, how, writing)
    )
    if out:
        _write(out, report)
    click.echo(as_json(report) if in_json else as_markdown(report), nl=False)
    if calibrations and calibration:
        _say(calibration, write_calibration(calibrations, calibration))


def _check_sweep(sweeping: bool, split: str, belonging: Mapping[str, object]) -> None:
    if sweeping and split != "all":
        raise click.UsageError("--sweep chooses on tune and reports on test: leave --split out")
    for name, given in belonging.items():
        if given and not sweeping:
            raise click.UsageError(f"{name} belongs to --sweep")


def _check_numbers(given: Mapping[str, float | None]) -> None:
    for name, number in given.items():
        if number is not None and isnan(number):
            raise click.UsageError(f"{name} is not a number")


def _check_context(within: str | None, turns: int, *, alone: bool) -> None:
    if within and not alone:
        raise click.UsageError("--within goes with neither --sweep nor --rerank")
    if turns and not within:
        raise click.UsageError("--context-turns belongs to --within")


@dataclass(frozen=True, slots=True)
class _Rerank:
    """How to rerank; None: as the service is configured."""

    candidates: int | None
    threshold: float | None


async def _measured(
    folder: Path,
    split: str,
    limit: int,
    threshold: float | None,
    goals: tuple[Goal, ...],
    rerank: _Rerank | None,
    context: Context | None,
    resampling: Resampling,
    writing: bool,
) -> tuple[RetrievalReport, Calibration | None]:
    data = load_retrieval_data(folder)
    users = [user for user in data.users if split in {user.split, "all"}]
    if not users:
        raise RetrievalDataError(f"{folder}: no file there is of the split {split}")
    if goals:
        require_both_splits(users)
        require_enough_facts(users, goals)
    if writing:
        require_tune_scripts(users)
    opened = wiring.open_reranking(rerank.candidates, rerank.threshold) if rerank else nullcontext()
    async with opened as reranking, wiring.open_embedder() as embedder:
        messages = await score_messages(embedder, users, context)
        profile = embedder.profile
        compared = None
        if reranking:
            compared = await _compared(reranking, users, messages, limit, threshold, resampling)
    calibration = None
    if writing:
        calibration = calibrate(messages, goals[0], limit, profile=profile.id, data=data.fingerprint)
    report = RetrievalReport(
        embedder=profile,
        fingerprint=data.fingerprint,
        limit=limit,
        threshold=threshold,
        own_thresholds=own_thresholds(messages),
        context=context,
        resampling=resampling,
        rows=measure_groups(messages, limit, threshold, resampling),
        curves=curves(messages, limit),
        chosen=sweep(messages, goals, limit, resampling) if goals else [],
        reranking=compared,
    )
    return report, calibration


async def _compared(
    chosen: wiring.Reranking,
    users: Sequence[LabelledUser],
    messages: Sequence[ScoredMessage],
    limit: int,
    threshold: float | None,
    resampling: Resampling,
) -> RerankReport:
    reranked = await rerank_messages(chosen.reranker, users, messages, chosen.candidates)
    rows = compare_groups(reranked, Rules(limit, threshold, chosen.threshold), resampling)
    return RerankReport(chosen.reranker.name, chosen.candidates, chosen.threshold, rows)


def _make_folder(name: str, folder: Path) -> None:
    """Make it before the work, so that a wrong path costs nothing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{name}: {folder} cannot be made ({error.strerror})") from None


def _say(calibration: Calibration, path: Path) -> None:
    """Say what was written, on standard error: standard output is the report."""
    chosen = ", ".join(f"{script} {threshold:g}" for script, threshold in calibration.thresholds.items())
    click.echo(
        f"{calibration.goal}: {chosen}, written to {path}; the service reads it at its start", err=True
    )


def _write(folder: Path, report: RetrievalReport) -> None:
    for name, text in {"json": as_json(report), "md": as_markdown(report), "html": as_html(report)}.items():
        (folder / f"retrieval.{name}").write_text(text, "utf-8")
