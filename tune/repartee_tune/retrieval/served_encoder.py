"""The service's local encoder as numbers: read out of its ONNX file, and written back with other weights.

The file is what scripts/build_encoder.py makes: int8 weights with one step per output. What is not changed is
written back byte for byte; what is changed is rounded the same way.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from repartee_tune.errors import TuneError

Floats = NDArray[np.float32]
DESCRIPTIONS: Final = ("encoder.json", "manifest.json")
"""A registry's version has a manifest.json of its own, so a tuned encoder calls its description the first."""

_PARTS: Final = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "inner": "intermediate.dense",
    "outer": "output.dense",
}
_NORMS: Final = {"attention": "attention.output.LayerNorm", "output": "output.LayerNorm"}


@dataclass(frozen=True, eq=False)
class ServedEncoder:
    """Weights by the names of transformers' BertModel, linear ones of shape (outputs, inputs), and the mean
    vector that is subtracted from every text's.
    """

    folder: Path
    description: Mapping[str, Any]
    weights: Mapping[str, Floats]
    mean: Floats
    heads: int

    @property
    def width(self) -> int:
        """The size of a vector."""
        return len(self.mean)

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return 1 + max(int(name.split(".")[2]) for name in self.weights if name.startswith("encoder.layer."))


def is_served_encoder(folder: Path) -> bool:
    """Whether a folder holds an encoder of this kind."""
    return any((folder / name).is_file() for name in DESCRIPTIONS) and (folder / "model.onnx").is_file()


def read_served_encoder(folder: Path) -> ServedEncoder:
    """Read the weights. Raises TuneError where the file is not what the build makes."""
    described = next((folder / name for name in DESCRIPTIONS if (folder / name).is_file()), None)
    if described is None:
        raise TuneError(f"--base {folder}: no local encoder there: run `make encoder`, or give its folder")
    model = onnx.load(str(folder / "model.onnx"))
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    if "adapted.matrix" in found:
        raise TuneError(f"--base {folder} has a head already: tune the encoder that it was made from")
    try:
        return ServedEncoder(
            folder,
            json.loads(described.read_text("utf-8")),
            _weights(found),
            found["mean"],
            int(found["split"][2]),
        )
    except (KeyError, ValueError) as error:
        raise TuneError(f"--base {folder} was not built by `make encoder`: {error} is missing") from None


def write_served_encoder(
    base: ServedEncoder,
    out: Path,
    *,
    weights: Mapping[str, Floats],
    mean: Floats | None = None,
    head: Floats | None = None,
) -> None:
    """Write `base` with changed linear weights, another mean, or a matrix on its centred vectors.

    `head` has shape (width, width) and is applied as `head @ vector`. The folder serves with
    REPARTEE_EMBEDDER__KIND=local, and for Latin script with folder, too.
    """
    model = onnx.load(str(base.folder / "model.onnx"))
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, value in weights.items():
        place = _place(name)
        steps, step = rounded(value)
        _replace(tensors[f"{place}.int8"], steps)
        _replace(tensors[f"{place}.step"], step)
    if mean is not None:
        _replace(tensors["mean"], mean)
    if head is not None:
        _add_head(model, head)
    _name_for_folders(model)
    onnx.checker.check_model(model, full_check=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    _write_beside(base, out)


def rounded(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return a weight (outputs, inputs) in 255 steps, transposed, and the size of a step per output."""
    step = np.maximum(np.abs(weight).max(axis=1), np.float32(1e-12)) / np.float32(127)
    steps = np.rint(weight / step[:, np.newaxis]).astype(np.int8)
    return np.ascontiguousarray(steps.T), step.astype(np.float32)


def _weights(found: Mapping[str, Any]) -> dict[str, Floats]:
    layers = sum(name.endswith(".query.int8") for name in found)
    if not layers:
        raise KeyError("layer0.query.int8")
    weights = {
        "embeddings.word_embeddings.weight": found["words.int8"].astype(np.float32) * found["words.step"],
        "embeddings.position_embeddings.weight": found["positions"],
        "embeddings.LayerNorm.weight": found["embedded.scale"],
        "embeddings.LayerNorm.bias": found["embedded.shift"],
    }
    for layer in range(layers):
        for part, name in _PARTS.items():
            at, target = f"layer{layer}.{part}", f"encoder.layer.{layer}.{name}"
            weights[f"{target}.weight"] = (found[f"{at}.int8"].astype(np.float32) * found[f"{at}.step"]).T
            weights[f"{target}.bias"] = found[f"{at}.bias"]
        for part, name in _NORMS.items():
            at, target = f"layer{layer}.{part}", f"encoder.layer.{layer}.{name}"
            weights[f"{target}.weight"], weights[f"{target}.bias"] = (
                found[f"{at}.scale"],
                found[f"{at}.shift"],
            )
    return {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}


def _place(name: str) -> str:
    _, _, layer, *part = name.removesuffix(".weight").split(".")
    short = {full: short for short, full in _PARTS.items()}[".".join(part)]
    return f"layer{layer}.{short}"


def _replace(tensor: onnx.TensorProto, value: NDArray[Any]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), tensor.name))


def _add_head(model: onnx.ModelProto, head: Floats) -> None:
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(head.T), "adapted.matrix"))
    place = next(number for number, node in enumerate(graph.node) if node.name == "centred") + 1
    for node in graph.node[place:]:
        node.input[:] = ["adapted" if name == "centred" else name for name in node.input]
    graph.node.insert(
        place, helper.make_node("MatMul", ["centred", "adapted.matrix"], ["adapted"], "adapted")
    )


def _name_for_folders(model: onnx.ModelProto) -> None:
    """Give the vectors a second name: the one that encoders from folders have."""
    graph = model.graph
    if all(output.name != "sentence_embedding" for output in graph.output):
        graph.node.append(helper.make_node("Identity", ["embedding"], ["sentence_embedding"]))
        size = next(output for output in graph.output if output.name == "embedding").type
        graph.output.append(onnx.ValueInfoProto(name="sentence_embedding", type=size))


def _write_beside(base: ServedEncoder, out: Path) -> None:
    for name in ("tokenizer.json", "LICENSE", "NOTICE"):
        if (base.folder / name).is_file():
            shutil.copyfile(base.folder / name, out / (name if "." in name else f"{name}.txt"))
    vocabulary = len(base.weights["embeddings.word_embeddings.weight"])
    positions = len(base.weights["embeddings.position_embeddings.weight"])
    config = {"model_type": "bert", "vocab_size": vocabulary, "max_position_embeddings": positions}
    _write_json(out / "config.json", {**config, "pad_token_id": 0})
    files = {
        name: hashlib.sha256((out / name).read_bytes()).hexdigest()
        for name in ("model.onnx", "tokenizer.json")
    }
    name = str(base.description["id"]).removesuffix("-tuned")[:34]
    _write_json(out / "encoder.json", {**base.description, "id": f"{name}-tuned", "files": files})


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
