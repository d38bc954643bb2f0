"""The latest messages' vectors: a reply may be asked for again, and turns come back in the next context."""

import hashlib
import struct
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from repartee.application.ports import Vector


class QueryCache:
    """Keeps vectors by a hash of their texts, `size` at most, and forgets the least recently used first.

    They are kept packed, a quarter of what a list takes.
    """

    def __init__(self, size: int = 1_024) -> None:
        self._size = size
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()

    async def vectors(
        self, texts: Sequence[str], embed: Callable[[Sequence[str]], Awaitable[Sequence[Vector]]]
    ) -> list[Vector]:
        """Return one vector per text, in order. `embed` is asked once for what is missing, each text once."""
        keys = [_key(text) for text in texts]
        found: dict[bytes, Vector] = {key: _unpacked(self._kept[key]) for key in keys if key in self._kept}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            made = await embed(list(missing.values()))
            found |= zip(missing, made, strict=True)
        self._keep(found)
        return [found[key] for key in keys]

    def _keep(self, found: dict[bytes, Vector]) -> None:
        kept = self._kept
        for key, vector in found.items():
            if key not in kept:
                kept[key] = struct.pack(f"{len(vector)}d", *vector)
            kept.move_to_end(key)
        while len(kept) > self._size:
            kept.popitem(last=False)


def _unpacked(vector: bytes) -> Vector:
    return list(struct.unpack(f"{len(vector) // 8}d", vector))


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
