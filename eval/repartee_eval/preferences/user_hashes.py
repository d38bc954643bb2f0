"""Users as files name them: by id, or by the hash that stands for it in rows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from repartee_eval.dialogues.fingerprints import user_hash
from repartee_eval.errors import EvalError

_DIGITS: Final = 64


def withdrawn(path: Path | None) -> frozenset[str]:
    """Return the hashes of a file with a user's id, or hash, on each line. Raises EvalError."""
    if path is None:
        return frozenset()
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvalError(f"--without-users {path}: cannot be read: {type(error).__name__}") from None
    return frozenset(_hashes(line.strip() for line in lines if line.strip()))


def is_hash(user: str) -> bool:
    """Whether a text is a hash of `user_hash`."""
    return len(user) == _DIGITS and set(user) <= set("0123456789abcdef")


def _hashes(users: Iterable[str]) -> Iterable[str]:
    for user in users:
        yield user.lower() if is_hash(user.lower()) else user_hash(user)
