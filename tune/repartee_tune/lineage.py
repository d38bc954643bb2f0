"""Whose words are in which model: from a user to datasets, runs' versions, and what must be rebuilt.

A dataset's manifest holds `users`, the sorted hashes (`user_hash`) of those whose words it was made of. A
version names its datasets and its base; a base that was tuned on a user's words carries them into all that is
tuned from it. A hash keeps ids out of files and logs, and is no anonymisation: whoever can guess ids can look
them up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from repartee_eval.dialogues.fingerprints import user_hash
from repartee_tune.errors import TuneError
from repartee_tune.registry.collection import base_version
from repartee_tune.registry.manifest import KINDS, Manifest
from repartee_tune.registry.origin import dataset_id
from repartee_tune.registry.store import Registry

__all__ = ["AffectedVersion", "Lineage", "trace", "user_hash"]


@dataclass(frozen=True, slots=True)
class AffectedVersion:
    """A version with a user's words: by `datasets`, or by the versions it was tuned from."""

    version: str
    kind: str
    datasets: tuple[str, ...]
    through: str | None
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a user's words went.

    `unknown` are datasets that a version names and whose manifest is gone or another one by now, `damaged`
    versions whose own manifest cannot be read: they may hold the user's words.
    """

    user_sha256: str
    datasets: tuple[str, ...]
    versions: tuple[AffectedVersion, ...]
    unknown: tuple[str, ...]
    damaged: tuple[str, ...] = ()

    @property
    def to_rebuild(self) -> tuple[str, ...]:
        """Return what to make anew, in order: datasets first, then versions after their bases."""
        return (*self.datasets, *(one.version for one in self.versions))


def trace(user_id: str, datasets: Path, registry: Registry) -> Lineage:
    """Find what holds a user's words. Raises TuneError where a dataset's manifest is damaged."""
    wanted = user_hash(user_id)
    if not wanted:
        raise TuneError("--user-id is empty: give the id that the service got as user.id")
    users = dict(_users(datasets))
    holding = {name for name, hashes in users.items() if wanted in hashes}
    versions = [manifest for kind in KINDS for manifest in registry.versions(kind)]
    named = {name for manifest in versions for name in manifest.origin.datasets}
    return Lineage(
        user_sha256=wanted,
        datasets=tuple(sorted(name for name in holding if "@" not in name)),
        versions=tuple(_affected(versions, holding, registry)),
        unknown=tuple(sorted(named - users.keys())),
        damaged=tuple(name for kind in KINDS for name in registry.damaged(kind)),
    )


def _users(datasets: Path) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each dataset's users by its name, and by its name with the sum of its manifest."""
    for path in sorted(datasets.glob("*/manifest.json")):
        content = _read(path)
        found = content.get("users", content.get("counts", {}).get("users"))
        if not isinstance(found, list):
            raise TuneError(f"{path} does not say whose words it holds (`users`): build the dataset again")
        yield path.parent.name, frozenset(map(str, found))
        yield dataset_id(path), frozenset(map(str, found))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise TuneError(f"{path} is damaged: {error}") from None
    if not isinstance(content, dict):
        raise TuneError(f"{path} is no manifest")
    return content


def _affected(versions: list[Manifest], holding: set[str], registry: Registry) -> Iterator[AffectedVersion]:
    """Return affected versions, each after its base; `parent` carries nothing, it only says what was compared
    with.
    """
    aliases = _alias_names(registry)
    found: dict[str, AffectedVersion] = {}
    grew = True
    while grew:
        grew = False
        for manifest in versions:
            base = base_version(manifest)
            direct = tuple(sorted(holding.intersection(manifest.origin.datasets)))
            through = base if base in found else None
            if manifest.version not in found and (direct or through):
                found[manifest.version] = AffectedVersion(
                    manifest.version, manifest.kind, direct, through, aliases.get(manifest.version, ())
                )
                grew = True
    yield from found.values()


def _alias_names(registry: Registry) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for kind in KINDS:
        for alias, target in registry.aliases(kind).aliases.items():
            names[target.version] = (*names.get(target.version, ()), alias)
    return names
