"""What may go wrong at the command line: one line each, and an exit status that says whose turn it is.

Status 2: what was asked for is wrong and asking again will not help. Status 1: it failed at run time.
"""

from typing import Any, Final

import click

from repartee.domain import errors


class UserMistake(Exception):
    """A file, an option or an answer that cannot be used. The message names it and the fix."""


class RunFailed(Exception):
    """Something failed while the command was at work. The message says what was done all the same."""


class ApiProblem(Exception):
    """The API answered with a problem document."""

    def __init__(self, detail: str, code: str, status: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.status = status


class ApiUnreachable(Exception):
    """No answer, or a connection that broke before the answer's end."""


EXPECTED: Final = (errors.ReparteeError, UserMistake, RunFailed, ApiProblem, ApiUnreachable)

_MISTAKES: Final = (
    UserMistake,
    errors.InvalidInput,
    errors.NotFound,
    errors.Conflict,
    errors.Unauthorized,
    errors.ConfigurationError,
)


def one_line(error: Exception) -> str:
    """Return an expected error as one line of text."""
    return " ".join(str(error).split())


def exit_status(error: Exception) -> int:
    """Return 2 for a mistake of whoever asked, 1 for a failure."""
    if isinstance(error, ApiProblem):
        return 2 if 400 <= error.status < 500 else 1
    return 2 if isinstance(error, _MISTAKES) else 1


class OneLineErrors(click.Group):
    """A group of commands whose expected errors are one line on standard error, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except EXPECTED as error:
            click.echo(f"error: {one_line(error)}", err=True)
            ctx.exit(exit_status(error))
