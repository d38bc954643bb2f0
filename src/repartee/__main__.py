"""`python -m repartee`, and the `repartee` command: Ctrl-C ends it quietly even while it is still loading."""

import sys


def run() -> None:
    """Run the `repartee` command."""
    try:
        from repartee.main import cli  # noqa: PLC0415  # loading takes a second, in which Ctrl-C may come

        cli()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
