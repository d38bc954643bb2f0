"""The `repartee` command."""

import sys
from io import TextIOWrapper
from pathlib import Path

import click

from repartee.domain.user import User
from repartee.presentation.cli.card_commands import card
from repartee.presentation.cli.extract_commands import extract
from repartee.presentation.cli.fact_commands import SAMPLE_USER, facts
from repartee.presentation.cli.fact_files import UserFile, read_user_file
from repartee.presentation.cli.failures import OneLineErrors, UserMistake
from repartee.presentation.cli.interact import DEFAULT_CHARACTER, Invitation, interact
from repartee.presentation.cli.resumed_chat import ResumedChat
from repartee.presentation.cli.runtime import Runtime
from repartee.presentation.cli.transcript_commands import chat
from repartee.presentation.cli.user_commands import users

_file = click.Path(path_type=Path)


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
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    metavar="COUNT",
    help="Processes that serve behind the one address; several need a Qdrant server. "
    "Default: REPARTEE_API__WORKERS or 1.",
)
@click.option("--until-stdin-closes", is_flag=True, hidden=True)
@click.pass_obj
def serve(
    runtime: Runtime, host: str | None, port: int | None, workers: int | None, until_stdin_closes: bool
) -> None:
    """Serve the API until Ctrl-C."""
    runtime.serve(host, port, click.echo, workers=workers, until_stdin_closes=until_stdin_closes)


@repartee.command("interact")
@click.option(
    "--character",
    "--card",
    metavar="NAME",
    help="A shipped one, or a card's path: .json, .yaml, .png or .charx. "
    f"Default: {DEFAULT_CHARACTER}, or whose chat is resumed.",
)
@click.option(
    "--user-file",
    type=_file,
    metavar="FILE",
    help=f"Who you are. Default: {SAMPLE_USER}, or who was in the resumed chat.",
)
@click.option("--resume", type=_file, metavar="FILE", help="Go on from what /save wrote, or SillyTavern.")
@click.option(
    "--api", metavar="URL", help="The API to talk to. Default: the one that runs here, or a new one."
)
@click.option("--no-color", is_flag=True, help="No colours.")
@click.pass_context
def interact_(
    context: click.Context,
    character: str | None,
    user_file: Path | None,
    resume: Path | None,
    api: str | None,
    no_color: bool,
) -> None:
    """Chat in the terminal."""
    if api is not None and not api.startswith(("http://", "https://")):
        raise UserMistake("--api: must start with http:// or https://")
    runtime: Runtime = context.obj
    resumed = ResumedChat.of(resume) if resume else None
    who = _user_file(user_file, resumed)
    invitation = Invitation(character, who, api, color=not no_color, resumed=resumed)
    context.exit(interact(runtime.client_settings(), invitation))


facts.add_command(extract)
repartee.add_command(facts)
repartee.add_command(users)
repartee.add_command(card)
repartee.add_command(chat)


def _user_file(path: Path | None, resumed: ResumedChat | None) -> UserFile:
    if path is None and resumed:
        return UserFile(user=resumed.transcript.cast.user, facts=())
    if path is None and not SAMPLE_USER.exists():
        return UserFile(user=User(), facts=())
    return read_user_file(path or SAMPLE_USER)
