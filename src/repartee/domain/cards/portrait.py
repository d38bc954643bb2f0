"""The picture of a card: found in any format, and put where a format wants it.

Format: Character Card V3, `data.assets`: the icon named `main`; `ccdefault:` stands for the PNG that holds
the card, and so has no meaning outside of one.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final

from repartee.domain.cards import png
from repartee.domain.cards.assets import asset_entries, asset_path

MAIN_ICON_PATH: Final = "assets/icon/images/main.png"

_ICON_FOLDER: Final = "assets/icon/"
_PICTURES: Final = (png.SIGNATURE, b"\xff\xd8\xff", b"GIF8")
_SIDE: Final = 64
_COLOR: Final = b"\x5b\x6c\x8f"


def main_icon(data: Mapping[str, Any], assets: Mapping[str, bytes]) -> bytes | None:
    """Return the main icon among the assets, if it is there and a PNG."""
    for entry in _icons(data):
        content = assets.get(asset_path(entry) or "")
        if content and content.startswith(png.SIGNATURE):
            return content
    return None


def main_picture(data: Mapping[str, Any], assets: Mapping[str, bytes]) -> bytes | None:
    """Return the main icon among the assets, a picture of any kind that browsers show; None without one.

    A card that names none may have one in its folder of icons.
    """
    named = [asset_path(entry) or "" for entry in _icons(data)]
    found = [path for path in assets if path.startswith(_ICON_FOLDER)]
    pictures = (assets.get(path, b"") for path in (*named, *found))
    return next((picture for picture in pictures if _is_picture(picture)), None)


def _icons(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of icons, the main one first."""
    icons = [entry for entry in asset_entries(data) if entry.get("type") == "icon"]
    return sorted(icons, key=lambda entry: entry.get("name") != "main")


def _is_picture(content: bytes) -> bool:
    return content.startswith(_PICTURES) or content[8:12] == b"WEBP" or content[4:12] == b"ftypavif"


def with_icon(card: dict[str, Any], assets: Mapping[str, bytes]) -> tuple[dict[str, Any], bool]:
    """Return a V3 card that names `MAIN_ICON_PATH` as its icon, and whether there was room for one.

    A card that names another icon, or an asset of that path, is left alone.
    """
    entries = card["data"].get("assets") or []
    if MAIN_ICON_PATH in assets or not isinstance(entries, list):
        return card, False
    listed = [_named(entry) for entry in entries]
    if not entries:
        listed = [{"type": "icon", "uri": f"embeded://{MAIN_ICON_PATH}", "name": "main", "ext": "png"}]
    if not any(asset_path(entry) == MAIN_ICON_PATH for entry in listed if isinstance(entry, dict)):
        return card, False
    return {**card, "data": {**card["data"], "assets": listed}}, True


def plain_image() -> bytes:
    """Return a small PNG of one colour, for a card without a picture."""
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    rows = (b"\0" + _COLOR * _SIDE) * _SIDE
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return png.SIGNATURE + b"".join(png.made_chunk(kind, data) for kind, data in chunks)


def _named(entry: Any) -> Any:
    is_portrait = isinstance(entry, dict) and entry.get("type") == "icon" and entry.get("uri") == "ccdefault:"
    return {**entry, "uri": f"embeded://{MAIN_ICON_PATH}", "ext": "png"} if is_portrait else entry
