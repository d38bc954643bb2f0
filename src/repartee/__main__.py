"""`python -m repartee` is the `repartee` command."""

from repartee.main import cli

if __name__ == "__main__":
    cli()
