"""How much a card may hold, and the one error for a card that cannot be used.

A file is read only as far as these allow: what it declares is checked first, and what comes out of a
decompressor is counted while it comes.
"""

from typing import Final

from repartee.domain.errors import InvalidInput

MIB: Final = 1 << 20

FILE_BYTES: Final = 64 * MIB
JSON_BYTES: Final = 8 * MIB
YAML_BYTES: Final = 2 * MIB
DEPTH: Final = 64
VALUES: Final = 500_000

PNG_CHUNKS: Final = 20_000
PNG_PIXELS: Final = 64 * MIB
TEXT_CHUNK_BYTES: Final = JSON_BYTES * 4 // 3 + 1_024

ZIP_ENTRIES: Final = 2_000
ZIP_DIRECTORY_BYTES: Final = MIB
UNPACKED_BYTES: Final = 128 * MIB
UNPACKED_RATIO: Final = 200
RATIO_FREE_BYTES: Final = MIB
PATH_CHARACTERS: Final = 512


class CardError(InvalidInput):
    """A card that cannot be used. The message opens with the place: a field, or the part of the file."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}", field=place)


def size(count: int) -> str:
    """Return a limit for people to read.

    >>> size(8 * MIB)
    '8 MiB'
    """
    return f"{count / MIB:g} MiB"
