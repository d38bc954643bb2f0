"""Writes a tiny real sentence encoder, and says in plain numpy what it should give for one text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
SIZE, POSITIONS = 48, 64
POOLINGS = {
    "mean": "pooling_mode_mean_tokens",
    "cls": "pooling_mode_cls_token",
    "last": "pooling_mode_lasttoken",
}


@dataclass(frozen=True)
class TinyEncoder:
    """The folder, and the weights that the model in it has."""

    folder: Path
    vocabulary: dict[str, int]
    words: NDArray[np.float32]
    places: NDArray[np.float32]

    def states(self, text: str) -> NDArray[np.float64]:
        """Return the last hidden state: each token sees the mean of all."""
        ids = [self.vocabulary.get(word, 1) for word in ("<s>", *text.lower().split(), "</s>")]
        embedded = self.words[ids].astype(np.float64)
        return np.tanh(embedded + embedded.mean(axis=0) + self.places[: len(ids)])

    def expected(self, text: str, pooling: str) -> NDArray[np.float64]:
        """Return the unit vector of one text."""
        states = self.states(text)
        vector = {"mean": states.mean(axis=0), "cls": states[0], "last": states[-1]}[pooling]
        return vector / np.linalg.norm(vector)


def write_sentence_encoder(
    folder: Path,
    words: Sequence[str],
    *,
    pooling: str | None = "mean",
    prompts: dict[str, str] | None = None,
    modules: Sequence[str] = (),
    output: str = "last_hidden_state",
    inputs: Sequence[str] = ("input_ids", "attention_mask", "token_type_ids"),
    model: str = "model.onnx",
    quantized: bool = False,
    lowercase: bool = True,
    config: dict[str, Any] | None = None,
) -> TinyEncoder:
    """Write the files. `quantized`: the model rounds each batch on a scale of its own, as it runs."""
    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *words])}
    random = np.random.default_rng(5)
    table = random.normal(size=(len(vocabulary), SIZE)).astype(np.float32)
    table[: len(SPECIAL)] *= 0.1  # what the text says is in its words
    places = (0.1 * random.normal(size=(POSITIONS, SIZE))).astype(np.float32)
    (folder / model).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(_model(table, places, list(inputs), output, quantized), folder / model)
    _tokenizer(vocabulary, lowercase).save(str(folder / "tokenizer.json"))
    settings = {"vocab_size": len(vocabulary), "max_position_embeddings": POSITIONS, "pad_token_id": 0}
    write_json(folder / "config.json", {**settings, **(config or {})})
    if pooling:
        write_json(
            folder / "1_Pooling/config.json", {switch: name == pooling for name, switch in POOLINGS.items()}
        )
    if prompts is not None:
        write_json(folder / "config_sentence_transformers.json", {"prompts": prompts})
    if modules:
        write_json(
            folder / "modules.json", [{"type": f"sentence_transformers.models.{name}"} for name in modules]
        )
    return TinyEncoder(folder, vocabulary, table, places)


def write_json(path: Path, content: Any) -> None:
    """Write a file of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


def _tokenizer(vocabulary: dict[str, int], lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", vocabulary["<s>"]), ("</s>", vocabulary["</s>"])]
    )
    return tokenizer


def _model(
    table: NDArray[np.float32], places: NDArray[np.float32], inputs: list[str], output: str, quantized: bool
) -> onnx.ModelProto:
    constants = {"table": table, "places": places, "start": [0], "one": [1], "two": [2], "last": [-1]}
    shape = ["n", "d"] if output == "sentence_embedding" else ["n", "s", "d"]
    graph = helper.make_graph(
        [*_states(inputs[1], quantized), *_result(output)],
        "tiny-encoder",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "s"]) for name in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [
            numpy_helper.from_array(
                np.asarray(value, None if name in {"table", "places"} else np.int64), name
            )
            for name, value in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _states(mask: str, quantized: bool) -> list[Any]:
    """Token and position, and the mean of the text's tokens, through tanh."""
    node = helper.make_node
    rounded = [
        node("DynamicQuantizeLinear", ["summed"], ["bytes", "scale", "zero"]),
        node("DequantizeLinear", ["bytes", "scale", "zero"], ["ready"]),
    ]
    return [
        node("Gather", ["table", "input_ids"], ["embedded"]),
        node("Cast", [mask], ["flat"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["flat", "last"], ["weights"]),
        node("Mul", ["embedded", "weights"], ["kept"]),
        node("ReduceSum", ["kept", "one"], ["total"], keepdims=1),
        node("ReduceSum", ["weights", "one"], ["count"], keepdims=1),
        node("Div", ["total", "count"], ["mean"]),
        node("Shape", ["input_ids"], ["shape"]),
        node("Slice", ["shape", "one", "two"], ["length"]),
        node("Slice", ["places", "start", "length"], ["placed"]),
        node("Add", ["embedded", "placed"], ["positioned"]),
        node("Add", ["positioned", "mean"], ["summed"]),
        *(rounded if quantized else [node("Identity", ["summed"], ["ready"])]),
        node("Tanh", ["ready"], ["states"]),
    ]


def _result(output: str) -> list[Any]:
    """The states of all tokens; as the encoder's own sentence embedding that of the first."""
    if output != "sentence_embedding":
        return [helper.make_node("Identity", ["states"], [output])]
    return [
        helper.make_node("Slice", ["states", "start", "one", "one"], ["first"]),
        helper.make_node("Squeeze", ["first", "one"], [output]),
    ]
