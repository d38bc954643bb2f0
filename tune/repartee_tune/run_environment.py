"""What env.json says: all that a run's bytes depend on beside its specification."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import torch

from repartee_tune.code_versions import git_revision, package_versions


def run_environment(world_size: int) -> dict[str, Any]:
    """Return versions, devices and the command line of this process."""
    devices: Sequence[str] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "versions": package_versions(),
        "git_revision": git_revision(),
        "cuda": torch.version.cuda,
        "devices": devices or ["cpu"],
        "threads": torch.get_num_threads(),
        "world_size": world_size,
        "arguments": sys.argv[1:],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
