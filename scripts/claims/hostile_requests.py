"""Claim: whatever the OpenAPI document allows or forbids, the answer is a documented one, and no 500.

    .venv/bin/python -m scripts.claims.hostile_requests --cases 10000 --seed 1
    .venv/bin/python -m scripts.claims.hostile_requests --cases 10000 --seed 1 --faults

Schemathesis draws requests of every operation from the document of a real server: some as described, some
against the description. Half of those as described get a character and a user that exist, so that they
reach the model. With healthy upstreams no answer may be 5xx; with `--faults` half of the answers of model
and embedder are broken, and 502, 503 and 504 are allowed where the document names them. No error may repeat
a text of 8 characters or more that was sent as a value; a stream has to end with `done` or `error`.
Prints one JSON line; exit status 1 where an answer breaks the claim.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.processes import call, loopback_upstream, service

FAULTS: Final = (
    "status=500",
    "status=429,1",
    "status=429,300",
    "status=401",
    "status=402",
    "status=404",
    "hang",
    "html",
    "truncated-json",
    "long-content-length",
    "error-in-200=502",
    "error-in-200=429",
    "finish=error",
    "finish=content_filter",
    "stream-error",
    "stream-cut",
    "stream-reset",
    "stream-bad-json",
    "stream-hang",
    "json-instead",
)
VECTOR_FAULTS: Final = (
    "status=500",
    "status=429,1",
    "hang",
    "html",
    "truncated-json",
    "not-a-number",
    "short-list",
)
ALLOWED_FAILURES: Final = frozenset({502, 503, 504})
OF_THE_PROTOCOL: Final = frozenset({431})
"""The head of a request is too large: said before anything is routed."""
ASK_THE_MODEL: Final = ("/generate", "/digest", "/extract", "/chat/completions")
SHORTEST: Final = 8
AT_ONCE: Final = 40
_STAND_INS: Final = {"user_id": "ann", "character_id": "blaze", "model_id": "blaze"}


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text that is a value; the names of fields are not."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)


def names_in(value: Any) -> Iterator[str]:
    """Yield the names of all fields: an error may say which one is unknown."""
    if isinstance(value, Mapping):
        yield from value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from names_in(inner)


def breach(
    status: int, text: str, sent: Sequence[str], documented: frozenset[int], *, faults: bool
) -> str | None:
    """Return what is wrong with an answer, None where nothing is."""
    if status >= 500 and not (faults and status in ALLOWED_FAILURES):
        return f"status {status}"
    if status not in documented | OF_THE_PROTOCOL:
        return f"status {status} is not documented"
    if status >= 400 and any(piece in text for piece in sent):
        return f"status {status} repeats what was sent"
    if text.startswith("event: ") and "event: done" not in text and "event: error" not in text:
        return "a stream without an end"
    return None


@dataclass
class Campaign:
    """What is known of one run."""

    url: str
    upstream: str
    document: dict[str, Any]
    chance: random.Random
    faults: bool
    session: requests.Session = field(default_factory=requests.Session)
    statuses: Counter[int] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)
    first: dict[str, str] = field(default_factory=dict)
    impossible: set[tuple[str, GenerationMode]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self._vocabulary = json.dumps(self.document, ensure_ascii=False)

    def ask(self, operation: Any, case: Any) -> None:
        """Make one request and judge its answer."""
        if self.faults and self.chance.random() < 0.5:
            if operation.path.endswith(ASK_THE_MODEL):
                self.break_next("chat", FAULTS)
            elif "/facts" in operation.path:
                self.break_next("cohere_embed", VECTOR_FAULTS)
        answer = case.call(base_url=self.url, session=self.session)
        self.statuses[answer.status_code] += 1
        documented = frozenset(map(int, operation.definition.raw["responses"]))
        found = breach(answer.status_code, answer.text, self.sent(case), documented, faults=self.faults)
        if found:
            told = f"{operation.label}: {found}"
            self.breaches.append(told)
            if told not in self.first:
                self.first[told] = case.as_curl_command()[:1_500]
                print(f"{told}\n{self.first[told]}", file=sys.stderr, flush=True)

    def break_next(self, endpoint: str, faults: Sequence[str]) -> None:
        """Let the next answer of an upstream, and the one to its retry, go wrong."""
        body = {"endpoint": endpoint, "faults": [self.chance.choice(faults)] * 2}
        call("POST", f"{self.upstream}/loopback/script", body)

    def sent(self, case: Any) -> list[str]:
        """Return the texts whose return in an error would be an echo: no names, no words of the document."""
        given_texts = {*texts_in(case.body), *texts_in(case.query), *texts_in(case.path_parameters)}
        named = given_texts - {*names_in(case.body)}
        return [text for text in named if len(text) >= SHORTEST and text not in self._vocabulary]


def made_known(case: Any) -> None:
    """Name a character and a user that exist, so that the request gets further."""
    for name, known in _STAND_INS.items():
        if isinstance(case.path_parameters, dict) and name in case.path_parameters:
            case.path_parameters[name] = known
    if isinstance(case.body, dict):
        for name, value in (("character", "blaze"), ("model", "blaze"), ("user", {"id": "ann"})):
            if name in case.body:
                case.body[name] = value
        for name in ("cast", "speaker", "lorebooks", "lore_state"):
            case.body.pop(name, None)


def drawn(campaign: Campaign, operation: Any, mode: GenerationMode, number: int, count: int) -> None:
    """Make up to `count` requests of one operation; fewer where it has no more to vary."""

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and campaign.chance.random() < 0.5:
            made_known(case)
        campaign.ask(operation, case)

    try:
        asked()
    except Unsatisfiable:  # such as a request against a description that forbids nothing
        campaign.impossible.add((operation.label, mode))


def varied(operation: Any) -> bool:
    """Return whether an operation has anything to vary."""
    raw = operation.definition.raw
    return bool(raw.get("parameters") or raw.get("requestBody"))


def hunted(campaign: Campaign, cases: int, start: int) -> None:
    """Go round the operations until so many requests were made."""
    schema = schemathesis.openapi.from_dict(campaign.document)
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    number = start * 1_000_000
    while campaign.statuses.total() < cases:
        for operation in operations:
            modes = [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if varied(operation) else [])]
            for mode in modes:
                number += 1
                left = cases - campaign.statuses.total()
                if left > 0 and (operation.label, mode) not in campaign.impossible:
                    drawn(campaign, operation, mode, number, min(left, AT_ONCE if varied(operation) else 1))


def run(cases: int, start: int, *, faults: bool) -> dict[str, Any]:
    """Return the result of one campaign."""
    started = time.perf_counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = stack.enter_context(loopback_upstream(1024, otherwise='say={"facts": []}'))
        settings_ = {
            "REPARTEE_LLM__BASE_URL": f"{upstream}/v1",
            "REPARTEE_LLM__API_KEY": "k",
            "REPARTEE_LLM__MODEL": "m",
            "REPARTEE_COHERE__API_KEY": "k",
            "REPARTEE_COHERE__BASE_URL": upstream,
            "REPARTEE_REPLY__DEADLINE_SECONDS": "1.0" if faults else "30.0",
            "REPARTEE_LOG__LEVEL": "error",
        }
        running = stack.enter_context(service(folder / "var", **settings_))
        document = running.get("/openapi.json").body
        campaign = Campaign(running.url, upstream, document, random.Random(start), faults)
        hunted(campaign, cases, start)
        told = [line[:3_000] for line in running.output().splitlines() if '"exception"' in line]
        alive = running.get("/healthz").status == 200
        campaign.session.close()
    return {
        "claim": "hostile_requests_faults" if faults else "hostile_requests",
        "n": campaign.statuses.total(),
        "failures": len(campaign.breaches) + (not alive),
        "seed": start,
        "seconds": round(time.perf_counter() - started, 1),
        "statuses": {str(status): count for status, count in sorted(campaign.statuses.items())},
        "impossible": sorted(f"{label} {mode.value}" for label, mode in campaign.impossible),
        "tracebacks": told[:3],
        "first": campaign.first,
        "examples": dict(Counter(campaign.breaches).most_common(8)),
    }


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", action="store_true", help="Break half of the model's answers.")
    options = parser.parse_args()
    result = run(options.cases, options.seed, faults=options.faults)
    print(json.dumps(result))
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
