"""The `repartee-eval` command: one module per subcommand, imported when it is called."""

import sys
from collections.abc import Mapping
from importlib import import_module
from io import TextIOWrapper
from typing import Final

import click

from repartee_eval.cli.one_line_errors import OneLineErrors

_MODULES: Final[Mapping[str, str]] = {
    "analyze": "analyze",
    "compare": "compare",
    "converse": "converse",
    "export": "export_run",
    "import": "import_dialogues",
    "judges": "judges",
    "moderate": "moderate",
    "plan": "plan",
    "preferences": "preferences",
    "report": "report",
    "retrieval": "retrieval",
    "rollout": "rollout",
    "score": "score",
}


class Commands(OneLineErrors):
    """The statistics take seconds to import, which a command that needs none should not pay for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """Return the commands' names."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 click's
        """Return a command, None for a name that is none."""
        if cmd_name not in _MODULES:
            return None
        name = _MODULES[cmd_name]
        command = getattr(import_module(f"repartee_eval.cli.{name}"), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"repartee_eval.cli.{name}.{name} is not a command")
        return command


@click.group(cls=Commands)
@click.version_option(package_name="repartee", prog_name="repartee-eval")
def cli() -> None:
    """Measure whether a change made the service better. Settings: REPARTEE_… variables and .env."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that knows fewer characters gets question marks
            stream.reconfigure(errors="replace")
