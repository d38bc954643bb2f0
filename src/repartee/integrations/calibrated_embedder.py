"""Any embedder with other thresholds than its own: the operator's. Its vectors stay what they are."""

from collections.abc import Sequence

from repartee.application.ports import Embedder, EmbedderProfile, Vector


class CalibratedEmbedder(Embedder):
    """Passes every call on; only `profile` is another one, with the same id."""

    def __init__(self, embedder: Embedder, profile: EmbedderProfile) -> None:
        self._embedder = embedder
        self._profile = profile

    @property
    def profile(self) -> EmbedderProfile:
        """The identity of the vectors, with the thresholds in use."""
        return self._profile

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of a message."""
        return await self._embedder.embed_query(text)

    async def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per message, in order."""
        return await self._embedder.embed_queries(texts)

    async def embed_facts(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, in order."""
        return await self._embedder.embed_facts(texts)

    async def check(self) -> None:
        """Check the embedder."""
        await self._embedder.check()
