"""Checkpoints as a trainer leaves them, as small as they can be."""

import io
import json
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file


def write_checkpoint(folder: Path, step: int, *, processes: int = 1) -> Path:
    """Write a whole one, with the random state of each process."""
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("data", "x" * 200)
    names = ["rng_state.pth"] if processes == 1 else [f"rng_state_{rank}.pth" for rank in range(processes)]
    for name in ("optimizer.pt", "scheduler.pt", *names):
        (path / name).write_bytes(archive.getvalue())
    save_file({"weight": torch.zeros(64)}, path / "model.safetensors")
    (path / "trainer_state.json").write_text(json.dumps({"global_step": step}), "utf-8")
    return path
