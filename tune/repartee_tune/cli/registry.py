"""`repartee-tune registry`."""

from dataclasses import asdict
from datetime import timedelta
from getpass import getuser
from pathlib import Path
from typing import Any

import click

from repartee_tune.cli.registry_output import alias_names, print_json, print_version, version_rows
from repartee_tune.errors import TuneError
from repartee_tune.lineage import trace
from repartee_tune.registry.aliases import Alias
from repartee_tune.registry.artefact import LEFTOVERS
from repartee_tune.registry.collection import Retention, collect
from repartee_tune.registry.evidence import find_evidence, read_evidence
from repartee_tune.registry.manifest import KINDS, Kind, Origin
from repartee_tune.registry.origin import completed, model_folder, origin_of_runs, run_folder
from repartee_tune.registry.promotion import promote as promote_version
from repartee_tune.registry.promotion import remove
from repartee_tune.registry.promotion import rollback as roll_back
from repartee_tune.registry.store import Change, Registry
from repartee_tune.registry.versions import problems

_folder = click.Path(path_type=Path, file_okay=False)
_file = click.Path(path_type=Path, dir_okay=False)
_kind = click.Choice(KINDS)
_trial = click.Choice(["champion", "canary", "shadow"])
_by = click.option("--by", default=getuser, help="Who does this. Default: the user of this machine.")
_json = click.option("--json", "in_json", is_flag=True, help="Print JSON.")


@click.group()
@click.option("--registry", "root", type=_folder, default=Path("var/registry"), show_default=True)
@click.pass_context
def registry(ctx: click.Context, root: Path) -> None:
    """Keep versions of models, and say which of them is served."""
    ctx.obj = Registry(root)


@registry.command("list")
@click.option("--kind", type=_kind, help="Default: all.")
@_json
@click.pass_obj
def list_versions(store: Registry, kind: Kind | None, in_json: bool) -> None:
    """List versions, oldest first, with their aliases."""
    rows = [row for one in ([kind] if kind else KINDS) for row in version_rows(store, one)]
    if in_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['version']}  {row['created']}  {row['size']:>12}  {row['aliases'] or '-'}")
    if not rows:
        click.echo("no versions")


@registry.command()
@click.argument("version")
@click.option("--verify", is_flag=True, help="Compare every file with its sum.")
@_json
@click.pass_obj
def show(store: Registry, version: str, verify: bool, in_json: bool) -> None:
    """Show VERSION: an id, or KIND/ALIAS such as generator/champion for what it means now."""
    resolved = resolve_name(store, version)
    manifest = store.manifest(resolved)
    shown: dict[str, Any] = manifest.model_dump(mode="json") | {
        "folder": str(store.version_folder(resolved)),
        "aliases": alias_names(store, manifest),
    }
    if verify:
        shown["problems"] = problems(store.version_folder(resolved))
    if in_json:
        print_json(shown)
    else:
        print_version(shown)
    if shown.get("problems"):
        raise TuneError(f"{resolved} is not whole: {shown['problems'][0]}")


@registry.command()
@click.argument("source", type=_folder)
@click.option("--kind", type=_kind, default="generator", show_default=True)
@click.option(
    "--run", "runs", type=_folder, multiple=True, help="Behind a merged model; in order, repeatable."
)
@click.option("--base", help="What was tuned: a hub id, or registry:KIND/VERSION.")
@click.option("--base-revision", help="The base's commit on its hub.")
@click.option("--dataset", "datasets", multiple=True, help="Id of a dataset under var/datasets; repeatable.")
@click.option("--datasets", "dataset_folder", type=_folder, default=Path("var/datasets"), show_default=True)
@click.option("--recipe", type=_file, help="The recipe's file. Default: as the run says.")
@click.option("--eval-run", help="Id of the evaluation run behind the data.")
@click.option("--strip", is_flag=True, help="Leave out what trainers write beside a model.")
@click.option("--why", default="registered by hand", show_default=True)
@_by
@click.pass_obj
def register(
    store: Registry,
    source: Path,
    kind: Kind,
    runs: tuple[Path, ...],
    base: str | None,
    base_revision: str | None,
    datasets: tuple[str, ...],
    dataset_folder: Path,
    recipe: Path | None,
    eval_run: str | None,
    strip: bool,
    why: str,
    by: str,
) -> None:
    """Publish a model folder, or a run's folder, as a version that never changes."""
    behind = runs or tuple(run for run in [run_folder(source)] if run)
    known = origin_of_runs(behind, store, dataset_folder) if behind else Origin()
    origin = completed(known, base, base_revision, datasets, recipe, dataset_folder)
    parent = store.aliases(kind).version("champion")
    origin = origin.model_copy(update={"parent": parent, "eval_run": eval_run})
    folder = model_folder(source)
    manifest, new = store.register(
        kind, folder, origin, Change(by, why), leave_out=LEFTOVERS if strip else ()
    )
    click.echo(f"{manifest.version}{'' if new else ' (was there already)'}")
    if not manifest.origin.datasets:
        click.echo(
            "no dataset is known: a user who withdraws cannot be traced to it; give --run or --dataset",
            err=True,
        )


@registry.command()
@click.argument("version")
@click.option("--alias", type=_trial, default="champion", show_default=True)
@click.option("--expect", help="Refuse unless the alias means this version now; `none` for nothing.")
@click.option("--report", type=_file, help="The gates' report.json. Default: the newest about this version.")
@click.option("--gates", type=_folder, default=Path("var/gates"), show_default=True)
@click.option("--index", help="The index that was built with this embedder.")
@click.option("--force", is_flag=True, help="Promote without a passed gate report; needs --reason.")
@click.option("--reason", help="Why; kept in the history.")
@_by
@click.pass_obj
def promote(
    store: Registry,
    version: str,
    alias: Alias,
    expect: str | None,
    report: Path | None,
    gates: Path,
    index: str | None,
    force: bool,
    reason: str | None,
    by: str,
) -> None:
    """Make an alias mean VERSION, at once for every reader."""
    if force and not (reason or "").strip():
        raise click.UsageError("--force needs --reason: it is kept in the history")
    manifest = store.manifest(version)
    now = store.aliases(manifest.kind).version(alias)
    expected = now if expect is None else None if expect == "none" else expect
    evidence = read_evidence(report) if report else find_evidence(gates, manifest)
    promote_version(
        store,
        version,
        alias,
        Change(by, reason or "passed the gates"),
        expected=expected,
        evidence=evidence,
        forced=reason if force else None,
        index=index,
    )
    click.echo(f"{manifest.kind} {alias}: {expected or 'nothing'} -> {version}")


@registry.command()
@click.option("--kind", type=_kind, default="generator", show_default=True)
@click.option("--alias", type=_trial, default="champion", show_default=True)
@click.option("--expect", help="Refuse unless the champion is this version now.")
@click.option("--reason", required=True, help="Why; kept in the history.")
@_by
@click.pass_obj
def rollback(store: Registry, kind: Kind, alias: Alias, expect: str | None, reason: str, by: str) -> None:
    """Make the previous champion the champion again; for a canary or shadow: end it."""
    before = store.aliases(kind).version(alias)
    if alias != "champion":
        remove(store, kind, alias, Change(by, reason))
        click.echo(f"{kind} {alias}: {before} -> nothing")
        return
    table = roll_back(store, kind, Change(by, reason), expected=expect or before)
    click.echo(f"{kind} champion: {before} -> {table.version('champion')}")


@registry.command()
@click.option("--keep-last", type=int, default=5, show_default=True, help="Newest of each kind to keep.")
@click.option(
    "--minutes", type=float, default=60.0, show_default=True, help="Keep what was used within them."
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@_by
@click.pass_obj
def gc(store: Registry, keep_last: int, minutes: float, dry_run: bool, by: str) -> None:
    """Delete versions that nothing needs, and what killed processes left."""
    retention = Retention(keep_last, timedelta(minutes=minutes))
    done = collect(store, retention, Change(by, "gc"), dry_run=dry_run)
    for version in done.deleted:
        click.echo(f"{'would delete' if dry_run else 'deleted'} {version}")
    for version in done.in_use:
        click.echo(f"kept {version}: in use")
    click.echo(f"{len(done.deleted)} versions, {done.leftovers} leftover folders")


@registry.command()
@click.option("--user-id", required=True)
@click.option("--datasets", type=_folder, default=Path("var/datasets"), show_default=True)
@_json
@click.pass_obj
def lineage(store: Registry, user_id: str, datasets: Path, in_json: bool) -> None:
    """List the datasets and versions that hold a user's words, and must be rebuilt without them."""
    found = trace(user_id, datasets, store)
    if in_json:
        print_json({**asdict(found), "to_rebuild": found.to_rebuild})
        return
    click.echo(f"user {found.user_sha256[:16]}")
    for name in found.datasets:
        click.echo(f"rebuild dataset {name}")
    for one in found.versions:
        why = f"data {', '.join(one.datasets)}" if one.datasets else f"tuned from {one.through}"
        served = f"; is {', '.join(one.aliases)} now" if one.aliases else ""
        click.echo(f"rebuild {one.kind} {one.version} ({why}{served})")
    for name in found.unknown:
        click.echo(f"unknown: dataset {name} is not under {datasets}, or was made anew since")
    for name in found.damaged:
        click.echo(f"unknown: the manifest of {name} cannot be read")
    if not found.to_rebuild:
        click.echo("nothing to rebuild")


def resolve_name(store: Registry, name: str) -> str:
    """Return the version that KIND/ALIAS means, or the name itself."""
    kind, slash, alias = name.partition("/")
    if not slash:
        return name
    known = next((one for one in KINDS if one == kind), None)
    table = store.aliases(known).model_dump()["aliases"] if known else {}
    if alias not in table:
        raise TuneError(
            f"{name!r} means nothing: give a version's id, or KIND/ALIAS such as generator/champion"
        )
    return str(table[alias]["version"])
