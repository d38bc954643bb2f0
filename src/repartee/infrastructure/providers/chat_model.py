"""The model that answers."""

from collections.abc import AsyncIterable

from dishka import Provider, Scope, provide

from repartee.application.ports import ChatModel
from repartee.infrastructure.providers.upstreams import Upstreams
from repartee.infrastructure.settings import OPENROUTER, Settings
from repartee.integrations.offline_chat_model import OfflineChatModel

_OPENROUTER_MODEL = "openrouter/auto"


class ChatModelProvider(Provider):
    """An OpenAI-compatible server where a key or a base URL is set, else the offline responder."""

    scope = Scope.APP

    @provide
    async def chat_model(self, settings: Settings, upstreams: Upstreams) -> AsyncIterable[ChatModel]:
        """Open the client, close it at the end."""
        if settings.llm.is_offline:
            yield OfflineChatModel(piece_delay=settings.llm.piece_delay_seconds)
            return
        # The vendor's package takes 0.5 s to import, which the offline service would pay for nothing.
        from repartee.integrations.openai_chat_model import OpenAIChatModel  # noqa: PLC0415

        llm = settings.llm
        model = OpenAIChatModel(
            base_url=llm.base_url or OPENROUTER,
            api_key=llm.api_key.get_secret_value() if llm.api_key else None,
            model=llm.model or (_OPENROUTER_MODEL if llm.base_url in {None, OPENROUTER} else None),
            upstream=upstreams.protected("model"),
            connect_timeout=llm.connect_seconds,
            attempt_timeout=llm.attempt_seconds,
            fallbacks=llm.fallbacks,
        )
        yield model
        await model.close()
