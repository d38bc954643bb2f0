"""The arms of the service: which model, and which prompts, answer a request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from repartee.application.compose_prompt import ComposePrompt
from repartee.application.guard_reply import GuardPlan
from repartee.application.ports import ChatModel, ModelSource, Prompt, Sampling, ServedModel
from repartee.domain.errors import InvalidInput
from repartee.domain.experiment import DEFAULT_ARM, ArmShare, Experiment


class FixedModel(ModelSource):
    """A model that stays the same as long as the service runs."""

    def __init__(self, model: ChatModel) -> None:
        self._served = ServedModel(model)

    def current(self) -> ServedModel:
        """Return it."""
        return self._served


@dataclass(frozen=True, slots=True)
class Arm:
    """What answers a part of the users. `source` may have nothing to serve: a trial that is over."""

    name: str
    source: ModelSource
    compose_prompt: ComposePrompt


@dataclass(frozen=True, slots=True)
class ChosenArm:
    """An arm with the version that it had when the request began; it keeps that one to its end.

    `name` is None where the request named its model, which no arm stands for. `version` is None where only
    the model's answer tells it.
    """

    name: str | None
    model: ChatModel
    compose_prompt: ComposePrompt
    version: str | None = None

    @property
    def label(self) -> str:
        """The arm in metrics."""
        return self.name or "none"


@dataclass(frozen=True, slots=True)
class ArmPrompt:
    """What one arm is asked. Arms may differ in their prompts."""

    prompt: Prompt
    sampling: Sampling
    guard: GuardPlan | None = None


Rewrite = Callable[[ChosenArm], ArmPrompt]
"""Makes what another arm is asked from the same request."""


class Arms:
    """Choose the arm of a request.

    The user's id decides; without one it is the default arm. A request may name one of `nameable`, or its
    model, which then answers without an arm. An arm that has nothing to serve leaves its users to the
    default.
    """

    def __init__(
        self, experiment: Experiment, arms: Sequence[Arm], unarmed: ChosenArm, nameable: Sequence[str] = ()
    ) -> None:
        self._experiment = experiment
        self._arms: Mapping[str, Arm] = {arm.name: arm for arm in arms}
        self._unarmed = unarmed
        self._only = experiment.arms[0].name if len(experiment.arms) == 1 else None
        self.nameable = tuple(nameable)

    @classmethod
    def single(cls, model: ChatModel, compose_prompt: ComposePrompt) -> "Arms":
        """Return one arm that answers everybody."""
        return cls.of_source(FixedModel(model), model, compose_prompt)

    @classmethod
    def of_source(cls, source: ModelSource, model: ChatModel, compose_prompt: ComposePrompt) -> "Arms":
        """Return one arm that answers everybody, with what `source` serves at the time."""
        experiment = Experiment(DEFAULT_ARM, (ArmShare(DEFAULT_ARM, 100.0),), DEFAULT_ARM)
        arm = Arm(DEFAULT_ARM, source, compose_prompt)
        return cls(experiment, (arm,), ChosenArm(None, model, compose_prompt))

    @property
    def names(self) -> tuple[str, ...]:
        """The arms, as configured."""
        return tuple(self._arms)

    def chosen(self, user_id: str | None, wanted: str | None, model: str | None) -> ChosenArm:
        """Return the arm. Raises InvalidInput for one that the request may not name."""
        if wanted is not None:
            return self._wanted(wanted, model)
        if model is not None:
            return self._unarmed
        name = self._only or self._experiment.arm_of(user_id)
        return self._now(name) or self._default()

    def _wanted(self, wanted: str, model: str | None) -> ChosenArm:
        if model is not None:
            raise InvalidInput("must be left out where the request names its model", "arm")
        if wanted not in self.nameable:
            allowed = f": those are {', '.join(self.nameable)}" if self.nameable else ": leave it out"
            raise InvalidInput(f"is no arm that a request may name{allowed}", "arm")
        found = self._now(wanted)
        if found is None:
            raise InvalidInput("has no model at present: leave it out", "arm")
        return found

    def _now(self, name: str) -> ChosenArm | None:
        arm = self._arms[name]
        served = arm.source.current()
        return chosen_arm(arm, served) if served else None

    def _default(self) -> ChosenArm:
        found = self._now(self._experiment.default)
        if found is None:
            raise RuntimeError("the default arm has no model")
        return found


def chosen_arm(arm: Arm, served: ServedModel) -> ChosenArm:
    """Return the arm with what it serves now."""
    return ChosenArm(arm.name, served.model, arm.compose_prompt, served.version)
