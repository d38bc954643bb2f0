"""What can go wrong in tuning, beside what can go wrong in the service and in evaluation."""

from repartee.domain.errors import ReparteeError


class TuneError(ReparteeError):
    """A dataset, a recipe, a run or a registry is not as it has to be; the message names it and the fix."""

    code = "tuning"
