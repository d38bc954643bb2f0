"""Claim: under concurrent requests of many users nobody's facts reach another user's prompt or reply.

    .venv/bin/python -m scripts.claims.canary_requests --requests 10000 --seed 1

Each user stores facts with a canary of their own, under ids that differ by little. Then requests of random
users run 32 at once, through both doors, streamed or not, with searches, lists and exports between them, over
HTTP and the embedded engine. The model repeats every canary of the prompt that it got.
`--control filter` takes the tenant out of the store's filter: the check behind it drops what is foreign, and
the campaign fails because there was something to drop. `--control both` takes that check out, too.
Prints one JSON line; exit status 1 where a foreign canary was seen, or dropped, or an answer had none at all.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import aiohttp
from qdrant_edge import Filter

from repartee.application.ports import Completion, Prompt, Sampling, Usage
from repartee.domain.fact import TenantScope
from repartee.infrastructure.logging import configure_logging
from repartee.integrations import qdrant_edge_fact_store
from repartee.integrations.fact_payload import FactReader
from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore
from tests.fakes import FAKE_PROFILE, FakeChatModel, FakeTelemetry
from tests.serving import fake_api, served

CANARY: Final = re.compile(r"canary-\d+-\d+-end")
TOPICS: Final = ("rowing on the lake", "a cat called Pixel", "night shifts at the harbour", "sour cherries")
STEMS: Final = ("ann", "Ann", "ann.", "ann:", "ann|", "ann@x", "ann~", "a", "0")
WAYS: Final = ("reply", "stream", "completion", "completion stream", "search", "list", "export")
AT_ONCE: Final = 32


class Repeats(FakeChatModel):
    """Answers with every canary that it was sent."""

    async def complete(self, prompt: Prompt, sampling: Sampling) -> Completion:
        """Return the canaries of the prompt."""
        await asyncio.sleep(0)
        whole = "\n".join(message.content for message in prompt.messages)
        text = f"I know of {' and '.join(CANARY.findall(whole)) or 'nothing'}"
        return Completion(text, sampling.model or "fake", "stop", Usage())


@dataclass
class Seen:
    """What the answers held."""

    own: int = 0
    foreign: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)

    def read(self, owner: int, way: str, status: int, text: str) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        found = {int(canary.split("-")[1]) for canary in CANARY.findall(text)}
        self.own += owner in found
        self.foreign[way] += bool(found - {owner})


def user_ids(count: int) -> list[str]:
    """Return ids that are easily taken for each other."""
    return [f"{STEMS[number % len(STEMS)]}{number // len(STEMS)}" for number in range(count)]


def request(way: str, user: str, chance: random.Random) -> tuple[str, str, dict[str, Any] | None]:
    """Return method, path and body of a request."""
    topic, streamed = chance.choice(TOPICS), way.endswith("stream")
    ours = {"user": {"id": user}, "retrieval": {"threshold": -1.0, "limit": 4}}
    if way in {"reply", "stream"}:
        said = [{"role": "user", "text": f"do you know of {topic}?"}]
        return "POST", "/generate", {"character": "blaze", "messages": said, "stream": streamed, **ours}
    if way.startswith("completion"):
        said = [{"role": "user", "content": f"do you know of {topic}?"}]
        body = {"model": "blaze", "messages": said, "stream": streamed, "repartee": ours}
        return "POST", "/v1/chat/completions", body
    path = {"search": f"/facts/search?q={topic}", "list": "/facts", "export": "/export"}[way]
    return "GET", f"/users/{user}{path}", None


class Campaign:
    """Users with canaries, who ask."""

    def __init__(self, url: str, session: aiohttp.ClientSession, users: int, chance: random.Random) -> None:
        self._url, self._session, self._users, self._chance = url, session, user_ids(users), chance
        self.seen = Seen()

    async def ask(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, str]:
        """Make one request."""
        async with self._session.request(method, self._url + path, json=body) as response:
            return response.status, await response.text()

    async def remember(self) -> None:
        """Store the facts of each user."""
        for number, user in enumerate(self._users):
            facts = [{"text": f"{topic}: canary-{number}-{place}-end"} for place, topic in enumerate(TOPICS)]
            status, text = await self.ask("POST", f"/users/{user}/facts", {"facts": facts})
            if status != 200:
                raise RuntimeError(f"facts of {user} were not stored: {status} {text[:200]}")

    async def client(self, requests: int) -> None:
        """Ask for random users, one request after another."""
        for _ in range(requests):
            owner, way = self._chance.randrange(len(self._users)), self._chance.choice(WAYS)
            method, path, body = request(way, self._users[owner], self._chance)
            self.seen.read(owner, way, *await self.ask(method, path, body))


def _without_filter(_: TenantScope, *conditions: Any) -> Filter:
    return Filter(must=list(conditions))


def _without_check(_reader: FactReader, _scope: TenantScope, points: Any) -> Any:
    """Take every point for one of the tenant's."""
    return [(point, point.payload) for point in points]


@asynccontextmanager
async def running(folder: Path, control: str | None, telemetry: FakeTelemetry) -> AsyncIterator[str]:
    """Serve the application over the embedded engine; `control` breaks it on purpose."""
    with ExitStack() as stack:
        if control:
            stack.enter_context(patch.object(qdrant_edge_fact_store, "_owned_by", _without_filter))
        if control == "both":
            stack.enter_context(patch.object(FactReader, "_owned", _without_check))
        store = QdrantEdgeFactStore(folder, FAKE_PROFILE, telemetry)
        await store.ensure()
        app = fake_api(model=Repeats(), store=store, archive=store)  # type: ignore[arg-type]  # a real one
        async with served(app) as url:
            yield url
        await store.close()


async def asked(requests: int, users: int, seed: int, control: str | None) -> dict[str, Any]:
    """Run the requests and return what was seen."""
    telemetry = FakeTelemetry()
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), control, telemetry) as url, aiohttp.ClientSession() as session:
            campaign = Campaign(url, session, users, random.Random(seed))
            await campaign.remember()
            each, more = divmod(requests, AT_ONCE)
            await asyncio.gather(*(campaign.client(each + (n < more)) for n in range(AT_ONCE)))
    seen = campaign.seen
    return {
        "foreign": dict(+seen.foreign),
        "dropped_by_the_second_check": telemetry.left_out.count("foreign_fact"),
        "without_own": requests - seen.own,
        "statuses": {str(status): count for status, count in seen.statuses.items()},
        "users": users,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", choices=["filter", "both"], help="Break it on purpose: must fail.")
    options = parser.parse_args(arguments)
    configure_logging("error")
    started = time.perf_counter()
    found = asyncio.run(asked(options.requests, options.users, options.seed, options.control))
    bad = options.requests - found["statuses"].get("200", 0)
    failures = sum(found["foreign"].values()) + found["dropped_by_the_second_check"] + bad
    failures += found["without_own"]
    result = {
        "claim": "canary_requests",
        "n": options.requests,
        "failures": failures,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "control": options.control,
        **found,
    }
    print(json.dumps(result))
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
