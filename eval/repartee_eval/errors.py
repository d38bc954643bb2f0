"""What can go wrong in evaluation, beside what can go wrong in the service."""

from repartee.domain.errors import ReparteeError


class EvalError(ReparteeError):
    """A file, a setting or a run is not as it has to be; the message names it and the fix."""

    code = "evaluation"
