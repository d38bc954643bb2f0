"""Report files, each written whole or not at all."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from repartee_eval.errors import EvalError


def write_texts(files: Mapping[Path, str]) -> None:
    """Write the files in UTF-8 and make their folders. Raises EvalError that names the file."""
    for path, text in files.items():
        new = path.with_name(f"{path.name}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(text, "utf-8", newline="\n")
            new.replace(path)
        except OSError as error:
            with suppress(OSError):  # what is told is the first failure
                new.unlink(missing_ok=True)
            raise EvalError(f"{path} cannot be written: {error.strerror}") from None
