"""Counters and histograms."""

from dishka import AnyOf, Provider, Scope, provide

from repartee.application.ports import Telemetry
from repartee.infrastructure.telemetry import PrometheusTelemetry


class TelemetryProvider(Provider):
    """Prometheus."""

    scope = Scope.APP

    @provide
    def telemetry(self) -> AnyOf[PrometheusTelemetry, Telemetry]:
        """One registry for the application."""
        return PrometheusTelemetry()
