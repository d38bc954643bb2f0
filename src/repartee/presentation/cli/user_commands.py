"""`repartee users …`: everything that is stored about one user, facts and recorded replies alike."""

import sys
from collections import Counter
from pathlib import Path

import click

from repartee.domain.fact import TenantScope
from repartee.presentation.cli.facts_backend import opened_facts
from repartee.presentation.cli.failures import UserMistake
from repartee.presentation.cli.load_facts import counted
from repartee.presentation.cli.output_files import opened_output
from repartee.presentation.cli.runtime import Runtime
from repartee.presentation.ndjson import line_of

_user_id = click.option("--user-id", required=True, metavar="ID", help="Who.")


@click.group()
def users() -> None:
    """Everything that is stored about a user: through the running API, or directly if there is none."""


@users.command("export")
@_user_id
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="Where to: JSON Lines."
)
@click.pass_obj
def export(runtime: Runtime, user_id: str, out: Path) -> None:
    """Write facts, recorded replies and feedback of a user to a file."""
    owner = TenantScope(user_id).user_id
    kinds: Counter[str] = Counter()
    with opened_facts(runtime) as backend, opened_output(out) as file:
        for row in backend.export_user(owner):
            file.write(line_of(row))
            kinds[row["type"]] += 1
    click.echo(f"exported {_counts(kinds['fact'], kinds['event'])} of {user_id} to {out}")


@users.command("erase")
@_user_id
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def erase(runtime: Runtime, user_id: str, yes: bool) -> None:
    """Erase facts, recorded replies and feedback of a user for good."""
    owner = TenantScope(user_id).user_id
    if not yes and not _confirmed(owner):
        click.echo("nothing was erased")
        return
    with opened_facts(runtime) as backend:
        erased = backend.erase_user(owner)
    click.echo(f"erased {_counts(erased.facts, erased.events)} of {user_id}")


def _confirmed(user_id: str) -> bool:
    if not sys.stdin.isatty():
        raise UserMistake(f"add --yes to erase everything about {user_id}")
    return click.confirm(f"Erase everything about {user_id}, the event log included?")


def _counts(facts: int, events: int) -> str:
    return f"{counted(facts)} and {events} event{'' if events == 1 else 's'}"
