"""Moving aliases: promote, roll back, end a trial. Each is one replaced file, under the registry's lock."""

import re
from collections.abc import Iterator
from typing import Any, Final

from repartee_tune.errors import TuneError
from repartee_tune.registry.aliases import Alias, AliasTable, Target, write_aliases
from repartee_tune.registry.events import Action, Event, append, settle
from repartee_tune.registry.evidence import Evidence, check_evidence
from repartee_tune.registry.manifest import MANIFEST, Kind, Manifest
from repartee_tune.registry.store import Change, Registry
from repartee_tune.registry.versions import require_whole

_INDEX: Final = re.compile(r"\w[\w.-]{0,127}")


def promote(
    registry: Registry,
    version: str,
    alias: Alias,
    change: Change,
    *,
    expected: str | None,
    evidence: Evidence | None = None,
    forced: str | None = None,
    index: str | None = None,
) -> AliasTable:
    """Make an alias mean a version, if it still means `expected` (None: nothing).

    The champion's predecessor becomes `previous`, and a canary or shadow that becomes champion is neither any
    more. Raises TuneError without a passed gate report for these very files against the present champion
    (unless `forced` says why), for a version that is not whole, for an embedder without an index of its own,
    and where somebody else moved the alias first.
    """
    if alias == "previous":
        raise TuneError("previous is set by a promotion of the champion, not by hand")
    folder = registry.version_folder(version)
    require_whole(folder)
    manifest = Manifest.read(folder / MANIFEST)
    with registry.locked():
        table = registry.aliases(manifest.kind)
        settle(registry.root, table.event)
        _check_expected(table, alias, expected)
        if forced is None:
            check_evidence(evidence, manifest, table.version("champion"))
        _check_index(registry, table, manifest, alias, index)
        registry.version_folder(version)
        target = Target(version=version, index=index)
        if table.aliases.get(alias) == target:
            return table
        details: dict[str, Any] = {"forced": forced} if forced else {}
        details |= {"index": index} if index else {}
        if evidence:
            details |= {
                "gate_report": evidence.sha256,
                "gate_decision": evidence.decision,
                "gate_policy": evidence.policy,
            }
        return _moved(
            registry, manifest.kind, table, _promoted(table, alias, target), "promote", alias, change, details
        )


def rollback(registry: Registry, kind: Kind, change: Change, *, expected: str | None) -> AliasTable:
    """Make `previous` the champion again, if the champion still is `expected`.

    Nothing is copied or read but one small file. `previous` means nothing afterwards, so that a second
    rollback, pressed by somebody else in the same minute, cannot bring the bad version back.
    """
    with registry.locked():
        table = registry.aliases(kind)
        settle(registry.root, table.event)
        _check_expected(table, "champion", expected)
        previous = table.aliases.get("previous")
        if previous is None:
            raise TuneError(f"no {kind} is previous: promote the version that you want, by its id")
        registry.version_folder(previous.version)
        aliases: dict[Alias, Target] = dict(table.aliases)
        aliases["champion"] = aliases.pop("previous")
        return _moved(registry, kind, table, aliases, "rollback", "champion", change, {})


def remove(registry: Registry, kind: Kind, alias: Alias, change: Change) -> AliasTable:
    """End a canary or a shadow: the alias means nothing afterwards. The champion can only be replaced."""
    if alias == "champion":
        raise TuneError("the champion can be replaced or rolled back, not removed")
    with registry.locked():
        table = registry.aliases(kind)
        settle(registry.root, table.event)
        if alias not in table.aliases:
            raise TuneError(f"no {kind} is {alias}")
        kept: dict[Alias, Target] = {name: one for name, one in table.aliases.items() if name != alias}
        return _moved(registry, kind, table, kept, "remove", alias, change, {})


def _moved(
    registry: Registry,
    kind: Kind,
    table: AliasTable,
    aliases: dict[Alias, Target],
    action: Action,
    alias: Alias,
    change: Change,
    details: dict[str, Any],
) -> AliasTable:
    before = table.version(alias)
    event = Event(
        action=action,
        kind=kind,
        version=aliases[alias].version if alias in aliases else before or "",
        alias=alias,
        before=before,
        by=change.by,
        why=change.why,
        details=details,
    )
    new = AliasTable(revision=table.revision + 1, aliases=aliases, event=event)
    write_aliases(registry.folder(kind), new)
    try:
        append(registry.root, event)
    except OSError as error:  # the table holds the event, and the next change writes it down
        raise TuneError(
            f"{kind} {alias} is {new.version(alias) or 'nothing'} now, but the history cannot be written "
            f"({error.strerror}); the next change will write this one too"
        ) from None
    return new


def _check_expected(table: AliasTable, alias: Alias, expected: str | None) -> None:
    if table.version(alias) != expected:
        raise TuneError(
            f"{alias} is {table.version(alias) or 'nothing'} now, not {expected or 'nothing'}: "
            "somebody else moved it first; look again"
        )


def _check_index(
    registry: Registry, table: AliasTable, manifest: Manifest, alias: Alias, index: str | None
) -> None:
    if manifest.kind != "embedder":
        if index is not None:
            raise TuneError("--index goes with an embedder")
        return
    if index is not None and not _INDEX.fullmatch(index):
        raise TuneError(f"--index {index!r}: give a name of letters, digits, dots, dashes and underscores")
    if index is None and alias in {"champion", "canary"}:
        raise TuneError("an embedder needs the index that was built with it: build one and give --index")
    owner = next((version for version, used in _indexes(registry, table) if used == index), manifest.version)
    if owner != manifest.version:
        raise TuneError(
            f"the index {index!r} holds the vectors of {owner}: build one with {manifest.version}"
        )


def _indexes(registry: Registry, table: AliasTable) -> Iterator[tuple[str, str]]:
    """Yield versions with the indexes that were ever promoted with them."""
    yield from ((one.version, one.index) for one in table.aliases.values() if one.index)
    for event in registry.history():
        if isinstance(index := event.details.get("index"), str):
            yield event.version, index


def _promoted(table: AliasTable, alias: Alias, target: Target) -> dict[Alias, Target]:
    aliases = {**table.aliases, alias: target}
    if alias != "champion":
        return aliases
    for trial in ("canary", "shadow"):
        if trial in aliases and aliases[trial].version == target.version:
            del aliases[trial]
    old = table.aliases.get("champion")
    if old is not None and old.version != target.version:
        aliases["previous"] = old
    return aliases
