"""Counters and histograms, and traces where they are wanted."""

from collections.abc import Iterable

from dishka import AnyOf, Provider, Scope, provide

from repartee.application.ports import Telemetry
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.settings import Settings
from repartee.infrastructure.telemetry import PrometheusTelemetry
from repartee.integrations.transport import tracing_outgoing


class TelemetryProvider(Provider):
    """Prometheus, with OpenTelemetry beside it where tracing is switched on."""

    scope = Scope.APP

    @provide
    def telemetry(self, settings: Settings) -> Iterable[AnyOf[PrometheusTelemetry, Telemetry]]:
        """One registry for the application; spans that wait are sent at the end."""
        if not settings.tracing.enabled:
            yield PrometheusTelemetry()
            return
        try:  # an optional extra, and nothing that a service without traces should load
            from repartee.infrastructure import tracing  # noqa: PLC0415
        except ImportError:
            raise ConfigurationError(
                "REPARTEE_TRACING__ENABLED needs OpenTelemetry: pip install 'repartee[otel]'"
            ) from None
        provider = tracing.make_tracer_provider(settings.tracing.endpoint, settings.tracing.share)
        traced = tracing.TracedTelemetry(provider)
        with tracing_outgoing(tracing.trace_context()):
            yield traced
        traced.close()
