"""The model that answers."""

from collections.abc import AsyncIterable
from contextlib import AsyncExitStack

from dishka import Provider, Scope, provide

from repartee.application.ports import ChatModel
from repartee.infrastructure.providers.models import ModelPlace, Models
from repartee.infrastructure.settings import Settings, revealed
from repartee.integrations.offline_chat_model import OfflineChatModel


class ChatModelProvider(Provider):
    """A folder in this process, or a server where a key or a base URL is set, else the offline responder."""

    scope = Scope.APP

    models = provide(Models)

    @provide
    async def chat_model(self, settings: Settings, models: Models) -> AsyncIterable[ChatModel]:
        """Open the client, close it at the end."""
        llm = settings.llm
        if llm.is_offline:
            yield OfflineChatModel(piece_delay=llm.piece_delay_seconds)
            return
        place = ModelPlace(
            dependency="model",
            base_url=llm.base_url,
            api_key=revealed(llm.api_key),
            model=llm.model,
            fallbacks=llm.fallbacks,
            folder=llm.folder,
            base_folder=llm.base_folder,
        )
        async with AsyncExitStack() as stack:
            yield await models.opened(place, stack)
