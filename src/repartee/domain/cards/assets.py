"""What a card says about the files inside it.

Format: Character Card V3, `data.assets`, and the folders of a CHARX, `assets/{type}/…`.
"""

from collections.abc import Mapping
from typing import Any, Final

_EMBEDDED: Final = (
    "embeded://",
    "embedded://",
    "__asset:",
)  # the first is V3's spelling, the others are found


def asset_entries(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of `data.assets` that are objects."""
    listed = data.get("assets")
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def asset_path(entry: Mapping[str, Any]) -> str | None:
    """Return the path inside the file that an entry of `data.assets` names, if it names one."""
    uri = entry.get("uri")
    if not isinstance(uri, str):
        return None
    return next((uri.removeprefix(scheme) for scheme in _EMBEDDED if uri.startswith(scheme)), None)


def asset_type(data: Mapping[str, Any], path: str) -> str:
    """Return what a file is for: as the card says, else by its folder, else `other`.

    >>> asset_type({}, "assets/background/images/bar.png")
    'background'
    """
    for entry in asset_entries(data):
        if asset_path(entry) == path and isinstance(entry.get("type"), str):
            return str(entry["type"])
    folders = path.split("/")[:-1]
    return folders[1] if len(folders) > 1 and folders[0] == "assets" else "other"
