"""The dependency container: one provider per integration, checked when it is built."""

from dishka import STRICT_VALIDATION, AsyncContainer, Provider, Scope, from_context, make_async_container

from repartee.infrastructure.providers.arms import ArmsProvider
from repartee.infrastructure.providers.chat_model import ChatModelProvider
from repartee.infrastructure.providers.embedder import EmbedderProvider
from repartee.infrastructure.providers.event_log import EventLogProvider
from repartee.infrastructure.providers.fact_store import FactStoreProvider
from repartee.infrastructure.providers.memory import MemoryProvider
from repartee.infrastructure.providers.moderation import ModerationProvider
from repartee.infrastructure.providers.prompt import PromptProvider
from repartee.infrastructure.providers.reranker import RerankerProvider
from repartee.infrastructure.providers.safety import SafetyProvider
from repartee.infrastructure.providers.telemetry import TelemetryProvider
from repartee.infrastructure.providers.upstreams import UpstreamsProvider
from repartee.infrastructure.providers.use_cases import UseCaseProvider
from repartee.infrastructure.settings import Settings


class SettingsProvider(Provider):
    """The settings, handed in from outside."""

    settings = from_context(Settings, scope=Scope.APP)


def make_container(settings: Settings, *overrides: Provider) -> AsyncContainer:
    """Return the container. An incomplete graph, or an override of nothing, fails here."""
    return make_async_container(
        SettingsProvider(),
        ChatModelProvider(),
        ArmsProvider(),
        EmbedderProvider(),
        RerankerProvider(),
        FactStoreProvider(),
        PromptProvider(),
        EventLogProvider(),
        ModerationProvider(),
        TelemetryProvider(),
        UpstreamsProvider(),
        UseCaseProvider(),
        MemoryProvider(),
        SafetyProvider(),
        *overrides,
        context={Settings: settings},
        validation_settings=STRICT_VALIDATION,
    )
