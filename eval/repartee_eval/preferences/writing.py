"""A folder of preference rows: three formats with the same split, the examples, and a manifest."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from repartee_eval.errors import EvalError
from repartee_eval.preferences.example import Example
from repartee_eval.preferences.formats import FORMATS, fits, rows_as
from repartee_eval.preferences.partition import Partition

MANIFEST: Final = "preferences.json"
EXAMPLES: Final = "examples.jsonl"
FORMAT: Final = "repartee.preferences/1"


def write_preferences(out: Path, parts: Partition, said: Mapping[str, Any]) -> bool:
    """Write the folder whole or not at all; False where it holds exactly this already.

    Files are readable by their owner only. Raises EvalError where the folder holds anything else.
    """
    building = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        _fill(building, parts, said)
        if out.is_dir() and any(out.iterdir()):
            if _bytes(out / MANIFEST) == _bytes(building / MANIFEST):
                return False
            raise EvalError(f"--to {out}: holds something else: choose another folder")
        if out.exists():
            out.rmdir()
        building.rename(out)
    except OSError as error:
        raise EvalError(f"--to {out}: {error.strerror}") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return True


def read_examples(folder: Path) -> list[Example]:
    """Return the examples of a folder that was written here. Raises EvalError."""
    try:
        lines = (folder / EXAMPLES).read_text("utf-8").split("\n")
        return [Example.model_validate_json(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise EvalError(f"{folder / EXAMPLES}: cannot be read: {type(error).__name__}") from None


def counts_of(parts: Partition) -> dict[str, dict[str, int]]:
    """Return the rows of each format in both parts."""
    return {
        kind: {
            name: sum(1 for _ in rows_as(kind, examples))
            for name, examples in (("train", parts.train), ("eval", parts.evaluation))
        }
        for kind in FORMATS
    }


def _fill(folder: Path, parts: Partition, said: Mapping[str, Any]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    sides: dict[str, Sequence[Example]] = {"train": parts.train, "eval": parts.evaluation}
    for kind in FORMATS:
        (folder / kind).mkdir()
        for name, examples in sides.items():
            rows = rows_as(kind, (one for one in examples if fits(kind, one)))
            write_rows(folder / kind / f"{name}.jsonl", rows)
    together = (one for examples in sides.values() for one in examples)
    write_rows(folder / EXAMPLES, (one.model_dump(mode="json") for one in together))
    sums = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.jsonl"))
    }
    manifest = {"format": FORMAT, **said, "rows": counts_of(parts), "files": sums}
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", "utf-8")


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as JSON Lines and return how many there were."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
            count += 1
    return count


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
