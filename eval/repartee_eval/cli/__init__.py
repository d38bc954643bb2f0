"""The `repartee-eval` command: one module per subcommand."""

import sys
from io import TextIOWrapper

import click

from repartee_eval.cli.import_dialogues import import_dialogues
from repartee_eval.cli.one_line_errors import OneLineErrors
from repartee_eval.cli.retrieval import retrieval


@click.group(cls=OneLineErrors)
@click.version_option(package_name="repartee", prog_name="repartee-eval")
def cli() -> None:
    """Measure whether a change made the service better. Settings: REPARTEE_… variables and .env."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that knows fewer characters gets question marks
            stream.reconfigure(errors="replace")


for command in (import_dialogues, retrieval):
    cli.add_command(command)
