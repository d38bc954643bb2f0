"""`TokenCounter` with the vocabulary of the operator's model: a `tokenizer.json`."""

from hashlib import blake2b
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer

from repartee.application.ports import TokenCounter
from repartee.domain.errors import ConfigurationError

_TEXTS_KEPT: Final = 16_384
_LARGEST_FILE: Final = 200 * 1024 * 1024


class TokenizerTokenCounter(TokenCounter):
    """Counts as the model does, without special tokens. The last 16,384 texts are remembered by hash."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigurationError where the file is no tokenizer."""
        self._tokenizer = _read(path)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._counts: dict[bytes, int] = {}

    def count(self, text: str) -> int:
        """Return the number of tokens."""
        written = text.encode("utf-8", "surrogatepass")
        key = blake2b(written, digest_size=16).digest()
        count = self._counts.pop(key, None)
        if count is None:
            whole = written.decode("utf-8", "replace")
            count = len(self._tokenizer.encode(whole, add_special_tokens=False).ids)
        self._counts[key] = count
        if len(self._counts) > _TEXTS_KEPT:
            del self._counts[next(iter(self._counts))]
        return count


def _read(path: Path) -> Tokenizer:
    variable = "REPARTEE_PROMPT__TOKENIZER"
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ConfigurationError(f"{variable}: {path} is larger than a tokenizer.json may be (200 MiB)")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{variable}: {path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{variable}: {path} is not a tokenizer.json") from None
    try:
        return Tokenizer.from_str(text)
    except Exception:  # noqa: BLE001  # the package raises plain Exception for whatever is wrong in the file
        raise ConfigurationError(f"{variable}: {path} is not a tokenizer.json") from None
