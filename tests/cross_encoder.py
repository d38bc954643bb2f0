"""Writes a tiny real cross-encoder: the more words two texts share, the higher its logit."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def write_cross_encoder(
    folder: Path,
    words: Sequence[str],
    *,
    classes: int = 1,
    token_types: bool = True,
    positions: int = 64,
    output: str = "logits",
    weight: float = 1.0,
    mask: str = "attention_mask",
) -> Path:
    """Write the three files. A model without token types counts the words that come twice in all."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *words])}
    _tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    config = {"vocab_size": len(vocabulary), "max_position_embeddings": positions, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    inputs = ["input_ids", mask, *(["token_type_ids"] if token_types else [])]
    onnx.save(_model(len(vocabulary), inputs, output, classes, weight), folder / "model.onnx")
    return folder


def _tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    return tokenizer


def _model(size: int, inputs: list[str], output: str, classes: int, weight: float) -> onnx.ModelProto:
    """Embed words as unit vectors; multiply the sums of the two texts, or the sum of both with itself."""
    table = np.eye(size, dtype=np.float32)
    table[: len(SPECIAL)] = 0.0
    weights = np.array([weight]) if classes == 1 else np.linspace(-weight / 2, weight / 2, classes)
    constants = {
        "table": table,
        "weights": weights.astype(np.float32)[np.newaxis],
        "bias": np.float32([-1.5]),
        "tokens": np.int64([1]),
        "last": np.int64([2]),
    }
    graph = helper.make_graph(
        [*_texts(*inputs[1:]), *_logits(output)],
        "words-in-both",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "s"]) for name in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", "c"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _texts(mask: str, token_types: str | None = None) -> list[Any]:
    """Sum the words of the first text into `left`, those of the second into `right`."""
    node = helper.make_node
    read = [
        node("Gather", ["table", "input_ids"], ["embedded"]),
        node("Cast", [mask], ["mask"], to=TensorProto.FLOAT),
    ]
    if token_types is None:
        return [*read, *_summed("mask", "left"), *_summed("mask", "right")]
    return [
        *read,
        node("Cast", [token_types], ["second"], to=TensorProto.FLOAT),
        node("Mul", ["mask", "second"], ["in_second"]),
        node("Sub", ["mask", "in_second"], ["in_first"]),
        *_summed("in_first", "left"),
        *_summed("in_second", "right"),
    ]


def _summed(mask: str, into: str) -> list[Any]:
    return [
        helper.make_node("Unsqueeze", [mask, "last"], [f"{into}_mask"]),
        helper.make_node("Mul", ["embedded", f"{into}_mask"], [f"{into}_words"]),
        helper.make_node("ReduceSum", [f"{into}_words", "tokens"], [into], keepdims=0),
    ]


def _logits(output: str) -> list[Any]:
    return [
        helper.make_node("Mul", ["left", "right"], ["shared"]),
        helper.make_node("ReduceSum", ["shared", "tokens"], ["count"], keepdims=1),
        helper.make_node("Add", ["count", "bias"], ["margin"]),
        helper.make_node("MatMul", ["margin", "weights"], [output]),
    ]
