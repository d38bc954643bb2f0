"""The dependencies of this process: one circuit and one retry budget for each."""

from collections.abc import Mapping
from functools import partial

from dishka import Provider, Scope, provide

from repartee.application.ports import Telemetry
from repartee.domain.errors import UpstreamError
from repartee.integrations.circuit_breaker import CircuitBreaker
from repartee.integrations.retry_budget import RetryBudget
from repartee.integrations.transport import Upstream


class Upstreams:
    """Hands out what adapters call through, and knows which circuits are open."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._breakers: dict[str, CircuitBreaker] = {}

    def protected(self, dependency: str) -> Upstream:
        """Return the dependency with a circuit and a budget of its own."""
        breaker = CircuitBreaker(dependency, partial(self._telemetry.circuit, dependency))
        self._breakers[dependency] = breaker
        self._telemetry.circuit(dependency, breaker.state)
        return Upstream(dependency, self._telemetry, breaker=breaker, budget=RetryBudget())

    def refusals(self) -> Mapping[str, UpstreamError]:
        """Return the dependencies that are not called now, with the reason."""
        return {name: refusal for name, breaker in self._breakers.items() if (refusal := breaker.refusal())}


class UpstreamsProvider(Provider):
    """One registry for the application."""

    scope = Scope.APP

    upstreams = provide(Upstreams)
