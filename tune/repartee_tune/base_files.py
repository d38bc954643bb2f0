"""Whether a base's files are whole and fit to train from, read before anything is claimed or loaded."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from transformers import AutoConfig

from repartee_tune.errors import TuneError


def check_base(base: Path, max_length: int) -> None:
    """Refuse what is no plain model of whole safetensors that reads `max_length` tokens."""
    if not (base / "config.json").is_file():
        hint = (
            "merge the adapter first" if (base / "adapter_config.json").is_file() else "give a model's folder"
        )
        raise TuneError(f"--base {base} has no config.json: {hint}")
    if not any(base.glob("*.safetensors")):
        raise TuneError(
            f"--base {base} has no safetensors weights: pickled weights can run code and are refused"
        )
    for name in _named_in_index(base):
        if not (base / name).is_file():
            raise TuneError(f"--base {base}: {name} is missing, which model.safetensors.index.json names")
    for path in sorted(base.glob("*.safetensors")):
        if not is_whole_safetensors(path):
            raise TuneError(f"--base {base}: {path.name} is cut short or damaged: copy it again")
    _check_positions(base, max_length)


def is_whole_safetensors(path: Path) -> bool:
    """Whether the header can be read and says what the file holds: reads no weights."""
    try:
        with safe_open(path, framework="pt"):
            return True
    except (SafetensorError, OSError):
        return False


def _named_in_index(base: Path) -> list[str]:
    index = base / "model.safetensors.index.json"
    if not index.is_file():
        return []
    try:
        return sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TuneError(f"--base {base}: {index.name} cannot be read: copy it again") from None


def _check_positions(base: Path, max_length: int) -> None:
    """A row longer than what the base was made for would be read, and badly, without a word."""
    positions = _read_config(base).get("max_position_embeddings")
    if isinstance(positions, int) and positions < max_length:
        raise TuneError(
            f"data.max_length {max_length} is over the {positions} tokens that --base {base} reads: lower it"
        )


def _read_config(base: Path) -> dict[str, Any]:
    try:
        config = AutoConfig.from_pretrained(base).get_text_config()
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).split("\n")[0][:200]
        raise TuneError(f"--base {base}: config.json is of no known model: {reason}") from None
    return dict(config.to_dict())
