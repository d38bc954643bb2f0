"""Measure the service beside reference servers, in one interleaved run of under five minutes.

    .venv/bin/python -m scripts.bench [--quick] [--facts 1000000] [--out docs/benchmarks/requests.json]

Prints medians and ratios. CPU is user and system time of the server's process; wall time on a busy machine
says little. docs/performance.md says what is compared and what the figures mean.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.bench import measure, micro, report
from scripts.bench.processes import CHECKOUT, cores, upstream
from scripts.bench.servers import REMOTE, all_servers


def measured(effort: measure.Effort) -> dict[str, Any]:
    """Start everything, measure, stop everything; return the figures."""
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        upstream() as loopback,
        all_servers(loopback, Path(folder)) as servers,
    ):
        cold = round(time.perf_counter() - started, 2)
        calls = measure.calls_per_request(servers, loopback)
        replies = measure.requests_measured(servers, loopback, effort)
        streams = measure.streams_measured(servers, loopback, effort)
        rss = servers[REMOTE].resident_mb()
    clients = 32 if 32 in effort.concurrencies else effort.concurrencies[0]
    return {
        "machine": report.machine(),
        "calls_per_request": calls,
        "replies": report.as_rows(replies),
        "streams": [{"server": name, **figures} for name, figures in streams.items()],
        "targets": report.verdicts(replies, streams, clients),
        "four_servers_started_s": cold,
        "rss_mb": rss,
    }


def parts(*, quick: bool, facts: int) -> dict[str, Any]:
    """Return the figures of parts, of searches and of imports."""
    times = 20 if quick else 300
    figures: dict[str, Any] = {"cpu_us": micro.parts_of_a_request(times)}
    if quick:
        return figures
    figures["import_cpu_s"] = micro.imports(3)
    sizes = [(1_000, 1), (1_000, 100), (100_000, 1_000), (100_000, 100_000)]
    sizes += [(facts, facts // 10)] if facts else []
    figures["searches"] = [_search_row(micro.searches(count, users, 500)) for count, users in sizes]
    return figures


def _search_row(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: found[name] for name in ("facts", "users")}
    return kept | {f"{name}_ms": value for name, value in found["search_ms"].items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few hundred requests: does it work at all?")
    parser.add_argument(
        "--facts", type=int, default=0, help="also search among so many facts (1000000: 4 GB)"
    )
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs" / "benchmarks" / "requests.json")
    return parser.parse_args()


def main() -> int:
    """Run it all; the exit status says nothing about speed."""
    options = _arguments()
    everywhere = os.sched_getaffinity(0)
    found = _measured_on(cores()[0], measure.QUICK if options.quick else measure.FULL)
    os.sched_setaffinity(0, everywhere)
    micro.save(found, options.out)
    found["parts"] = parts(quick=options.quick, facts=options.facts)
    micro.save(found, options.out)
    report.show("Whole replies (medians; times_a: CPU as a multiple of (a)'s)", found["replies"])
    report.show("Streams of 250 chunks, without retrieval", found["streams"])
    report.show("Parts, CPU µs", [{"part": name, "us": us} for name, us in found["parts"]["cpu_us"].items()])
    report.show("Searches, embedded store", found["parts"].get("searches", []))
    report.show("Targets", found["targets"])
    print(f"{found['machine']}\nwritten to {options.out}")
    return 0


def _measured_on(clients: set[int], effort: measure.Effort) -> dict[str, Any]:
    """Measure with the clients on these cores."""
    os.sched_setaffinity(0, clients)
    return measured(effort)


if __name__ == "__main__":
    sys.exit(main())
