"""Which versions may go, and taking them away."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from repartee_tune.errors import TuneError
from repartee_tune.registry.durable import locked
from repartee_tune.registry.events import Event, append
from repartee_tune.registry.manifest import KINDS, Kind, Manifest
from repartee_tune.registry.store import Change, Registry
from repartee_tune.registry.versions import discard, leftovers


@dataclass(frozen=True, slots=True)
class Retention:
    """What stays beside what an alias means: the newest `keep_last` of a kind, and what was used `within`."""

    keep_last: int = 5
    within: timedelta = timedelta(minutes=60)

    def __post_init__(self) -> None:
        if self.keep_last < 0 or self.within < timedelta(0):
            raise TuneError("--keep-last and --minutes cannot be negative")


@dataclass(frozen=True, slots=True)
class Collected:
    """What was taken away: versions, and folders that a killed process left.

    `in_use` was spared for its readers.
    """

    deleted: tuple[str, ...]
    leftovers: int
    in_use: tuple[str, ...]


def collect(registry: Registry, retention: Retention, change: Change, *, dry_run: bool = False) -> Collected:
    """Delete the versions that nothing needs.

    Kept are: what an alias means, the newest of each kind, whatever was registered, promoted or lost its
    alias within the retention's time (a reader that resolved it then may still be loading), what a reader
    leases, and every base of what is kept. Raises TuneError where a version's manifest cannot be read: what
    it was tuned from is not known, and would be deleted.
    """
    now = datetime.now(UTC)
    deleted: list[str] = []
    in_use: list[str] = []
    remains = 0
    with registry.locked():
        if damaged := [name for kind in KINDS for name in registry.damaged(kind)]:
            raise TuneError(
                f"the manifest of {damaged[0]} cannot be read, so that nobody knows what it needs: "
                "restore it, or take its folder away"
            )
        kept = _kept(registry, retention, now)
        for kind in KINDS:
            for manifest in registry.versions(kind):
                if manifest.version not in kept:
                    done = dry_run or _delete(registry, manifest, change)
                    (deleted if done else in_use).append(manifest.version)
            stale = leftovers(registry.folder(kind) / "versions")
            remains += len(stale)
            for folder in () if dry_run else stale:
                discard(folder)
    return Collected(tuple(deleted), remains, tuple(in_use))


def _kept(registry: Registry, retention: Retention, now: datetime) -> set[str]:
    kept = {
        name
        for event in registry.history()
        if now - event.at <= retention.within
        for name in (event.version, event.before)
        if name
    }
    for kind in KINDS:
        versions = registry.versions(kind)
        kept |= {target.version for target in registry.aliases(kind).aliases.values()}
        kept |= {one.version for one in versions[len(versions) - min(retention.keep_last, len(versions)) :]}
        kept |= {one.version for one in versions if now - one.created <= retention.within}
    return _with_bases(registry, kept)


def _with_bases(registry: Registry, kept: Iterable[str]) -> set[str]:
    bases = {one.version: base_version(one) for kind in KINDS for one in registry.versions(kind)}
    needed = set(kept)
    waiting = list(needed)
    while waiting:
        base = bases.get(waiting.pop())
        if base and base not in needed:
            needed.add(base)
            waiting.append(base)
    return needed


def base_version(manifest: Manifest) -> str | None:
    """Return the version of this registry that a version was tuned from, or None."""
    base = manifest.origin.base
    return base.id.rpartition("/")[2] if base and base.id.startswith("registry:") else None


def _delete(registry: Registry, manifest: Manifest, change: Change) -> bool:
    """Delete a version unless a reader leases it."""
    kind: Kind = manifest.kind
    lease = registry.lease_file(kind, manifest.version)
    try:
        with locked(lease, wait=False):
            event = Event(action="delete", kind=kind, version=manifest.version, by=change.by, why=change.why)
            append(registry.root, event)
            discard(registry.version_folder(manifest.version))
            lease.unlink()
    except BlockingIOError:
        return False
    return True
