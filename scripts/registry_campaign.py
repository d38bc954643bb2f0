"""Promote, register, roll back, collect and kill at once, and count what readers saw.

.venv/bin/python scripts/registry_campaign.py --flips 2000 --kills 200 --seed 1

Promoters and a collector run in processes of their own while readers resolve, read every file and compare its
sum. Then promoters and registrars are killed with SIGKILL at random moments, and after each kill every alias
has to lead to a whole version. The result is one JSON line; the exit status is 1 if anything was torn, lost
or left over.
"""

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import click
import numpy as np
from safetensors.numpy import save_file

from repartee_tune.errors import TuneError
from repartee_tune.registry.collection import Retention, collect
from repartee_tune.registry.events import FILE, read_events
from repartee_tune.registry.manifest import MANIFEST, Manifest, Origin
from repartee_tune.registry.promotion import promote, rollback
from repartee_tune.registry.store import Change, Registry
from repartee_tune.registry.versions import TEMPORARY, TRASH, problems

WHO = Change(by="campaign", why="campaign")


def model(folder: Path, number: int) -> Path:
    """Write a model folder whose two weight files hold the same number: a mixed read shows."""
    folder.mkdir(parents=True)
    for name in ("one", "two"):
        save_file({"weight": np.full(2_000, number, np.float32)}, folder / f"{name}.safetensors")
    (folder / "config.json").write_text(json.dumps({"number": number}))
    return folder


def flip(registry: Registry, versions: list[str], seed: int, until: Callable[[], bool]) -> Counter[str]:
    """Promote random versions, now and then roll back, until told; count who won and who lost the race."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    while not until():
        expected = registry.aliases("generator").version("champion")
        try:
            if chance.random() < 0.1:
                rollback(registry, "generator", WHO, expected=expected)
            else:
                version = chance.choice(versions)
                promote(registry, version, "champion", WHO, expected=expected, forced="campaign")
            counts["won"] += 1
        except TuneError:
            counts["lost"] += 1
    return counts


def read(registry: Registry, until: Callable[[], bool]) -> Counter[str]:
    """Resolve and read everything, over and over; count reads in which anything did not fit together."""
    counts: Counter[str] = Counter()
    while not until():
        counts["reads"] += 1
        with registry.leased("generator") as resolved:
            whole = not problems(resolved.folder)
            named = Manifest.read(resolved.folder / MANIFEST).version == resolved.version
        counts["torn"] += not (whole and named)
    return counts


def sweep(registry: Registry, until: Callable[[], bool]) -> Counter[str]:
    """Delete as greedily as can be: all but the newest version, and what an alias means or a reader holds."""
    counts: Counter[str] = Counter()
    while not until():
        collected = collect(registry, Retention(keep_last=1, within=timedelta(0)), WHO)
        counts["deleted"] += len(collected.deleted)
        counts["spared"] += len(collected.in_use)
        time.sleep(0.01)
    return counts


def register_again(registry: Registry, root: Path, until: Callable[[], bool]) -> Counter[str]:
    """Register the same few models over and over: what was deleted comes back, the rest stays as it is."""
    counts: Counter[str] = Counter()
    while not until():
        _, new = registry.register("generator", root / f"m{counts['registered'] % 4}", Origin(), WHO)
        counts["registered"] += 1
        counts["came_back"] += new
    return counts


def spawn(work: Callable[[], Counter[str]], result: Path) -> int:
    """Run work in a process of its own that writes its counts when it is done."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            result.write_text(json.dumps(work()))
            status = 0
        finally:
            os._exit(status)
    return child


def race(registry: Registry, root: Path, versions: list[str], flips: int, seed: int) -> Counter[str]:
    """Let three promoters, three readers, a registrar and a collector run until so many changes were made."""
    first = registry.aliases("generator").revision

    def done() -> bool:
        return registry.aliases("generator").revision - first >= flips

    works: list[Callable[[], Counter[str]]] = [
        *(lambda own=number: flip(registry, versions, seed * 100 + own, done) for number in range(3)),
        *(lambda: read(registry, done) for _ in range(3)),
        lambda: sweep(registry, done),
        lambda: register_again(registry, root, done),
    ]
    children = [spawn(work, root / f"result-{number}.json") for number, work in enumerate(works)]
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    total: Counter[str] = Counter({"torn": 0, "crashed": sum(status != 0 for status in ended)})
    for number in range(len(works)):
        result = root / f"result-{number}.json"
        total.update(json.loads(result.read_text()) if result.exists() else {})
    total["flips"] = registry.aliases("generator").revision - first
    return total


def kill(registry: Registry, root: Path, versions: list[str], kills: int, seed: int) -> Counter[str]:
    """Kill a promoter or a registrar at a random moment and look at what is left, so many times."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter({"kills": 0, "broken": 0})

    def register_all() -> Counter[str]:
        while True:
            number = chance.randrange(1_000_000)
            source = model(root / f"source-{os.getpid()}-{number}", number)
            registry.register("generator", source, Origin(), WHO)
            shutil.rmtree(source)

    for attempt in range(kills):
        own = seed * 1_000 + attempt
        works = (register_all, lambda own=own: flip(registry, versions, own, lambda: False))
        child = spawn(works[attempt % 2], root / "never.json")
        time.sleep(chance.uniform(0, 0.04))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        counts["kills"] += 1
        counts["broken"] += not sound(registry)
    return counts


def sound(registry: Registry) -> bool:
    """Return whether every alias leads to a whole version and the lock is free."""
    aliases = registry.aliases("generator").aliases.values()
    with registry.locked():
        return not any(problems(registry.version_folder(target.version)) for target in aliases)


def lost_events(registry: Registry) -> int:
    """Return how many of the changes that were made stand nowhere in the history, or twice."""
    moves = [event.id for event in registry.history() if event.action in {"promote", "rollback"}]
    written = [event.id for event in read_events(registry.root)]
    return abs(registry.aliases("generator").revision - len(moves)) + len(written) - len(set(written))


@click.command()
@click.option("--flips", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--kills", type=click.IntRange(0), default=100, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(flips: int, kills: int, seed: int) -> None:
    """Run the campaign in a temporary folder."""
    root = Path(tempfile.mkdtemp(prefix="registry-campaign-"))
    started = time.monotonic()
    try:
        registry = Registry(root / "registry")
        made = [registry.register("generator", model(root / f"m{n}", n), Origin(), WHO)[0] for n in range(4)]
        versions = [manifest.version for manifest in made]
        promote(registry, versions[0], "champion", WHO, expected=None, forced="campaign")
        counts = race(registry, root, versions, flips, seed)
        counts.update(kill(registry, root, versions, kills, seed))
        collect(registry, Retention(keep_last=10_000, within=timedelta(0)), WHO)
        counts["whole_versions"] = sum(
            not problems(registry.version_folder(one.version)) for one in registry.versions("generator")
        )
        counts["versions"] = len(registry.versions("generator"))
        counts["leftovers"] = sum(
            path.name.startswith((TEMPORARY, TRASH))
            for path in (registry.folder("generator") / "versions").iterdir()
        )
        counts["lost_events"] = lost_events(registry)
        counts["bytes_of_events"] = (registry.root / FILE).stat().st_size
    finally:
        shutil.rmtree(root)
    print(json.dumps({**counts, "seed": seed, "seconds": round(time.monotonic() - started, 2)}))
    bad = ("torn", "crashed", "broken", "leftovers", "lost_events")
    sys.exit(any(counts[name] for name in bad) or counts["versions"] != counts["whole_versions"])


if __name__ == "__main__":
    main()
