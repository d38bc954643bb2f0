"""Labelled messages made from word lists: enough to learn, and nothing that anybody said."""

import json
from pathlib import Path
from random import Random

_VIOLENT = (
    "I will {verb} {whom} with my bare hands",
    "он хочет {ru} тебя прямо сейчас",
    "she {verb}s {whom} again",
)
_CALM = (
    "we went to the {place} and had {food}",
    "мы пошли в {ruplace}, и там был {rufood}",
    "tell me about the {place} you like",
)
_WORDS = {
    "verb": ("strangle", "stab", "murder", "butcher"),
    "whom": ("him", "you", "the guard", "them all"),
    "ru": ("убить", "задушить", "зарезать", "изувечить"),
    "place": ("market", "library", "harbour", "garden"),
    "food": ("soup", "tea", "plum cake", "noodles"),
    "ruplace": ("парк", "музей", "порт", "кафе"),
    "rufood": ("чай", "суп", "пирог", "дождь"),
}


def flagged_text(random: Random, violent: bool) -> dict[str, object]:
    chosen = {name: random.choice(words) for name, words in _WORDS.items()}
    body = random.choice(_VIOLENT if violent else _CALM).format(**chosen)
    filler = " ".join(random.choice(_WORDS["place"] + _WORDS["food"]) for _ in range(6))
    serial = "".join(random.choices("abcdefghijklmnop", k=12))
    return {
        "text": f"{body}, {filler} {serial}",
        "tags": {"violence": "severe" if "murder" in body else "mild" if violent else "none", "hate": "none"},
        "dialogue": f"{serial[:3]}-{violent}-{random.random()}",
    }


def write_flagged(folder: Path, train: int, held_out: int, seed: int = 0) -> Path:
    random = Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", train), ("eval", held_out)):
        rows = [flagged_text(random, number % 4 == 0) for number in range(count)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder
