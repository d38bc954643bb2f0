"""What `repartee-tune registry` prints."""

from typing import Any

import click
import orjson

from repartee_tune.registry.manifest import Kind, Manifest
from repartee_tune.registry.store import Registry


def version_rows(store: Registry, kind: Kind) -> list[dict[str, Any]]:
    """Return one row per version of a kind, oldest first."""
    return [
        {
            "version": one.version,
            "kind": kind,
            "aliases": " ".join(alias_names(store, one)),
            "size": one.size,
            "base": one.origin.base.id if one.origin.base else "",
            "datasets": " ".join(one.origin.datasets),
            "created": one.created.isoformat(timespec="seconds"),
        }
        for one in store.versions(kind)
    ]


def alias_names(store: Registry, manifest: Manifest) -> list[str]:
    """Return the aliases that mean a version now."""
    aliases = store.aliases(manifest.kind).aliases
    return [name for name, target in aliases.items() if target.version == manifest.version]


def print_version(shown: dict[str, Any]) -> None:
    """Print a version for people."""
    for name in ("version", "kind", "folder", "created", "by", "why", "content_sha256"):
        click.echo(f"{name:15}{shown[name]}")
    click.echo(f"{'aliases':15}{' '.join(shown['aliases']) or '-'}")
    for name, value in shown["origin"].items():
        click.echo(f"{name:15}{value or '-'}")
    for file in shown["files"]:
        click.echo(f"{file['sha256'][:12]} {file['size']:>12} {file['path']}")
    if "problems" in shown and not shown["problems"]:
        click.echo("every file is as it was registered")


def print_json(value: Any) -> None:
    """Print a value for programs."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
