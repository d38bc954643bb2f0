"""Claim: no key, no fact and no word of a user is in a log line, an error body, or a metric.

    .venv/bin/python -m scripts.claims.canary_privacy --cases 200 --seed 1

The real service runs as a process, with debug logs, over an upstream with faults. Every case sends texts, ids
and keys that are found nowhere else to a random path, in a random form: right, wrong, too large, to a model
that fails, hangs or answers nonsense, whole or streamed, through both doors. Answers that repeat what was
sent because that is their purpose (replies, facts) are left out; an error may name a field that the caller
made up, but not its value. Then logs, metrics and the command line's errors are searched. Prints one JSON
line; exit status 1 where anything was found.
"""

import argparse
import http.client
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.processes import Answer, Repartee, Service, call, loopback_upstream, service

CANARY: Final = "zq7canary"
"""In every secret and every text; no other word of the service holds it."""
DOOR_KEY: Final = f"door-{CANARY}-key"
MODEL_KEY: Final = f"sk-or-v1-{CANARY}-key"
FAULTS: Final = (
    "status=401", "status=402", "status=403", "status=404", "status=429", "status=500", "status=503,7",
    "html", "truncated-json", "hang", "error-in-200=502", "finish=content_filter", "stream-error",
    "stream-cut", "stream-reset", "stream-bad-json", "json-instead", "redirect=http://127.0.0.1:9/x",
)  # fmt: skip
Case = Callable[["Campaign"], Answer]


@dataclass
class Campaign:
    """One run: what is asked, of whom, and what was found where it must not be."""

    running: Service
    upstream: str
    chance: random.Random
    found: list[str] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any, key: str = DOOR_KEY) -> Answer:
        """Make one request; an answer above 399 must not hold the canary, nor may its headers."""
        try:
            answer = call(method, self.running.url + path, body, {"authorization": f"Bearer {key}"})
        except (ConnectionError, http.client.HTTPException, urllib.error.URLError):
            answer = Answer(0, "", {})  # the door closes on what is too large
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        shown = json.dumps([answer.body, dict(answer.headers)], ensure_ascii=False)
        failed_stream = isinstance(answer.body, str) and "event: error" in answer.body
        if failed_stream:
            shown = answer.body.partition("event: error")[2]
        if (answer.status >= 400 or failed_stream) and CANARY in shown:
            self.found.append(f"{method} {path.partition('?')[0][:20]} answered {answer.status}")
        return answer

    def fail_next(self) -> None:
        """Let the model's next answers go wrong."""
        fault = self.chance.choice(FAULTS)
        body = {"endpoint": "chat", "faults": [fault, fault]}
        call("POST", f"{self.upstream}/loopback/script", body)


def _text(campaign: Campaign) -> str:
    odd = campaign.chance.choice(
        ["", "\n", "\u2028", "{{user}}", "<|im_end|>", "I want to kill myself ", "%s "]
    )
    return f"{odd}{CANARY} {campaign.chance.randrange(10**9)}"


def _turn(campaign: Campaign, **more: Any) -> dict[str, Any]:
    return {
        "character": {"name": f"Ada {CANARY}", "description": _text(campaign)},
        "user": {"id": f"u-{CANARY}", "name": CANARY},
        "messages": [{"role": "user", "text": _text(campaign)}],
        **more,
    }


def _reply(campaign: Campaign) -> Answer:
    return campaign.ask("POST", "/generate", _turn(campaign, stream=campaign.chance.random() < 0.4))


def _failed_reply(campaign: Campaign) -> Answer:
    campaign.fail_next()
    return _reply(campaign)


def _failed_completion(campaign: Campaign) -> Answer:
    campaign.fail_next()
    body = {
        "model": campaign.chance.choice(["blaze", "m"]),
        "user": f"u-{CANARY}",
        "stream": campaign.chance.random() < 0.4,
    }
    return campaign.ask(
        "POST", "/v1/chat/completions", body | {"messages": [{"role": "user", "content": _text(campaign)}]}
    )


def _failed_memory(campaign: Campaign) -> Answer:
    campaign.fail_next()
    body = {key: value for key, value in _turn(campaign).items() if key != "stream"}
    return campaign.ask("POST", campaign.chance.choice(["/digest", "/extract"]), body)


def _wrong_body(campaign: Campaign) -> Answer:
    text = _text(campaign)
    wrong: tuple[Any, ...] = (
        _turn(campaign, unknown=text),
        _turn(campaign, mode=text),
        _turn(campaign, messages=[{"role": CANARY, "text": text}]),
        _turn(campaign, user={"id": f"{CANARY} with spaces"}),
        _turn(campaign, character=f"{CANARY}-nobody"),
        _turn(campaign, jurisdiction=f"{CANARY}!!"),
        _turn(campaign, character={"card_base64": CANARY}),
        _turn(campaign, lorebooks=[{"entries": CANARY}]),
        f'{{"{CANARY}": 1, "{CANARY}": 2}}'.encode(),
        f'{{"messages": "{CANARY}'.encode(),
        json.dumps({"messages": CANARY * 200_000}).encode(),
    )
    path = campaign.chance.choice(
        ["/generate", "/v1/chat/completions", "/digest", "/feedback", "/characters/parse"]
    )
    return campaign.ask("POST", path, campaign.chance.choice(wrong))


def _wrong_key(campaign: Campaign) -> Answer:
    return campaign.ask("POST", "/generate", _turn(campaign), key=f"{CANARY}-other")


def _facts(campaign: Campaign) -> Answer:
    user = f"u-{CANARY}{campaign.chance.randrange(3)}"
    body = {"facts": [{"text": _text(campaign)}]}
    chosen = campaign.chance.randrange(4)
    if chosen == 0:
        return campaign.ask("POST", f"/users/{user}/facts", body)
    if chosen == 1:
        return campaign.ask("POST", f"/users/{user}/facts", body | {"unknown": CANARY})
    path = f"/users/{urllib.parse.quote(_text(campaign))}/facts" if chosen == 2 else f"/{CANARY}/none"
    return campaign.ask("GET", path, None)


CASES: Final[tuple[Case, ...]] = (
    _reply, _failed_reply, _failed_reply, _failed_completion, _failed_memory, _wrong_body, _wrong_body,
    _wrong_key, _facts,
)  # fmt: skip


def _command_line(folder: Path) -> list[str]:
    """Return the commands whose error output holds the canary, or a traceback."""
    bad = folder / "bad.jsonl"
    bad.write_text(f'{{"text": "{CANARY}", "unknown": "{CANARY}"}}\n')
    command = Repartee(folder)
    runs: tuple[subprocess.CompletedProcess[str], ...] = (
        command.run("facts", "import", str(bad)),
        command.run("facts", "add", "--user-id", f"{CANARY} x", "--text", CANARY),
    )
    return [
        f"repartee {' '.join(run.args[:2])}"
        for run in runs
        if "Traceback" in run.stderr or CANARY in run.stderr
    ]


def run(cases: int, seed: int) -> dict[str, Any]:
    """Return the result of one campaign."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name, loopback_upstream() as upstream:
        folder = Path(name)
        with service(
            folder / "var",
            REPARTEE_LLM__BASE_URL=f"{upstream}/v1",
            REPARTEE_LLM__API_KEY=MODEL_KEY,
            REPARTEE_LLM__MODEL="m",
            REPARTEE_API__KEYS=DOOR_KEY,
            REPARTEE_LOG__LEVEL="debug",
            REPARTEE_REPLY__DEADLINE_SECONDS="1.0",
        ) as running:
            campaign = Campaign(running, upstream, random.Random(seed))
            for _ in range(cases):
                campaign.chance.choice(CASES)(campaign)
            metrics = json.dumps(running.get("/metrics").body)
            running.stop()
            lines = [line for line in running.output().splitlines() if CANARY in line]
        found = [*campaign.found, *(["a metric"] if CANARY in metrics else []), *_command_line(folder)]
    return {
        "claim": "canary_privacy",
        "n": cases,
        "failures": len(found) + len(lines),
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 1),
        "answers": {str(status): count for status, count in sorted(campaign.statuses.items())},
        "found": sorted(set(found))[:10],
        "log_lines": [line.replace(CANARY, "CANARY")[:300] for line in lines[:5]],
    }


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    result = run(options.cases, options.seed)
    print(json.dumps(result))
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
