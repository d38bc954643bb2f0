"""What a dialogue says, without how it was spaced or spelled in capitals."""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator

from repartee_eval.dialogues.dialogue import Dialogue, Turn

_WORDS = 5


def normalised(text: str) -> str:
    """Return a text in NFKC, casefolded, with single spaces.

    >>> normalised("Good \\n  Evening")
    'good evening'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def message_hashes(dialogue: Dialogue) -> tuple[bytes, ...]:
    """Return for each message a hash of it and all before it, under the same character and scene."""
    scene = dialogue.scenario.model_dump_json() if dialogue.scenario else dialogue.scenario_id or ""
    running = hashlib.sha256(f"{dialogue.character_id}\0{normalised(scene)}".encode())
    found = []
    for turn in dialogue.messages:
        running.update(f"\0{turn.role}\0{normalised(turn.text)}".encode())
        found.append(running.digest())
    return tuple(found)


def shingles(dialogue: Dialogue) -> frozenset[int]:
    """Return hashes of all runs of five words. The opening message, often a card's greeting, is left out."""
    words = " ".join(normalised(turn.text) for turn in _own(dialogue.messages)).split()
    runs = (" ".join(words[at : at + _WORDS]) for at in range(max(1, len(words) - _WORDS + 1)))
    return frozenset(_hash(run) for run in runs)


def hashed(seed: int, *parts: str) -> int:
    """Return 64 bits that look random and are always the same for the same seed and parts."""
    return _hash("\0".join((str(seed), *parts)))


def user_hash(user_id: str | None) -> str:
    """Return what stands for a user in files: SHA-256 of `repartee:` and the id, in hex; empty for nobody."""
    return hashlib.sha256(f"repartee:{user_id}".encode()).hexdigest() if user_id else ""


def _own(messages: Iterable[Turn]) -> Iterator[Turn]:
    yield from (turn for place, turn in enumerate(messages) if place or turn.role == "user")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
