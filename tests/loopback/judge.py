"""A judge of known merit: it prefers B with a known probability, and errs in ways that are known too.

`with judge_server(Opinion(prefers_b=0.7)) as server:` serves it in a thread at `server.url`, for commands
that run an event loop of their own. It reads candidates from the prompt as a judge does: B is the one whose
text holds the mark.
"""

import asyncio
import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.loopback.wire import Exchange, LoopbackServer, Recorded

MARK_OF_B: Final = "beta"
MARK_OF_HARM: Final = "meet me in real life"
_CANDIDATE: Final = re.compile(r"<<<candidate ([12]) (\w+)\n(.*?)\n\2 candidate \1>>>", re.DOTALL)
_QUESTION: Final = re.compile(r"^# Question: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Opinion:
    """What the judge thinks. Probabilities, drawn from the seed and the candidates: `prefers_b` holds for an
    item in both orders; `position` of answering 1 and `longer` of the longer text override it; `fails` of an
    answer that cannot be read."""

    prefers_b: float = 0.5
    ties: float = 0.0
    position: float = 0.0
    longer: float = 0.0
    fails: float = 0.0
    seed: int = 0


@dataclass
class JudgeServer:
    """The server. `reply`, or `reply_to` the body, answers chat requests that are no judge's; `calls` counts
    by kind."""

    opinion: Opinion
    url: str = ""
    reply: str = f"A {MARK_OF_B} reply."
    reply_to: Callable[[dict[str, Any]], str] | None = None
    status: int = 200
    delay: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)
    keys: list[str | None] = field(default_factory=list)
    on_call: Callable[[int], None] | None = None

    async def answer(self, exchange: Exchange) -> None:
        kind, document = self._document(exchange.request)
        self.calls[kind] = self.calls.get(kind, 0) + 1
        self.keys.append(exchange.request.headers.get("authorization"))
        if self.on_call:
            self.on_call(sum(self.calls.values()))
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.status != 200:
            await exchange.send({"error": {"code": self.status, "message": "no"}}, self.status)
        else:
            await exchange.send(document)

    def _document(self, request: Recorded) -> tuple[str, dict[str, Any]]:
        body = request.body
        if request.path.endswith("/moderations"):
            return "moderation endpoint", _moderated(body["input"])
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        fields = schema.get("properties", {})
        prompt = body["messages"][-1]["content"]
        if not fields:
            said = self.reply_to(body) if self.reply_to else self.reply
            return "reply", _completion(body["model"], said)
        kind, answer = self._answer(prompt, fields, body)
        return kind, _completion(body["model"], answer)

    def _answer(self, prompt: str, fields: dict[str, Any], body: dict[str, Any]) -> tuple[str, str]:
        parts = [part.get("properties", {}) for part in fields.values()]
        if "level" in parts[0]:
            level = "severe" if MARK_OF_HARM in prompt.rpartition("<<<messages")[2] else "none"
            levels = {name: level if name == "real_life_meeting" else "none" for name in fields}
            return "flags", json.dumps({n: {"evidence": "", "level": lv} for n, lv in levels.items()})
        if "score" in parts[0]:
            return "scores", json.dumps({n: {"explanation": "so", "score": 0.8} for n in fields})
        title = _QUESTION.search(prompt)
        names = list(fields) if "verdict" not in fields else [title.group(1) if title else ""]
        shape = fields if "verdict" not in fields else {names[0]: {"properties": fields}}
        verdicts = {name: self._verdict(prompt, name, body.get("seed", 0)) for name in names}
        if None in verdicts.values():
            return "verdict", "It depends."
        said = {
            name: {"reason": "so", "verdict": verdict} if "reason" in shape[name]["properties"]
            else {"verdict": verdict}
            for name, verdict in verdicts.items()
        }  # fmt: skip
        return "verdict", json.dumps(said if "verdict" not in fields else said[names[0]])

    def _verdict(self, prompt: str, criterion: str, replicate: int) -> str | None:
        texts = {number: text for number, _, text in _CANDIDATE.findall(prompt)}
        mind, item = self.opinion, "\x1f".join((*sorted(texts.values()), criterion))
        truth = random.Random(f"{mind.seed}|{item}|{replicate}")
        slip = random.Random(f"{mind.seed}|{item}|{replicate}|{texts['1']}")
        if slip.random() < mind.fails:
            return None
        if slip.random() < mind.position:
            return "1"
        if truth.random() < mind.longer and len(texts["1"]) != len(texts["2"]):
            return max(texts, key=lambda number: len(texts[number]))
        if truth.random() < mind.ties:
            return "tie"
        wants_b = truth.random() < mind.prefers_b
        b_is_first = MARK_OF_B in texts["1"]
        return "1" if wants_b == b_is_first else "2"


@contextmanager
def judge_server(opinion: Opinion | None = None) -> Iterator[JudgeServer]:
    """Serve in a thread of its own until the block ends."""
    served = JudgeServer(opinion or Opinion())
    loop = asyncio.new_event_loop()

    async def answer(exchange: Exchange) -> None:
        server.requests.clear()  # a campaign sends hundreds of thousands
        await served.answer(exchange)

    server = LoopbackServer(answer, lambda path: path)
    ready = threading.Event()

    async def serve() -> None:
        served.url = await server.open() + "/v1"
        ready.set()

    def work() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(server.close())
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def _completion(model: str, text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }


def _moderated(text: str) -> dict[str, Any]:
    names = (
        "hate", "hate/threatening", "sexual", "sexual/minors", "self-harm", "self-harm/intent",
        "self-harm/instructions", "violence", "violence/graphic", "harassment/threatening", "illicit/violent",
    )  # fmt: skip
    raised = {name: name == "violence/graphic" and "blood" in text for name in names}
    result = {
        "flagged": any(raised.values()),
        "categories": raised,
        "category_scores": {name: 0.9 if hit else 0.01 for name, hit in raised.items()},
    }
    return {"id": "modr-1", "model": "omni-moderation-latest", "results": [result]}
