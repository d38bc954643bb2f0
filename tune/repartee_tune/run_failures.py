"""What a failed run says: one line with the fix, and the whole story in its folder."""

import errno
import shutil
import traceback
from contextlib import suppress
from pathlib import Path

import torch

from repartee_tune.errors import TuneError

TRACEBACK = "traceback.txt"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_WORDS_OF_A_FAILED_WRITE = ("File too large", "No space left", "inline_container")  # the last is torch.save
_ROOM_FOR_ANYTHING = 1 << 24  # bytes


def explained(error: Exception, folder: Path) -> TuneError:
    """Return what to say of an error: itself where it is one of ours already.

    Anything else leaves its traceback in `folder`, for whoever looks after the trainers.
    """
    if isinstance(error, TuneError):
        return error
    if isinstance(error, torch.OutOfMemoryError):
        return TuneError(
            "out of GPU memory: halve optimiser.per_device_batch_size (effective_batch_size may stay), lower "
            "data.max_length, or take a recipe with qlora"
        )
    reason = f"{type(error).__name__}: {str(error).strip().split(chr(10))[0][:300]}"
    if _is_disk_full(error, folder):
        return TuneError(
            f"the disk of {folder} is full: make room; the same command goes on from the last checkpoint "
            f"({reason})"
        )
    with suppress(OSError):
        (folder / TRACEBACK).write_text("".join(traceback.format_exception(error)), "utf-8")
    return TuneError(f"{reason}; the traceback is in {folder / TRACEBACK}")


def _is_disk_full(error: Exception, folder: Path) -> bool:
    """torch and safetensors have words of their own for it, or none, so the disk is asked too."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return True
    if any(words in str(error) for words in _WORDS_OF_A_FAILED_WRITE):
        return True
    return shutil.disk_usage(folder).free < _ROOM_FOR_ANYTHING
