"""The `repartee-tune` command."""

import click


@click.group()
@click.version_option(package_name="repartee", prog_name="repartee-tune")
def cli() -> None:
    """Turn preferences into training data and a better model.

    This version has no commands yet.
    """
