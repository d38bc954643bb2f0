"""JSON Lines: one object per line, UTF-8. A line ends at a line feed and nowhere else."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

MEDIA_TYPE: Final = "application/x-ndjson"


def line_of(row: Mapping[str, Any]) -> bytes:
    """Return the row as one line."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def lines_in(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a text that comes in pieces, without their ends."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest
