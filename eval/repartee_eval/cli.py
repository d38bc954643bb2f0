"""The `repartee-eval` command."""

import click


@click.group()
@click.version_option(package_name="repartee", prog_name="repartee-eval")
def cli() -> None:
    """Judge replies and decide whether a change made the character better.

    This version has no commands yet.
    """
