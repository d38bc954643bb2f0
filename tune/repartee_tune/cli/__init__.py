"""The `repartee-tune` command: one module per subcommand."""

import click

from repartee_tune.cli.one_line_errors import OneLineErrors


@click.group(cls=OneLineErrors)
@click.version_option(package_name="repartee", prog_name="repartee-tune")
def cli() -> None:
    """Turn preferences into training data and a better model."""
