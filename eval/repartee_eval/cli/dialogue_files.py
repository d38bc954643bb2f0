"""Dialogue files as arguments, and the folder of a run that none was named for."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import click

from repartee_eval import wiring
from repartee_eval.dialogues.characters import characters_in
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.jsonl import load_dialogues


def loaded(path: Path, skip_bad: bool) -> tuple[Dialogue, ...]:
    """Return the dialogues of a file; bad lines that were left out are told. Raises EvalError."""
    found = load_dialogues(path, characters_in(wiring.characters_folder()).get, skip_bad=skip_bad)
    if found.bad.count:
        click.echo(f"{path}: {found.bad.count} bad lines left out", err=True)
    return found.dialogues


def default_folder(command: str, parts: Sequence[str]) -> Path:
    """Return a folder whose name follows from what is asked, so that the same command finds it again."""
    digest = sha256("\0".join(parts).encode()).hexdigest()
    return wiring.runs_folder() / f"{command}-{digest[:12]}"
