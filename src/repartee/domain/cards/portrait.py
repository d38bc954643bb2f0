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

_SIDE: Final = 64
_COLOR: Final = b"\x5b\x6c\x8f"


def main_icon(data: Mapping[str, Any], assets: Mapping[str, bytes]) -> bytes | None:
    """Return the main icon among the assets, if it is there and a PNG."""
    icons = [entry for entry in asset_entries(data) if entry.get("type") == "icon"]
    icons.sort(key=lambda entry: entry.get("name") != "main")
    for entry in icons:
        content = assets.get(asset_path(entry) or "")
        if content and content.startswith(png.SIGNATURE):
            return content
    return None


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
