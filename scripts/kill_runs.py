"""Kill a run with SIGKILL at random moments, resume it until it is done, and count what that cost.

    python scripts/kill_runs.py --kills 200 --seed 1

The endpoint is real HTTP on loopback, and its ledger is the referee. Prints one line of JSON: `lost` and
`changed` answers (committed before a kill, not there or different after it) have to be 0; `repeated` counts
calls that the ledger saw more than once, `most_repeated_per_kill` is never above `concurrency`.
"""

import argparse
import asyncio
import hashlib
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from repartee_eval.runs.chat_endpoint import ChatEndpoint, ChatRequest
from repartee_eval.runs.folder import open_run, read_run
from repartee_eval.runs.job import Answer
from repartee_eval.runs.limits import Concurrency
from repartee_eval.runs.manifest import Manifest
from repartee_eval.runs.runner import Runner

_LATENCY = 0.02


class LedgerServer:
    """Answers every call after some time with a number of its own, and remembers every call."""

    def __init__(self, seed: int) -> None:
        self.calls: Counter[str] = Counter()
        self._given = 0
        self._random = random.Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                request = json.loads(await reader.readexactly(length))
                self.calls[request["messages"][0]["content"]] += 1
                await asyncio.sleep(self._random.uniform(0.5, 1.5) * _LATENCY)
                self._given += 1
                writer.write(_answer(self._given))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def _answer(number: int) -> bytes:
    message = {"role": "assistant", "content": str(number)}
    body = json.dumps({"choices": [{"finish_reason": "stop", "message": message}]}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


# --- the process that is killed -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """The call about one item."""

    name: str
    to: ChatEndpoint
    worst_cost: float | None = None

    @property
    def key(self) -> str:
        """The hash of the item's name."""
        return hashlib.sha256(self.name.encode()).hexdigest()

    @property
    def endpoint(self) -> str:
        """The endpoint's name."""
        return self.to.name

    async def send(self) -> Answer:
        """Make one attempt."""
        messages = [{"role": "user", "content": self.name}]
        return await self.to.complete(ChatRequest.of({"messages": messages, "max_tokens": 5}))


async def work(folder: Path, url: str, items: int, concurrency: int) -> None:
    """Run until done, saying when it begins and what it found."""
    with open_run(folder, Manifest(command="kill")) as run:
        unknown = run.store.spending().unknown_calls
        print(json.dumps({"unknown": unknown}), flush=True)
        async with ChatEndpoint(url, "ledger") as endpoint:
            runner = Runner(run.store, concurrency=Concurrency(concurrency, concurrency))
            await runner.run(Item(f"item {number}", endpoint) for number in range(items))


# --- who kills it -------------------------------------------------------------------------------------


def committed(folder: Path) -> dict[str, str]:
    """Return the answers that a reader finds, by key."""
    with read_run(folder) as (_, store):
        return {stored.key: stored.answer.raw for stored in store.answers()}


@dataclass
class Found:
    """What the kills did."""

    kills: int = 0
    lost: int = 0
    changed: int = 0
    unknown: int = 0
    most_repeated_per_kill: int = 0
    finished: bool = False

    def compare(self, before: dict[str, str], after: dict[str, str]) -> None:
        """Count the answers that are gone, and those that are different."""
        self.lost += len(before.keys() - after.keys())
        self.changed += sum(1 for key in before.keys() & after.keys() if before[key] != after[key])


async def killed_until_done(
    folder: Path, *, items: int, kills: int, concurrency: int, seed: int, longest: float = 0.25
) -> dict[str, int | bool]:
    """Kill so often, each time at a random moment, then let the run end; return the counts."""
    draw = random.Random(seed)
    ledger = LedgerServer(seed)
    server = await asyncio.start_server(ledger.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    command = [sys.executable, __file__, "--work", str(folder), "--url", url]
    command += ["--items", str(items), "--concurrency", str(concurrency)]
    found, known = Found(), {}
    while not found.finished:
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert process.stdout  # noqa: S101 it was asked for
        found.unknown = json.loads(await process.stdout.readline())["unknown"]
        repeated = sum(ledger.calls.values()) - len(ledger.calls)
        if found.kills < kills:
            await asyncio.wait({asyncio.ensure_future(process.wait())}, timeout=draw.uniform(0, longest))
        if found.kills < kills and process.returncode is None:
            process.kill()
            found.kills += 1
        found.finished = await process.wait() == 0
        after = committed(folder)
        found.compare(known, after)
        known = after
        now = sum(ledger.calls.values()) - len(ledger.calls)
        found.most_repeated_per_kill = max(found.most_repeated_per_kill, now - repeated)
    server.close()
    return {
        "kills": found.kills,
        "items": items,
        "concurrency": concurrency,
        "seed": seed,
        "answers": len(known),
        "lost": found.lost,
        "changed": found.changed,
        "calls": sum(ledger.calls.values()),
        "repeated": sum(ledger.calls.values()) - len(ledger.calls),
        "most_repeated_per_kill": found.most_repeated_per_kill,
        "said_unknown": found.unknown,
    }


def main() -> None:
    """Kill and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--items", type=int, help="Default: enough for the kills.")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    items = options.items or 120 * options.kills + 200
    if options.work:
        asyncio.run(work(options.work, options.url, items, options.concurrency))
        return
    with tempfile.TemporaryDirectory() as folder:
        how = {"items": items, "kills": options.kills, "concurrency": options.concurrency}
        print(json.dumps(asyncio.run(killed_until_done(Path(folder) / "run", seed=options.seed, **how))))


if __name__ == "__main__":
    main()
