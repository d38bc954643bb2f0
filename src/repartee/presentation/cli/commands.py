"""The `repartee` command."""

import json
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Final

import click

from repartee.domain.fact import Fact, TenantScope
from repartee.domain.user import User
from repartee.presentation.cli.fact_files import UserFile, read_facts, read_user_file, user_of
from repartee.presentation.cli.facts_backend import FactsBackend, opened_facts
from repartee.presentation.cli.failures import OneLineErrors, UserMistake
from repartee.presentation.cli.interact import Invitation, interact
from repartee.presentation.cli.load_facts import counted, facts_are, load_facts, shown_progress
from repartee.presentation.cli.reindex import reindex
from repartee.presentation.cli.runtime import Runtime

SAMPLE_USER: Final = Path("examples/users/maya.json")

_file = click.Path(path_type=Path)
_user_id = click.option("--user-id", required=True, metavar="ID", help="Whose facts.")


@click.group(cls=OneLineErrors)
@click.version_option(package_name="repartee")
def repartee() -> None:
    """Answer in character, with each user's facts. Settings come from REPARTEE_… variables and .env."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that knows fewer characters gets question marks
            stream.reconfigure(errors="replace")


@repartee.command()
@click.option("--host", metavar="ADDRESS", help="Default: REPARTEE_API__HOST or 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Default: REPARTEE_API__PORT or 8000; 0: a free one."
)
@click.option("--until-stdin-closes", is_flag=True, hidden=True)
@click.pass_obj
def serve(runtime: Runtime, host: str | None, port: int | None, until_stdin_closes: bool) -> None:
    """Serve the API until Ctrl-C."""
    runtime.serve(host, port, click.echo, until_stdin_closes=until_stdin_closes)


@repartee.command("interact")
@click.option(
    "--character", default="blaze", show_default=True, metavar="NAME", help="A shipped one, or a card's path."
)
@click.option("--user-file", type=_file, metavar="FILE", help=f"Who you are. Default: {SAMPLE_USER}.")
@click.option(
    "--api", metavar="URL", help="The API to talk to. Default: the one that runs here, or a new one."
)
@click.option("--no-color", is_flag=True, help="No colours.")
@click.pass_context
def interact_(
    context: click.Context, character: str, user_file: Path | None, api: str | None, no_color: bool
) -> None:
    """Chat in the terminal."""
    if api is not None and not api.startswith(("http://", "https://")):
        raise UserMistake("--api: must start with http:// or https://")
    runtime: Runtime = context.obj
    invitation = Invitation(character, _user_file(user_file), api, color=not no_color)
    context.exit(interact(runtime.client_settings(), invitation))


@repartee.group()
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
@click.option("--json", "as_json", is_flag=True, help="As JSON, which `facts add --file` reads back.")
@click.pass_obj
def list_(runtime: Runtime, user_id: str, as_json: bool) -> None:
    """Show everything that is remembered about a user."""
    owner = _checked(user_id)
    with opened_facts(runtime) as backend:
        found = list(backend.facts(owner))
    if as_json:
        rows = [fact.model_dump(mode="json") for fact in found]
        click.echo(json.dumps({"facts": rows}, ensure_ascii=False, indent=2))
        return
    for fact in found:
        click.echo(_line(fact))
    click.echo(f"{counted(len(found))} of {user_id}", err=True)


@facts.command("delete")
@_user_id
@click.option("--fact-id", metavar="ID", help="One fact. Default: all of them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(runtime: Runtime, user_id: str, fact_id: str | None, yes: bool) -> None:
    """Forget one fact, or everything about a user."""
    owner = _checked(user_id)
    with opened_facts(runtime) as backend:
        if fact_id is None and not yes and not _confirmed(backend, owner):
            click.echo("nothing was deleted")
            return
        deleted = backend.delete(owner, fact_id)
    click.echo(f"deleted {counted(deleted)} of {user_id}")


@facts.command("reindex")
@click.option("--drop", is_flag=True, help="Delete the old collections afterwards.")
@click.pass_obj
def reindex_(runtime: Runtime, drop: bool) -> None:
    """Carry facts over to the current embedder, after it was changed. Stop the API before."""
    click.echo(reindex(runtime, drop=drop))


def _user_file(path: Path | None) -> UserFile:
    if path is None and not SAMPLE_USER.exists():
        return UserFile(user=User(), facts=())
    return read_user_file(path or SAMPLE_USER)


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
    count = sum(1 for _ in backend.facts(user_id))
    return click.confirm(f"Forget {counted(count)} of {user_id}?")


def _line(fact: Fact) -> str:
    about = "" if fact.owner == "user" else "(about the character) "
    return f"{fact.id}  {about}{fact.text}"
