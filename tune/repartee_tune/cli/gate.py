"""`repartee-tune gate`."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import click

from repartee_eval.cli.dialogue_files import loaded
from repartee_eval.cli.run_options import Chosen, with_judge_options
from repartee_eval.cli.run_options import Judging as OfJudging
from repartee_eval.dialogues.replay import replay_cases
from repartee_eval.run_session import Limits
from repartee_eval.runs.manifest import sha256_of
from repartee_eval.runs.stop_signals import INTERRUPTED
from repartee_eval.settings import load_judge_settings
from repartee_tune.errors import TuneError
from repartee_tune.gates.judging import Judging, JudgingStopped
from repartee_tune.gates.policy import Policy, load_policy, policy_path
from repartee_tune.gates.report import write_gate, write_report
from repartee_tune.gates.result import EXIT_CODES, GateResult, outcome
from repartee_tune.gates.sequence import GateSequence, Materials, Subject
from repartee_tune.gates.servers import Server, with_responder
from repartee_tune.gates.subjects import find_candidate, find_champion, find_health, read_materials
from repartee_tune.registry.evidence import REPORT
from repartee_tune.registry.manifest import KINDS, Kind
from repartee_tune.registry.origin import run_folder
from repartee_tune.registry.store import Registry

_folder = click.Path(path_type=Path, file_okay=False)
_file = click.Path(path_type=Path, dir_okay=False)
_there = click.Path(path_type=Path, dir_okay=False, exists=True)
_MARKS = {"pass": "ok  ", "fail": "FAIL", "inconclusive": "?   ", "skipped": "-   "}


@click.command()
@click.argument("run")
@click.option(
    "--policy", "policy_name", default="default", show_default=True, help="A YAML file, or its name."
)
@click.option("--kind", type=click.Choice(KINDS), default="generator", show_default=True)
@click.option("--registry", "root", type=_folder, default=Path("var/registry"), show_default=True)
@click.option("--champion", help="A version, a model folder, or none. Default: the registry's champion.")
@click.option("--candidate-url", help="OpenAI-compatible address, such as http://localhost:8000/v1.")
@click.option("--candidate-model", help="Its name there. Default: the version's id.")
@click.option("--champion-url", help="Default: the candidate's.")
@click.option("--champion-model", help="Its name there. Default: the version's id.")
@click.option("--local", is_flag=True, help="Load the models in this process instead.")
@click.option("--base-folder", type=_folder, help="Where an adapter's base is, if not in the registry.")
@click.option("--health", type=_file, help="Default: of the run.")
@click.option("--runs", type=_folder, default=Path("var/runs"), show_default=True)
@click.option("--golden", type=_file, help="Golden items as JSON lines: item, messages, references.")
@click.option("--golden-scores", type=_file, help="Paired scores: item, candidate, champion, from 0 to 1.")
@click.option("--verdicts", type=_file, help="Verdict rows of repartee-eval, as CSV.")
@click.option("--dialogues", type=_there, help="Dialogues that both models answer and the judge compares.")
@click.option(
    "--per-depth", type=click.IntRange(1, 50), default=1, show_default=True, help="Replies of each."
)
@click.option("--candidate-name", help="What verdicts call it. Default: the version or run.")
@click.option("--champion-name", help="What verdicts call it. Default: the version or folder.")
@click.option("--out", type=_folder, default=Path("var/gates"), show_default=True)
@click.option("--all", "everything", is_flag=True, help="Go on after a gate that fails.")
@with_judge_options
@click.pass_context
def gate(
    ctx: click.Context,
    run: str,
    policy_name: str,
    kind: Kind,
    root: Path,
    champion: str | None,
    candidate_url: str | None,
    candidate_model: str | None,
    champion_url: str | None,
    champion_model: str | None,
    local: bool,
    base_folder: Path | None,
    health: Path | None,
    runs: Path,
    golden: Path | None,
    golden_scores: Path | None,
    verdicts: Path | None,
    dialogues: Path | None,
    per_depth: int,
    candidate_name: str | None,
    champion_name: str | None,
    out: Path,
    everything: bool,
    judging: OfJudging,
) -> None:
    """Decide whether RUN, a run's folder or a version, may be promoted.

    With --dialogues and a judge (--judge, or REPARTEE_JUDGE__…) candidate and champion answer them and are
    compared; a gate that was broken off goes on with the same command.

    Exit status: 0 passed, 10 failed, 20 a floor or canaries breached, 30 inconclusive, 130 stopped.
    A server's key is read from GATE_API_KEY.
    """
    if local and candidate_url:
        raise click.UsageError("--local and --candidate-url exclude each other")
    if golden and golden_scores:
        raise click.UsageError("--golden and --golden-scores exclude each other")
    if verdicts and dialogues:
        raise click.UsageError(
            "--verdicts and --dialogues exclude each other: verdicts are there or are made"
        )
    policy_file = policy_path(policy_name)
    policy = load_policy(policy_file)
    registry = Registry(root)
    candidate = find_candidate(run, registry, candidate_name, base_folder)
    opponent = find_champion(champion, kind, registry, champion_name, base_folder)
    folder = out / (candidate.version or (run_folder(Path(run)) or Path(run)).resolve().name)
    materials = read_materials(
        policy,
        policy_file,
        find_health(run, candidate, health, runs, registry),
        golden,
        golden_scores,
        verdicts,
        dialogues,
    )
    if dialogues and opponent and "pairwise" in policy.gates:
        chosen = judging(policy.pairwise.rule, policy.seed)
        materials = _with_judging(materials, policy, chosen, dialogues, per_depth, folder, local)
    servers = (
        Server(candidate_url, candidate_model, local),
        Server(champion_url or candidate_url, champion_model, local),
    )
    (folder / REPORT).unlink(missing_ok=True)  # a passed report of before is no word on what comes now
    try:
        sequence, results = asyncio.run(
            _gated(policy, candidate, opponent, materials, servers, folder, everything)
        )
    except JudgingStopped as stopped:
        click.echo(stopped.message, err=True)
        ctx.exit(INTERRUPTED)
    found = outcome(results, sequence.required())
    content = next((one.inputs.get("content") for one in results if one.gate == "integrity"), None)
    used = {"file": policy_file.name, "sha256": sha256(policy_file.read_bytes()).hexdigest()}
    report = write_report(folder, results, found, content, candidate, opponent, used)
    click.echo(f"{found}: {report}")
    ctx.exit(EXIT_CODES[found])


async def _gated(
    policy: Policy,
    candidate: Subject,
    champion: Subject | None,
    materials: Materials,
    servers: Sequence[Server],
    folder: Path,
    everything: bool,
) -> tuple[GateSequence, list[GateResult]]:
    def report(result: GateResult) -> None:
        write_gate(folder, result)
        click.echo(f"{_MARKS[result.decision]} {result.gate:10} {result.reason}")

    prices = materials.judging.prices if materials.judging else None
    async with AsyncExitStack() as stack:
        if {"canaries", "golden", "pairwise"} & set(policy.gates):
            candidate = await with_responder(stack, policy, candidate, servers[0], prices)
        if champion and (materials.golden_items or materials.judging):
            champion = await with_responder(stack, policy, champion, servers[1], prices)
        sequence = GateSequence(policy, candidate, champion, materials)
        return sequence, await sequence.run(report, everything=everything)


def _with_judging(
    materials: Materials,
    policy: Policy,
    chosen: Chosen,
    dialogues: Path,
    per_depth: int,
    folder: Path,
    local: bool,
) -> Materials:
    """Add what the pairwise gate asks of whom, or why it cannot: there is no judge."""
    settings = load_judge_settings()
    if settings.is_offline and not chosen.judging.names:
        no_judge = "no judge: set REPARTEE_JUDGE__MODEL and its key or URL, or give --judge"
        return replace(materials, unjudged=no_judge)
    found = replay_cases(loaded(dialogues, skip_bad=False), per_depth=per_depth, seed=policy.seed)
    if not found:
        raise TuneError(f"--dialogues {dialogues}: no reply follows a message of the user")
    judging = Judging(
        folder=folder,
        slots=found,
        data={"dialogues": sha256_of(dialogues)},
        plan=chosen.plan,
        rule=policy.pairwise.rule,
        judges=chosen.judging,
        settings=settings,
        prices=chosen.prices,
        limits=Limits(chosen.budget, chosen.in_flight or settings.max_in_flight),
        at_once=1 if local else policy.canaries.concurrency,
    )
    return replace(materials, judging=judging)
