"""`repartee-tune gate`."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import click

from repartee_tune.gates.http_responder import HttpResponder, http_session
from repartee_tune.gates.policy import Policy, load_policy, policy_path
from repartee_tune.gates.report import write_gate, write_report
from repartee_tune.gates.responder import Responder
from repartee_tune.gates.result import EXIT_CODES, GateResult, outcome
from repartee_tune.gates.sequence import GateSequence, Materials, Subject
from repartee_tune.gates.subjects import find_candidate, find_champion, find_health, read_materials
from repartee_tune.registry.manifest import KINDS, Kind
from repartee_tune.registry.store import Registry

_folder = click.Path(path_type=Path, file_okay=False)
_file = click.Path(path_type=Path, dir_okay=False)
_MARKS = {"pass": "ok  ", "fail": "FAIL", "inconclusive": "?   ", "skipped": "-   "}


@dataclass(frozen=True, slots=True)
class Server:
    """Where a model answers; without an address it is loaded in this process where that was asked for."""

    url: str | None
    model: str | None
    local: bool


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
@click.option("--candidate-name", help="What verdicts call it. Default: the version or run.")
@click.option("--champion-name", help="What verdicts call it. Default: the version or folder.")
@click.option("--out", type=_folder, default=Path("var/gates"), show_default=True)
@click.option("--all", "everything", is_flag=True, help="Go on after a gate that fails.")
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
    candidate_name: str | None,
    champion_name: str | None,
    out: Path,
    everything: bool,
) -> None:
    """Decide whether RUN, a run's folder or a version, may be promoted.

    Exit status: 0 passed, 10 failed, 20 a floor or canaries breached, 30 inconclusive. A server's key is read
    from GATE_API_KEY.
    """
    if local and candidate_url:
        raise click.UsageError("--local and --candidate-url exclude each other")
    if golden and golden_scores:
        raise click.UsageError("--golden and --golden-scores exclude each other")
    policy_file = policy_path(policy_name)
    policy = load_policy(policy_file)
    registry = Registry(root)
    candidate = find_candidate(run, registry, candidate_name, base_folder)
    opponent = find_champion(champion, kind, registry, champion_name, base_folder)
    materials = read_materials(
        policy,
        policy_file,
        find_health(run, candidate, health, runs, registry),
        golden,
        golden_scores,
        verdicts,
    )
    servers = (
        Server(candidate_url, candidate_model, local),
        Server(champion_url or candidate_url, champion_model, local),
    )
    folder = out / (candidate.version or candidate.name)
    sequence, results = asyncio.run(
        _gated(policy, candidate, opponent, materials, servers, folder, everything)
    )
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

    async with AsyncExitStack() as stack:
        needed = bool({"canaries", "golden"} & set(policy.gates))
        if needed:
            candidate = replace(candidate, responder=await _responder(stack, policy, candidate, servers[0]))
        if needed and champion and materials.golden_items:
            champion = replace(champion, responder=await _responder(stack, policy, champion, servers[1]))
        sequence = GateSequence(policy, candidate, champion, materials)
        return sequence, await sequence.run(report, everything=everything)


async def _responder(
    stack: AsyncExitStack, policy: Policy, subject: Subject, server: Server
) -> Responder | None:
    """Return whoever answers for a model, or None where nobody was named."""
    limits = policy.canaries
    if server.url:
        session = await stack.enter_async_context(http_session(os.environ.get("GATE_API_KEY")))
        name = server.model or subject.version or subject.name
        return HttpResponder(session, server.url.rstrip("/"), name, limits.max_tokens, limits.temperature)
    if server.local:
        from repartee_tune.gates.transformers_responder import (  # noqa: PLC0415 - torch takes seconds
            LateTransformersResponder,
        )

        return LateTransformersResponder(
            subject.folder, subject.base, limits.max_tokens, limits.temperature, policy.seed
        )
    return None
