"""The `repartee-tune` command: one module per subcommand."""

import logging

import click

from repartee_tune.cli.calibrate_threshold import calibrate_threshold
from repartee_tune.cli.data import data
from repartee_tune.cli.export import export
from repartee_tune.cli.gate import gate
from repartee_tune.cli.launch import launch
from repartee_tune.cli.merge import merge
from repartee_tune.cli.one_line_errors import OneLineErrors
from repartee_tune.cli.registry import registry
from repartee_tune.cli.train import train


@click.group(cls=OneLineErrors)
@click.version_option(package_name="repartee", prog_name="repartee-tune")
def cli() -> None:
    """Turn preferences into training data and a better model."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it misses an optional package on every start


for command in (data, export, train, merge, launch, gate, registry, calibrate_threshold):
    cli.add_command(command)
