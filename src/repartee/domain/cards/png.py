"""PNG files with a card in their text chunks.

Format: PNG 1.2 chunks (length, type, data, CRC); the card is base64 of UTF-8 JSON under the keyword `ccv3`
(Character Card V3) or `chara` (V2 and V1), in any letter case, `ccv3` first. V3's older way to embed assets,
chunks named `chara-ext-asset_:path`, is read and kept.
"""

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from repartee.domain.cards import limits
from repartee.domain.cards.card_json import refuse_encrypted
from repartee.domain.cards.limits import CardError
from repartee.domain.cards.member_paths import checked_path

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
CARD_KEYWORDS: Final = ("ccv3", "chara")
_ASSET_KEYWORD: Final = "chara-ext-asset_:"
_TEXT_TYPES: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk as it stands in the file, and its parts."""

    whole: bytes
    type: bytes
    data: bytes

    @property
    def keyword(self) -> str:
        """The keyword of a text chunk, else nothing."""
        if self.type not in _TEXT_TYPES:
            return ""
        return self.data.partition(b"\0")[0][:80].decode("latin-1")


def read_png_card(data: bytes) -> tuple[bytes, str]:
    """Return the card's JSON and the keyword that it stood under. Raises CardError."""
    texts = {chunk.keyword.lower(): chunk for chunk in reversed(list(_chunks(data))) if chunk.keyword}
    for keyword in CARD_KEYWORDS:
        if keyword in texts:
            text = _text(texts[keyword], keyword)
            if len(text) > limits.TEXT_CHUNK_BYTES:
                raise CardError(keyword, f"is larger than {limits.size(limits.JSON_BYTES)}: shorten the card")
            refuse_encrypted(text, keyword)
            return _from_base64(text, keyword), keyword
    raise CardError("PNG", "holds no card: it has neither a `ccv3` nor a `chara` text chunk")


def png_assets(data: bytes) -> dict[str, bytes]:
    """Return what `chara-ext-asset_:path` chunks hold, by path. Raises CardError.

    Few bytes of compressed chunks unpack to many: all of them together have the limits of a CHARX.
    """
    found: dict[str, bytes] = {}
    left = limits.UNPACKED_BYTES
    for chunk in _chunks(data):
        if chunk.keyword.startswith(_ASSET_KEYWORD):
            path = checked_path(chunk.keyword.removeprefix(_ASSET_KEYWORD), "PNG")
            text = _text(chunk, "chara-ext-asset_")
            left -= len(text)
            if left < 0:
                raise CardError(
                    "PNG", f"assets take more than {limits.size(limits.UNPACKED_BYTES)}: remove some"
                )
            if len(found) >= limits.ZIP_ENTRIES:
                raise CardError("PNG", f"holds more than {limits.ZIP_ENTRIES} assets: remove some")
            found[path] = _from_base64(text, "chara-ext-asset_")
    return found


def with_card(image: bytes, cards: Mapping[str, bytes]) -> bytes:
    """Return the image with these cards (keyword to JSON) before its end, and no others.

    Every other chunk, and what follows the image, stays as it is. Raises CardError.
    """
    kept = [chunk for chunk in _chunks(image) if chunk.keyword.lower() not in CARD_KEYWORDS]
    body = b"".join(chunk.whole for chunk in kept[:-1])
    texts = b"".join(
        made_chunk(b"tEXt", keyword.encode() + b"\0" + base64.b64encode(card))
        for keyword, card in cards.items()
    )
    return SIGNATURE + body + texts + kept[-1].whole + _trailer(image)


def made_chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield the chunks up to IEND. Raises CardError for a file that is damaged or too large to be a card."""
    if not data.startswith(SIGNATURE):
        raise CardError("PNG", "is not a PNG file: give one")
    at = len(SIGNATURE)
    for number in range(limits.PNG_CHUNKS):
        chunk = _chunk_at(data, at)
        if number == 0:
            _check_header(chunk)
        yield chunk
        if chunk.type == b"IEND":
            return
        at += len(chunk.whole)
    raise CardError("PNG", f"has more than {limits.PNG_CHUNKS} chunks: save the image again")


def _chunk_at(data: bytes, at: int) -> _Chunk:
    if at + 12 > len(data):
        raise CardError("PNG", "ends too soon: get the whole file")
    length, kind = struct.unpack_from(">I4s", data, at)
    end = at + 12 + length
    if end > len(data):
        raise CardError("PNG", "ends inside a chunk: get the whole file")
    if struct.unpack_from(">I", data, end - 4)[0] != zlib.crc32(data[at + 4 : end - 4]):
        raise CardError("PNG", "is damaged: a chunk does not have its checksum (CRC): get the file again")
    return _Chunk(data[at:end], kind, data[at + 8 : end - 4])


def _check_header(chunk: _Chunk) -> None:
    if chunk.type != b"IHDR" or len(chunk.data) != 13:
        raise CardError("PNG", "does not begin with a header (IHDR): save the image again")
    width, height = struct.unpack_from(">II", chunk.data)
    if not 0 < width * height <= limits.PNG_PIXELS:
        raise CardError("PNG", f"must have 1 to {limits.PNG_PIXELS} pixels: scale the image")


def _trailer(data: bytes) -> bytes:
    return data[len(SIGNATURE) + sum(len(chunk.whole) for chunk in _chunks(data)) :]


def _text(chunk: _Chunk, place: str) -> bytes:
    """Return the text of a tEXt, zTXt or iTXt chunk."""
    body = chunk.data.partition(b"\0")[2]
    if chunk.type == b"zTXt":
        return _inflated(body[1:], place)
    if chunk.type == b"iTXt":
        compressed, fields = body[:1] == b"\1", body[2:].split(b"\0", 2)
        return _inflated(fields[-1], place) if compressed else fields[-1]
    return body


def _inflated(data: bytes, place: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, limits.TEXT_CHUNK_BYTES)
    except zlib.error:
        raise CardError(place, "its compressed text is damaged: get the file again") from None
    if unpacker.unconsumed_tail:
        raise CardError(place, f"unpacks to more than {limits.size(limits.JSON_BYTES)}: shorten the card")
    if not unpacker.eof:
        raise CardError(place, "its compressed text ends too soon: get the whole file")
    return text


def _from_base64(text: bytes, place: str) -> bytes:
    packed = b"".join(text.split())
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error:
        raise CardError(place, "is not base64: export the card again") from None
