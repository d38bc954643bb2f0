"""How a command says what went wrong."""

from typing import Any

import click

from repartee.domain.errors import ReparteeError


class OneLineErrors(click.Group):
    """Expected errors are one line on standard error: status 2 for a wrong command line, 1 for the rest."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read the output has enough; click ends quietly
            raise
        except (click.UsageError, ReparteeError, OSError) as error:
            message = error.format_message() if isinstance(error, click.ClickException) else str(error)
            click.echo(f"error: {' '.join(message.split())}", err=True)
            ctx.exit(2 if isinstance(error, click.UsageError) else 1)
