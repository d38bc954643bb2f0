"""Invented users whose facts share a word with the messages that they matter for."""

import json
from pathlib import Path

_THINGS = (
    "piano",
    "garden",
    "sister",
    "bakery",
    "marathon",
    "cactus",
    "violin",
    "harbour",
    "puppy",
    "thesis",
)
_PHRASES = {
    "ada": "what shall I do about the {thing} today",
    "bo": "honestly the {thing} keeps me awake at night",
    "cy": "do you remember when I first got the {thing}",
    "dee": "somebody asked me for that {thing} again",
    "eve": "this week my {thing} needs looking after",
    "fay": "I would rather talk of the {thing} than of work",
}
_NAMES = tuple(_PHRASES)


def people(folder: Path, names: tuple[str, ...] = _NAMES, split: str = "tune", language: str = "en") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        facts = [{"id": f"f{n}", "text": f"{name} has a {thing} at home"} for n, thing in enumerate(_THINGS)]
        messages = [
            {
                "id": f"m{n}",
                "text": _PHRASES[name].format(thing=thing),
                "relevant": {f"f{n}": 2, f"f{(n + 1) % len(_THINGS)}": 1},
            }
            for n, thing in enumerate(_THINGS)
        ]
        messages.append({"id": "none", "text": f"good morning to everyone from {name}", "relevant": {}})
        user = {"user": {"id": name, "name": name}, "language": language, "split": split}
        (folder / f"{language}_{name}.json").write_text(
            json.dumps({**user, "facts": facts, "messages": messages})
        )
    return folder


def all_texts() -> list[str]:
    return [f"{name} has a {thing} at home " + _PHRASES[name] for name in _NAMES for thing in _THINGS]
