"""`repartee facts …`: what is remembered about users."""

import json
import sys
from pathlib import Path
from typing import Final

import click

from repartee.application.edit_fact import EditFactRequest
from repartee.domain.fact import TenantScope
from repartee.presentation.cli.fact_files import read_facts, user_of, valid
from repartee.presentation.cli.fact_tables import fact_line, plain_console, show_candidates, show_counts
from repartee.presentation.cli.fact_transfer import export_facts, import_facts
from repartee.presentation.cli.facts_backend import FactsBackend, opened_facts
from repartee.presentation.cli.failures import UserMistake
from repartee.presentation.cli.load_facts import counted, facts_are, load_facts, shown_progress
from repartee.presentation.cli.reindex import reindex
from repartee.presentation.cli.runtime import Runtime

SAMPLE_USER: Final = Path("examples/users/maya.json")
_LONGEST_MESSAGE: Final = 2_000

_file = click.Path(path_type=Path)
_user_id = click.option("--user-id", required=True, metavar="ID", help="Whose facts.")


@click.group()
def facts() -> None:
    """What is remembered about a user: through the running API, or directly if there is none."""


@facts.command("add")
@click.option("--file", type=_file, metavar="FILE", help="Facts: .json, .jsonl, or .txt with one per line.")
@click.option("--user-file", type=_file, metavar="FILE", help=f"A user with facts. Default: {SAMPLE_USER}.")
@click.option("--user-id", metavar="ID", help="Whose facts. Default: the user of the file.")
@click.pass_obj
def add(runtime: Runtime, file: Path | None, user_file: Path | None, user_id: str | None) -> None:
    """Remember the facts of a file. Running it again adds nothing twice."""
    if file and user_file:
        raise UserMistake("give either --file or --user-file")
    source = file or user_file or SAMPLE_USER
    found = read_facts(source)
    owner = _checked(user_id or _owner(source))
    with opened_facts(runtime) as backend, shown_progress(len(found)) as progress:
        stored = load_facts(backend, owner, found, progress)
        place = backend.place
    click.echo(f"{facts_are('stored', stored, owner)} ({place})")


@facts.command("list")
@_user_id
@click.option("--superseded", is_flag=True, help="Also those that no longer hold.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, which `facts add --file` reads back.")
@click.pass_obj
def list_(runtime: Runtime, user_id: str, superseded: bool, as_json: bool) -> None:
    """Show everything that is remembered about a user."""
    owner = _checked(user_id)
    with opened_facts(runtime) as backend:
        found = list(backend.facts(owner, superseded=superseded))
    if as_json:
        rows = [fact.model_dump(mode="json") for fact in found]
        click.echo(json.dumps({"facts": rows}, ensure_ascii=False, indent=2))
        return
    for fact in found:
        click.echo(fact_line(fact))
    click.echo(f"{counted(len(found))} of {user_id}", err=True)


@facts.command("why")
@click.argument("message")
@_user_id
@click.option(
    "--character", metavar="NAME", help="Who would answer: facts that only others know are left out."
)
@click.option(
    "--limit", type=click.IntRange(1, 100), default=10, show_default=True, help="How many facts to show."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def why(
    runtime: Runtime, message: str, user_id: str, character: str | None, limit: int, as_json: bool
) -> None:
    """Show which facts a message finds, with scores, and why a reply would use each or not."""
    owner = _checked(user_id)
    if not 1 <= len(message) <= _LONGEST_MESSAGE:
        raise UserMistake(f"the message must have 1 to {_LONGEST_MESSAGE} characters")
    with opened_facts(runtime) as backend:
        found = backend.search(owner, message, limit, character)
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        show_candidates(plain_console(), found, owner)


@facts.command("edit")
@_user_id
@click.option("--fact-id", required=True, metavar="ID", help="Which fact.")
@click.option("--text", help="What it is to say.")
@click.option("--pin/--unpin", "pinned", default=None, help="Whether every reply uses it.")
@click.option("--holds/--ended", "holds", default=None, help="Whether it is true now; what ended is hidden.")
@click.pass_obj
def edit(
    runtime: Runtime, user_id: str, fact_id: str, text: str | None, pinned: bool | None, holds: bool | None
) -> None:
    """Correct a fact; it keeps its id."""
    owner = _checked(user_id)
    asked = {"text": text, "pinned": pinned, "holds": holds}
    given = {name: value for name, value in asked.items() if value is not None}
    if not given:
        raise UserMistake("give at least one of --text, --pin, --unpin, --ended and --holds")
    changes = valid("facts edit", EditFactRequest, given)
    with opened_facts(runtime) as backend:
        click.echo(fact_line(backend.edit_fact(owner, fact_id, changes)))


@facts.command("delete")
@_user_id
@click.option("--fact-id", metavar="ID", help="One fact. Default: all of them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(runtime: Runtime, user_id: str, fact_id: str | None, yes: bool) -> None:
    """Forget one fact, or all facts of a user (`users erase` takes the event log along)."""
    owner = _checked(user_id)
    with opened_facts(runtime) as backend:
        if fact_id is not None:
            deleted = backend.delete_fact(owner, fact_id)
        elif yes or _confirmed(backend, owner):
            deleted = backend.delete_facts(owner)
        else:
            click.echo("nothing was deleted")
            return
    click.echo(f"deleted {counted(deleted)} of {user_id}")


@facts.command("stats")
@click.pass_obj
def stats(runtime: Runtime) -> None:
    """Count facts and users, per embedder."""
    with opened_facts(runtime) as backend:
        show_counts(plain_console(), backend.fact_stats())


@facts.command("export")
@click.option("--user-id", metavar="ID", help="Whose facts. Default: all users'; stop the API before.")
@click.option("--out", type=_file, metavar="FILE", help="Where to. Default: standard output.")
@click.pass_obj
def export(runtime: Runtime, user_id: str | None, out: Path | None) -> None:
    """Write facts with all that is known of them, one JSON object per line."""
    owner = None if user_id is None else _checked(user_id)
    click.echo(export_facts(runtime, owner, out), err=True)


@facts.command("import")
@click.argument("file", type=_file)
@click.pass_obj
def import_(runtime: Runtime, file: Path) -> None:
    """Read exported facts back as they were. Stop the API before; running it again is safe."""
    click.echo(import_facts(runtime, file))


@facts.command("reindex")
@click.option("--drop", is_flag=True, help="Delete the old collections afterwards.")
@click.pass_obj
def reindex_(runtime: Runtime, drop: bool) -> None:
    """Carry facts over to the current embedder, after it was changed. Stop the API before."""
    click.echo(reindex(runtime, drop=drop))


def _owner(source: Path) -> str:
    user = user_of(source)
    if user is None or user.id is None:
        raise UserMistake(f"{source} does not say whose facts these are: add --user-id ID (make: USER_ID=ID)")
    return user.id


def _checked(user_id: str) -> str:
    return TenantScope(user_id).user_id


def _confirmed(backend: FactsBackend, user_id: str) -> bool:
    if not sys.stdin.isatty():
        raise UserMistake(f"add --yes to forget everything about {user_id}")
    count = sum(1 for _ in backend.facts(user_id, superseded=True))
    return click.confirm(f"Forget {counted(count)} of {user_id}?")
