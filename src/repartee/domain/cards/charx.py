"""CHARX: a zip with the card as `card.json` and its assets beside it.

Format: Character Card V3. RisuAI also writes it behind a JPEG, in one file; what stands before the zip is
kept, and so are members that no format names (`module.risum`, `x_meta/…`).
"""

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from repartee.domain.cards import limits
from repartee.domain.cards.limits import CardError
from repartee.domain.cards.member_paths import checked_path

ZIP_STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06")
JPEG_START: Final = b"\xff\xd8\xff"
CARD_NAME: Final = "card.json"
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_UNREADABLE: Final = (
    BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    struct.error,
    zlib.error,
)
"""What zipfile raises for damaged input."""


@dataclass(frozen=True, slots=True)
class CharxFile:
    """`before` is what stood before the zip: a JPEG, or nothing."""

    card: bytes
    assets: dict[str, bytes]
    before: bytes


def read_charx(data: bytes) -> CharxFile:
    """Return what the archive holds. Raises CardError."""
    _check_directory(data)
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            members = {entry.filename: _content(archive, entry) for entry in _checked(archive.infolist())}
            before = _before(data, archive)
    except CardError:
        raise
    except _UNREADABLE:
        raise CardError("CHARX", "the zip is damaged or uses a rare feature: pack it again") from None
    if CARD_NAME not in members:
        raise CardError("CHARX", f"holds no {CARD_NAME} at its root: pack the card with that name")
    return CharxFile(members.pop(CARD_NAME), members, before)


def write_charx(card: bytes, assets: Mapping[str, bytes], before: bytes = b"") -> bytes:
    """Return an archive; the same content gives the same bytes. Raises CardError for an unsafe path."""
    if CARD_NAME in assets:
        raise CardError("CHARX", f"an asset has the card's own path, {CARD_NAME}: rename it")
    packed = io.BytesIO(before)
    packed.seek(0, io.SEEK_END)
    with ZipFile(packed, "a" if before else "w") as archive:
        archive.writestr(_entry(CARD_NAME, ZIP_DEFLATED), card)
        for path, content in assets.items():
            archive.writestr(_entry(checked_path(path, "CHARX"), ZIP_STORED), content)
    return packed.getvalue()


def _entry(path: str, method: int) -> ZipInfo:
    entry = ZipInfo(path)
    entry.compress_type = method
    entry.external_attr = 0o644 << 16
    return entry


def _check_directory(data: bytes) -> None:
    """Raise CardError for a directory that would take much memory to read."""
    end = data.rfind(_END)
    if end < 0 or end + _END_BYTES > len(data):
        raise CardError("CHARX", "the zip ends too soon: get the whole file")
    if data[end - 20 : end - 16] == _ZIP64_LOCATOR:
        raise CardError("CHARX", "is a zip64 archive: pack it as a plain zip")
    (directory_bytes,) = struct.unpack_from("<I", data, end + 12)
    if directory_bytes > limits.ZIP_DIRECTORY_BYTES:
        raise CardError("CHARX", f"holds more than {limits.ZIP_ENTRIES} files: remove some")


def _checked(entries: list[ZipInfo]) -> list[ZipInfo]:
    """Return the files among the entries. Raises CardError for what they declare."""
    files = [entry for entry in entries if not entry.is_dir()]
    if len(entries) > limits.ZIP_ENTRIES:
        raise CardError("CHARX", f"holds more than {limits.ZIP_ENTRIES} files: remove some")
    if len({entry.filename for entry in files}) != len(files):
        raise CardError("CHARX", "two files have the same path: keep one of them")
    if sum(entry.file_size for entry in files) > limits.UNPACKED_BYTES:
        raise CardError("CHARX", f"unpacks to more than {limits.size(limits.UNPACKED_BYTES)}: remove assets")
    for entry in files:
        _check(entry)
    return files


def _check(entry: ZipInfo) -> None:
    checked_path(entry.orig_filename, "CHARX")
    if entry.flag_bits & 0x1:
        raise CardError("CHARX", "is encrypted: pack it without a password")
    if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise CardError("CHARX", "uses a rare compression: pack it with `deflate` or `store`")
    if entry.filename == CARD_NAME:
        if entry.file_size > limits.JSON_BYTES:
            raise CardError(CARD_NAME, f"is larger than {limits.size(limits.JSON_BYTES)}: shorten the card")
        return
    allowed = max(limits.RATIO_FREE_BYTES, entry.compress_size * limits.UNPACKED_RATIO)
    if entry.file_size > allowed:
        raise CardError(
            "CHARX", f"an asset unpacks to more than {limits.UNPACKED_RATIO} times its size: remove it"
        )


def _before(data: bytes, archive: ZipFile) -> bytes:
    if not data.startswith(JPEG_START):
        return b""
    return data[: min((entry.header_offset for entry in archive.infolist()), default=0)]


def _content(archive: ZipFile, entry: ZipInfo) -> bytes:
    """Unpack a file; zipfile stops at the declared size and checks the CRC."""
    with archive.open(entry) as file:
        content = file.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise CardError("CHARX", "a file in the zip has another size than declared: pack it again")
    return content
