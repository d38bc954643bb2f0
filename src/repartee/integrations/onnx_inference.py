"""What models that run in this process have in common: how a session is opened and texts go into batches."""

import os
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Read once, as the library is imported. Its own switch comes too late: by then it has made the machine's id
# and the queue of what it reports to its makers.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

TokenArray = NDArray[np.int64]
MAX_BATCH: Final = 32
MAX_BATCH_TOKENS: Final = 1_024  # bounds memory, and how long one forward pass holds its thread

_NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})


def open_session(model: str | bytes, threads: int, options: Mapping[str, str] = _NO_OPTIONS) -> Any:
    """Open a model, from its path or its bytes, on the CPU; `options` are onnxruntime's session entries."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = threads
    chosen.inter_op_num_threads = 1
    chosen.log_severity_level = 3
    # A thread that spins while it waits takes the core from the event loop.
    for name, value in {"session.intra_op.allow_spinning": "0", **options}.items():
        chosen.add_session_config_entry(name, value)
    return onnxruntime.InferenceSession(model, chosen, providers=["CPUExecutionProvider"])


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield indices, texts of like length in tokens together: little padding, bounded memory."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        longest = lengths[index]  # so far
        if batch and (len(batch) == MAX_BATCH or longest * (len(batch) + 1) > MAX_BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def padded(rows: Sequence[Sequence[int]], filler: int = 0) -> TokenArray:
    """Return the rows as one array, filled up to the longest."""
    longest = max(map(len, rows))
    return np.array([[*row, *[filler] * (longest - len(row))] for row in rows], np.int64)
