"""The append-only record of replies and feedback."""

from collections.abc import AsyncIterable

from dishka import Provider, Scope, provide

from repartee.application.ports import EventLog
from repartee.infrastructure.settings import Settings
from repartee.integrations.jsonl_event_log import JsonlEventLog


class EventLogProvider(Provider):
    """JSON lines in the data folder, where switched on."""

    scope = Scope.APP

    @provide
    async def event_log(self, settings: Settings) -> AsyncIterable[EventLog | None]:
        """Open the log, finish it at the end."""
        if not settings.events.enabled:
            yield None
            return
        log = JsonlEventLog(settings.events.folder or settings.data_dir / "events", settings.events.max_bytes)
        yield log
        await log.close()
