"""Gate 1: the files are what they say, load without running code, and fit their base."""

import json
from pathlib import Path

from safetensors import safe_open

from repartee_tune.errors import TuneError
from repartee_tune.gates.result import GateResult
from repartee_tune.registry.artefact import Artefact, inspect
from repartee_tune.registry.manifest import MANIFEST
from repartee_tune.registry.versions import problems

GATE = "integrity"


def check_integrity(folder: Path, base: Path | None = None, *, registered: bool = False) -> GateResult:
    """Check a model's folder; a registered one against its manifest too, an adapter against its base where
    given.
    """
    leave_out = (MANIFEST,) if registered else ()
    try:
        artefact = inspect(folder, base_id="base", leave_out=leave_out)
        wrong = [*(problems(folder) if registered else ()), *_adapter_problems(artefact, base)]
    except TuneError as error:
        return GateResult(GATE, "fail", str(error), method="every file", floor=True)
    numbers = {"files": len(artefact.paths), "adapter": artefact.is_adapter, "base_checked": base is not None}
    if wrong:
        return GateResult(
            GATE, "fail", wrong[0], len(artefact.paths), method="every file", floor=True, numbers=numbers
        )
    return GateResult(
        GATE,
        "pass",
        f"{len(artefact.paths)} files are whole, and none runs code",
        len(artefact.paths),
        method="sums, file types, safetensors headers, adapter against base",
        numbers=numbers,
        inputs={"content": artefact.content_sha256},
    )


def _adapter_problems(artefact: Artefact, base: Path | None) -> list[str]:
    """Return what keeps an adapter from being put on its base: a module that is missing, a shape that
    differs.
    """
    if not artefact.is_adapter:
        return []
    deltas = _shapes(artefact.folder)
    if not deltas:
        return ["the adapter holds no weights"]
    if base is None:
        return []
    if not base.is_dir():
        return [f"the base {base} is no folder"]
    config = json.loads((artefact.folder / "adapter_config.json").read_bytes())
    if config.get("peft_type") != "LORA":
        return []
    return _lora_problems(deltas, _shapes(base))


def _lora_problems(deltas: dict[str, tuple[int, ...]], weights: dict[str, tuple[int, ...]]) -> list[str]:
    """Compare (rank, in) and (out, rank) of each pair with the base's (out, in)."""
    found = []
    for name, shape in deltas.items():
        for part, axis in ((".lora_A.", 1), (".lora_B.", 0)):
            if part not in name or len(shape) != 2:
                continue
            target = name.partition(part)[0].removeprefix("base_model.model.") + ".weight"
            if target not in weights:
                found.append(f"the adapter changes {target}, which its base does not have")
            elif len(weights[target]) == 2 and weights[target][axis] != shape[axis]:
                found.append(f"{target} is {weights[target]} in the base, and the adapter fits another shape")
    return found


def _shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as weights:
            shapes |= {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
    return shapes
