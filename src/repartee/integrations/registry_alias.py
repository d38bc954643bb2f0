"""The registry of tuned models, read only: which version an alias means, and where its files are.

`repartee-tune registry` writes `<registry>/<kind>/aliases.json`, replaced at once, and version folders that
never change. One read of the file is one state of all aliases.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from repartee.domain.errors import ConfigurationError

PREFIX: Final = "registry:"
_NAME: Final = re.compile(r"registry:(?P<kind>[a-z]+)/(?P<name>[a-z0-9-]+)")
_VERSION: Final = re.compile(r"[a-z]{3}-\d{8}-[0-9a-f]{12}")
_ALIASES: Final = "aliases.json"
_MANIFEST: Final = "manifest.json"

Stamp = tuple[int, int, int]
"""What tells two states of a file apart without reading it: its inode, time of change in ns, and size."""


@dataclass(frozen=True, slots=True)
class RegistryVersion:
    """An immutable version: its id and the folder with its files."""

    id: str
    folder: Path


class RegistryAlias:
    """`registry:<kind>/<alias>`, or one version as `registry:<kind>/<version>`. Raises ConfigurationError."""

    def __init__(self, registry: Path, name: str) -> None:
        parts = _NAME.fullmatch(name)
        if parts is None:
            raise ConfigurationError(f"{name!r} must look like registry:generator/champion")
        self.name = name
        self._registry = registry
        self._kind = registry / parts["kind"]
        self._alias = parts["name"]
        self._is_version = bool(_VERSION.fullmatch(self._alias))

    @property
    def _file(self) -> Path:
        return (self._version(self._alias).folder / _MANIFEST) if self._is_version else self._kind / _ALIASES

    def stamp(self) -> Stamp | None:
        """Return what changes with every promotion, None where there is no file."""
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def read(self) -> RegistryVersion | None:
        """Return the version that is meant, None where the alias means nothing.

        Raises ConfigurationError for a damaged file and for a version whose folder is missing.
        """
        version = self._alias if self._is_version else self._meant()
        if version is None:
            return None
        found = self._version(version)
        if not (found.folder / _MANIFEST).is_file():
            raise ConfigurationError(f"{self.name}: {found.folder} is no version: it has no {_MANIFEST}")
        return found

    def base(self, version: RegistryVersion) -> Path | None:
        """Return the folder of the version that this one was tuned from, None where the registry has it not.

        Raises ConfigurationError where the manifest cannot be read.
        """
        origin = _document(version.folder / _MANIFEST).get("origin")
        base = origin.get("base") if isinstance(origin, dict) else None
        name = base.get("id") if isinstance(base, dict) else None
        if not isinstance(name, str) or not name.startswith(PREFIX):
            return None
        found = RegistryAlias(self._registry, name).read()
        return found.folder if found else None

    def _meant(self) -> str | None:
        if not self._file.exists():
            return None
        aliases = _document(self._file).get("aliases")
        if not isinstance(aliases, dict):
            raise ConfigurationError(f"{self._file} has no aliases: restore it from events.jsonl")
        target = aliases.get(self._alias)
        if target is None:
            return None
        version = target.get("version") if isinstance(target, dict) else None
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise ConfigurationError(f"{self._file} names no version for {self._alias}")
        return version

    def _version(self, id_: str) -> RegistryVersion:
        return RegistryVersion(id_, self._kind / "versions" / id_)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror})") from None
    except orjson.JSONDecodeError:
        raise ConfigurationError(f"{path} is damaged: it is not JSON") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} is damaged: it is no object")
    return document
