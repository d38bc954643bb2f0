"""The append-only record of replies and feedback."""

from collections.abc import AsyncIterable
from dataclasses import dataclass

from dishka import Provider, Scope, provide

from repartee.application.moderated_event_log import ModeratedEventLog
from repartee.application.ports import EventLog, Moderator
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.settings import Settings
from repartee.integrations.jsonl_event_log import JsonlEventLog


@dataclass(frozen=True, slots=True)
class KeptEvents:
    """The log to read and to erase: also what was recorded before it was switched off."""

    log: EventLog


class EventLogProvider(Provider):
    """JSON lines in the data folder, where switched on."""

    scope = Scope.APP

    @provide
    async def event_log(
        self, settings: Settings, moderator: Moderator | None
    ) -> AsyncIterable[EventLog | None]:
        """Open the log, finish it at the end."""
        if not settings.events.enabled:
            if moderator:
                raise ConfigurationError(
                    "REPARTEE_MODERATION__FOLDER labels what is logged: set REPARTEE_EVENTS__ENABLED=true"
                )
            yield None
            return
        log = _log(settings)
        yield ModeratedEventLog(log, moderator) if moderator else log
        await log.close()

    @provide
    def kept_events(self, settings: Settings, event_log: EventLog | None) -> KeptEvents:
        """Open nothing that is not open."""
        return KeptEvents(event_log or _log(settings))


def _log(settings: Settings) -> JsonlEventLog:
    return JsonlEventLog(settings.events.folder or settings.data_dir / "events", settings.events.max_bytes)
