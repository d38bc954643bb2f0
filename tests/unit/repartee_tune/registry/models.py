"""Small model folders, and registries of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from safetensors.numpy import save_file

from repartee_tune.registry.evidence import Evidence
from repartee_tune.registry.manifest import Kind, Manifest, Origin
from repartee_tune.registry.store import Change, Registry

WHO = Change(by="tester", why="test")


def model(folder: Path, number: float = 1.0) -> Path:
    folder.mkdir(parents=True)
    save_file({"layer.weight": np.full((4, 3), number, np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"hidden_size": 3}))
    return folder


def adapter(folder: Path, base: str, width: int = 3) -> Path:
    folder.mkdir(parents=True)
    pair = {
        "base_model.model.layer.lora_A.weight": np.ones((2, width), np.float32),
        "base_model.model.layer.lora_B.weight": np.ones((4, 2), np.float32),
    }
    save_file(pair, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "base_model_name_or_path": base, "r": 2}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def registered(
    registry: Registry, number: float, kind: Kind = "generator", origin: Origin | None = None
) -> Manifest:
    source = registry.root.parent / f"source-{kind}-{number}"
    if not source.exists():
        model(source, number)
    return registry.register(kind, source, origin or Origin(), WHO)[0]


def passed(manifest: Manifest, champion: str | None = None, decision: str = "passed") -> Evidence:
    return Evidence(
        Path("report.json"), "0" * 64, decision, manifest.content_sha256, champion, "default.yaml"
    )


def report(path: Path, content_sha256: str, champion: str | None = None, decision: str = "passed") -> Path:
    content: dict[str, Any] = {
        "decision": decision,
        "candidate": {"content_sha256": content_sha256},
        "champion": {"version": champion} if champion else None,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(content))
    return path
