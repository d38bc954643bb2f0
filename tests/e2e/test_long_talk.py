"""A long evening: two people at once, in two languages, with every mode; nothing leaks, breaks or grows."""

import json
import random
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Service, service

TURNS = 36
CONTEXT = 8_000
LINES = {
    "maya": (
        "hello there",
        "my cat broke a vase",
        "what do you think about rain?",
        "tell me about the fog",
        "where is the warden?",
        "do you like jazz?",
        "*sits down* long day",
        "sing me something",
    ),
    "vera": (
        "привет",
        "моя кошка разбила вазу",
        "что ты думаешь о дожде?",
        "расскажи про туман",
        "где смотритель?",
        "ты любишь джаз?",
        "*садится* тяжёлый день",
        "спой что-нибудь",
    ),
}
SECRETS = {"maya": "Keeps a ferret called Quillfeather", "vera": "Держит хорька по имени Пёрышкин"}
CHARACTERS = {"maya": "blaze", "vera": "agata"}
BOOK = {
    "name": "town",
    "entries": [
        {"name": "constant", "constant": True, "content": "Kettlewick is a harbour town."},
        {"name": "fog", "keys": ["fog", "туман"], "content": "{{char}} hides.", "extensions": {"sticky": 3}},
        {"name": "warden", "keys": ["/warden|смотритель/i"], "content": "@@depth 2\nThe Warden walks."},
        {"name": "late", "keys": ["jazz", "джаз"], "content": "@@activate_only_after 10\nThe dance hall."},
    ],
}  # fmt: skip


class Talk:
    """One person's side of it."""

    def __init__(self, running: Service, user: str) -> None:
        self.running, self.user, self.chance = running, user, random.Random(user)
        self.messages: list[dict[str, str]] = []
        self.state: dict[str, Any] = {}
        self.prompts: list[str] = []
        self.spent: list[int] = []
        self.texts: list[str] = []

    def ask(self, **more: Any) -> dict[str, Any]:
        body = {
            "user": {"id": self.user, "name": self.user.title()},
            "character": CHARACTERS[self.user],
            "lorebooks": [BOOK],
            "messages": self.messages,
            "lore_state": self.state,
            **more,
        }
        answer = self.running.post("/generate", body)
        assert answer.status == 200, answer.body
        return answer.body

    def turn(self) -> None:
        self.messages.append({"role": "user", "text": self.chance.choice(LINES[self.user])})
        seen = self.ask(dry_run=True)
        self.prompts.append("".join(f"{part['role']}\0{part['content']}\0" for part in seen["prompt"]))
        self.spent.append(sum(seen["prompt_tokens_by_section"].values()))
        reply = self.ask()
        places = [(line["book"], line["name"]) for line in reply["lore"]["entries"]]
        assert len(places) == len(set(places))
        self.state = reply["lore"]["state"]
        self.messages.append({"role": "character", "text": self.heard(reply["text"])})
        match self.chance.randrange(8):
            case 0:
                self.messages[-1]["text"] = self.heard(self.ask(mode="regenerate")["text"])
            case 1:
                self.messages[-1]["text"] += " " + self.heard(self.ask(mode="continue")["text"])
            case 2:
                self.heard(self.ask(mode="impersonate")["text"])
            case 3:
                several = self.ask(mode="regenerate", n=3)
                assert len({several["id"], *(self.heard_of(one) for one in several["alternatives"])}) == 3

    def heard_of(self, alternative: dict[str, str]) -> str:
        self.heard(alternative["text"])
        return alternative["id"]

    def heard(self, text: str) -> str:
        self.texts.append(text)
        assert text.strip()
        assert not any(mark in text for mark in ("{{", "<START>", "\0", "${", "@@", "Kettlewick"))
        return text


def kept(before: str, after: str) -> float:
    """Return how much of a prompt is the beginning of the next one."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))) / len(
        after
    )


def memory(running: Service) -> int:
    """Return the resident memory of the process in MiB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(
        tmp_path_factory.mktemp("talk") / "var", REPARTEE_PROMPT__CONTEXT_TOKENS=str(CONTEXT)
    ) as one:
        yield one


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_a_long_evening_for_two(running: Service) -> None:
    talks = [Talk(running, user) for user in LINES]
    for talk in talks:
        stored = {"facts": [{"text": SECRETS[talk.user]}]}
        assert running.post(f"/users/{talk.user}/facts", stored).status == 200
        talk.messages.append({"role": "character", "text": talk.heard(talk.ask()["text"])})
    warm = 0
    for number in range(TURNS):
        for talk in talks:
            talk.turn()
        if number == TURNS // 3:
            warm = memory(running)
    assert memory(running) - warm < 48
    for talk, other in (talks, talks[::-1]):
        everything = json.dumps([talk.prompts, talk.texts, talk.state], ensure_ascii=False)
        assert SECRETS[other.user].split()[-1] not in everything
        assert max(talk.spent) <= CONTEXT
        assert len(json.dumps(talk.state)) < 2_000
        shares = sorted(map(kept, talk.prompts[19:], talk.prompts[20:]))
        assert shares[len(shares) // 2] > 0.9
        assert sum(share < 0.5 for share in shares) <= 3  # examples or old messages were given up
        assert talk.ask(dry_run=True)["facts"] == talk.ask(dry_run=True)["facts"]
