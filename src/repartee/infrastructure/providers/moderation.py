"""What labels messages, where configured."""

from dishka import Provider, Scope, provide

from repartee.application.ports import Moderator
from repartee.infrastructure.settings import Settings
from repartee.integrations.linear_moderator import LinearModerator


class ModerationProvider(Provider):
    """A classifier from a folder, or none."""

    scope = Scope.APP

    @provide
    def moderator(self, settings: Settings) -> Moderator | None:
        """Read the folder."""
        folder = settings.moderation.folder
        return LinearModerator(folder) if folder else None
