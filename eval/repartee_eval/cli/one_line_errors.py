"""How a command says what went wrong."""

from typing import Any, Final

import click

from repartee.domain.errors import ConfigurationError, ReparteeError
from repartee_eval.retrieval_data import RetrievalDataError
from repartee_eval.sweep import SweepError

_MISTAKES: Final = (RetrievalDataError, SweepError, ConfigurationError, click.UsageError)


class OneLineErrors(click.Group):
    """Expected errors are one line on standard error: status 2 for whoever asked, 1 for a failure."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read the output has enough; click ends quietly
            raise
        except (*_MISTAKES, ReparteeError, OSError) as error:
            message = error.format_message() if isinstance(error, click.ClickException) else str(error)
            click.echo(f"error: {' '.join(message.split())}", err=True)
            ctx.exit(2 if isinstance(error, _MISTAKES) else 1)
