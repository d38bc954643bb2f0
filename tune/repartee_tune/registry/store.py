"""The registry: versions are added, aliases are moved, both under one lock; readers need none."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from repartee_tune.errors import TuneError
from repartee_tune.registry import events
from repartee_tune.registry.aliases import Alias, AliasTable, read_aliases
from repartee_tune.registry.artefact import inspect
from repartee_tune.registry.durable import locked
from repartee_tune.registry.events import Event, append
from repartee_tune.registry.manifest import (
    KINDS,
    MANIFEST,
    PREFIXES,
    VERSION_PATTERN,
    Kind,
    Manifest,
    Origin,
    identity,
    version_id,
)
from repartee_tune.registry.versions import copy_artefact, manifests, publish, temporary, version_names

_LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an alias meant at one moment. `folder` never changes; `index` goes with an embedder."""

    kind: Kind
    version: str
    folder: Path
    index: str | None
    revision: int


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, and why."""

    by: str
    why: str


class Registry:
    """Versions and aliases under one folder.

    Safe for any number of processes on one machine, and for one that is killed at any moment: a version
    appears by a rename, an alias moves by replacing a file, and a lock of a dead process is free. It needs a
    file system with `flock` and atomic renames (a local disk; NFS only from version 4 on).
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    # --- reading ------------------------------------------------------------------------------------------

    def folder(self, kind: Kind) -> Path:
        """Return the folder of a kind."""
        return self.root / kind

    def versions(self, kind: Kind) -> list[Manifest]:
        """Return the manifests of a kind, oldest first."""
        return list(manifests(self._versions(kind)))

    def damaged(self, kind: Kind) -> list[str]:
        """Return the versions of a kind whose manifest cannot be read."""
        known = {manifest.version for manifest in self.versions(kind)}
        folders = [self._versions(kind) / name for name in version_names(self._versions(kind))]
        return [folder.name for folder in folders if folder.name not in known and not _is_readable(folder)]

    def manifest(self, version: str) -> Manifest:
        """Return a version's manifest. Raises TuneError where there is no such version."""
        return Manifest.read(self.version_folder(version) / MANIFEST)

    def version_folder(self, version: str) -> Path:
        """Return where a version is. Raises TuneError where there is no such version."""
        kind = next((kind for kind in KINDS if version.startswith(f"{PREFIXES[kind]}-")), None)
        known = kind is not None and re.fullmatch(VERSION_PATTERN, version)
        if kind is None or not known or not (self._versions(kind) / version / MANIFEST).is_file():
            raise TuneError(f"no version {version!r} in {self.root}: see `repartee-tune registry list`")
        return self._versions(kind) / version

    def aliases(self, kind: Kind) -> AliasTable:
        """Return all aliases of a kind, as they were at one moment."""
        return read_aliases(self.folder(kind))

    def resolve(self, kind: Kind, alias: Alias = "champion") -> Resolved:
        """Return what an alias means now. Do this once per request or reload, and use the answer's folder.

        The folder stays for the time that `gc` leaves to versions that just lost their alias; who loads for
        longer takes `leased`. Raises TuneError where the alias means nothing.
        """
        table = self.aliases(kind)
        target = table.aliases.get(alias)
        if target is None:
            raise TuneError(f"no {kind} is {alias}: promote one with `repartee-tune registry promote`")
        return Resolved(
            kind, target.version, self._versions(kind) / target.version, target.index, table.revision
        )

    @contextmanager
    def leased(self, kind: Kind, alias: Alias = "champion") -> Iterator[Resolved]:
        """Resolve an alias and keep its version from `gc` until the block or the process ends.

        Raises TuneError where the alias means nothing, or the registry cannot be written.
        """
        while True:
            resolved = self.resolve(kind, alias)
            with ExitStack() as stack:
                try:
                    stack.enter_context(locked(self.lease_file(kind, resolved.version), shared=True))
                except OSError as error:
                    raise TuneError(
                        f"a lease in {self.root} cannot be written ({error.strerror}): a reader that may not "
                        "write takes `resolve`, and loads within the time that `gc --minutes` leaves"
                    ) from None
                if resolved.folder.is_dir():
                    yield resolved
                    return
            if self.aliases(kind).revision == resolved.revision:
                raise TuneError(
                    f"{alias} is {resolved.version}, whose folder is missing: roll back or register it again"
                )

    def lease_file(self, kind: Kind, version: str) -> Path:
        """Return the file that readers of a version hold a shared lock on."""
        leases = self.folder(kind) / "leases"
        leases.mkdir(parents=True, exist_ok=True)
        return leases / f"{version}.lock"

    def history(self) -> list[Event]:
        """Return all events, oldest first, with those whose process ended before it wrote them down."""
        written = {event.id: event for event in events.read_events(self.root)}
        tables = [self.aliases(kind).event for kind in KINDS]
        written |= {event.id: event for event in tables if event and event.id not in written}
        return list(written.values())  # as they were written: clocks go backwards

    # --- changing -----------------------------------------------------------------------------------------

    def register(
        self, kind: Kind, source: Path, origin: Origin, change: Change, *, leave_out: Sequence[str] = ()
    ) -> tuple[Manifest, bool]:
        """Publish a model folder and return its manifest and whether it is new.

        The same files with the same base, data and recipe are the same version, and nothing happens. Raises
        TuneError for files that may not be published (`artefact.inspect`).
        """
        artefact = inspect(source, base_id=origin.base.id if origin.base else None, leave_out=leave_out)
        with ExitStack() as stack:
            with self.locked():
                folder = stack.enter_context(temporary(self._versions(kind)))
            files, content = copy_artefact(artefact, folder)
            digest = identity(kind, files, origin)
            with self.locked():
                known = next((one for one in self.versions(kind) if one.version.endswith(digest[:12])), None)
                manifest = known or Manifest(
                    version=version_id(kind, digest),
                    kind=kind,
                    created=datetime.now(UTC),
                    by=change.by,
                    why=change.why,
                    content_sha256=content,
                    files=files,
                    origin=origin,
                )
                if known is None:
                    publish(folder, manifest)
                self._log_registration(manifest)
        return manifest, known is None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the registry's one lock for changes."""
        with ExitStack() as stack:
            try:
                self.root.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(self.root / _LOCK))
            except OSError as error:
                raise TuneError(f"the registry {self.root} cannot be changed: {error.strerror}") from None
            yield

    # --- parts --------------------------------------------------------------------------------------------

    def _versions(self, kind: Kind) -> Path:
        return self.folder(kind) / "versions"

    def _log_registration(self, manifest: Manifest) -> None:
        """Write a registration down once, also where the process that made it ended before it could."""
        written = {(event.action, event.version) for event in events.read_events(self.root)}
        if ("register", manifest.version) not in written:
            event = Event(
                action="register",
                kind=manifest.kind,
                version=manifest.version,
                by=manifest.by,
                why=manifest.why,
                at=manifest.created,
            )
            append(self.root, event)


def _is_readable(folder: Path) -> bool:
    """Tell a version that came or went this moment from one that is damaged."""
    try:
        return not folder.is_dir() or Manifest.read(folder / MANIFEST).version == folder.name
    except TuneError:
        return not folder.is_dir()
