"""Where the service's own time goes: one server under cProfile, 32 clients, a model that answers at once.

    .venv/bin/python -m scripts.bench.profile [--embedded] [--requests 1000] [--lines 40] [--stream]

Ends with the share of each part.

The profiler makes every call dearer, calls of Python functions most; the shares are what to read.
"""

import argparse
import io
import os
import pstats
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import uvloop

from scripts.bench import payloads
from scripts.bench.load import asked
from scripts.bench.processes import cores, free_port, running, upstream
from scripts.bench.servers import load_facts, service_settings
from scripts.bench.shares import shares
from scripts.bench.wire import request

_PROGRAM: Final = """
import cProfile, os, signal, sys
from repartee.main import cli
profile = cProfile.Profile()
signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
sys.argv = ["repartee", "serve", "--port", sys.argv[1]]
try:
    cli()
finally:
    profile.disable()
    profile.dump_stats("profile")
"""


def profiled(folder: Path, count: int, *, remote: bool, stream: bool) -> pstats.Stats:
    """Return the profile of `count` requests."""
    port = free_port()
    user = None if stream else payloads.USER
    wanted = request("/generate", payloads.turn(stream=stream, user=user))
    with upstream() as loopback:
        settings = service_settings(loopback.url, folder / "var", remote=remote)
        with running("profile", ["-c", _PROGRAM, str(port)], port, settings, cwd=folder) as process:
            if not remote:
                load_facts(port)
            uvloop.run(asked(port, wanted, 8, 0.0, 32))
            os.kill(process.pid, signal.SIGUSR1)
            time.sleep(0.2)
            uvloop.run(asked(port, wanted, 32, 0.0, count))
    return pstats.Stats(str(folder / "profile"), stream=io.StringIO())


def main() -> int:
    """Print the profile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--embedded", action="store_true", help="encoder and store in the process")
    parser.add_argument("--stream", action="store_true", help="streams without retrieval")
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--sort", choices=("tottime", "cumulative"), default="tottime")
    options = parser.parse_args()
    os.sched_setaffinity(0, cores()[0])
    with tempfile.TemporaryDirectory() as folder:
        stats = profiled(Path(folder), options.requests, remote=not options.embedded, stream=options.stream)
    stats.sort_stats(options.sort).print_stats(options.lines)
    print(stats.stream.getvalue())  # type: ignore[attr-defined]
    for part, share in shares(stats).items():
        print(f"{share:5.0%}  {part}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
