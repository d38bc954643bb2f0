"""The latest messages' vectors: a reply may be asked for again, and turns come back in the next context."""

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from repartee.application.ports import Vector


class QueryCache:
    """Keeps vectors by a hash of their texts, `size` at most, and forgets the least recently used first."""

    def __init__(self, size: int = 1_024) -> None:
        self._size = size
        self._kept: OrderedDict[bytes, array[float]] = OrderedDict()

    async def vectors(
        self, texts: Sequence[str], embed: Callable[[Sequence[str]], Awaitable[Sequence[Vector]]]
    ) -> list[Vector]:
        """Return one vector per text, in order. `embed` is asked once for what is missing, each text once."""
        keys = [_key(text) for text in texts]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            made = await embed(list(missing.values()))
            found |= {key: array("d", vector) for key, vector in zip(missing, made, strict=True)}
        self._keep(found)
        return [found[key].tolist() for key in keys]

    def _keep(self, found: dict[bytes, "array[float]"]) -> None:
        for key, vector in found.items():
            self._kept[key] = vector
            self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
