"""An ONNX file of a BERT model, written from its weights: exact for every length, without tracing.

Inputs `input_ids` and `attention_mask` of shape (batch, tokens), and `token_type_ids` where there is a second
kind; output `last_hidden_state`, or `logits` of a sequence classifier.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from repartee_tune.errors import TuneError

_OPSET: Final = 17
_ACTIVATIONS: Final = ("gelu",)


def require_bert(config: Mapping[str, Any], where: object) -> None:
    """Raise TuneError for a model that this module cannot write."""
    kind, activation = config.get("model_type"), config.get("hidden_act", "gelu")
    if kind != "bert" or activation not in _ACTIVATIONS or config.get("is_decoder"):
        raise TuneError(
            f"{where}: a {kind or 'model without model_type'} with {activation} cannot be written as ONNX "
            "here: only BERT with gelu; take such a base, such as MiniLM"
        )


def bert_graph(
    weights: Mapping[str, npt.NDArray[np.float32]], *, heads: int, epsilon: float, classifier: bool
) -> bytes:
    """Return the file. `weights` are those of BertModel, or of BertForSequenceClassification."""
    prefix = "bert." if any(name.startswith("bert.") for name in weights) else ""
    graph = _Graph(weights, prefix, heads, epsilon)
    states = graph.encoder()
    output = graph.classifier(states) if classifier else graph.op("Identity", "last_hidden_state", states)
    return graph.file(output)


class _Graph:
    """Nodes and constants as they come."""

    def __init__(
        self, weights: Mapping[str, npt.NDArray[np.float32]], prefix: str, heads: int, epsilon: float
    ) -> None:
        self._weights, self._prefix, self._heads, self._epsilon = weights, prefix, heads, epsilon
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._width = self._weight("embeddings.LayerNorm.bias").shape[0]

    def op(self, kind: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its one output."""
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=f"{name}.node", **attributes))
        return name

    def encoder(self) -> str:
        """Add embeddings and layers and return the name of the token vectors."""
        keep = self.op("Cast", "keep", "attention_mask", to=TensorProto.FLOAT)
        wide = self.op("Unsqueeze", "keep_wide", keep, self._ints("axes12", [1, 2]))
        padding = self.op("Sub", "padding", wide, self._floats("one", 1.0))
        penalty = self.op("Mul", "penalty", padding, self._floats("large", 1e9))
        x = self._embedded()
        shrink = self._floats("shrink", np.sqrt(self._heads / self._width))
        split = self._ints("split", [0, 0, self._heads, self._width // self._heads])
        joined = self._ints("joined", [0, 0, self._width])
        layers = {name.split(".")[2] for name in self._names() if name.startswith("encoder.layer.")}
        for layer in range(len(layers)):
            x = self._layer(x, f"encoder.layer.{layer}", (penalty, shrink, split, joined))
        return x

    def classifier(self, states: str) -> str:
        """Add pooler and classifier and return the name of the logits."""
        first = self.op("Gather", "first", states, self._ints("zero", 0), axis=1)
        pooled = self.op("Tanh", "pooled", self._linear(first, "pooler.dense"))
        return self.op("Identity", "logits", self._linear(pooled, "classifier", prefix=""))

    def file(self, output: str) -> bytes:
        """Return the finished file."""
        names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if self._uses(name)]
        shape = ["batch", "classes"] if output == "logits" else ["batch", "tokens", self._width]
        graph = helper.make_graph(
            self._nodes,
            "bert",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in names],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
            self._constants,
        )
        opsets = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="repartee")
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _embedded(self) -> str:
        words = self.op("Gather", "words", self._stored("embeddings.word_embeddings.weight"), "input_ids")
        length = self.op("Shape", "length", "input_ids", start=1, end=2)
        places = self.op(
            "Slice",
            "places",
            self._stored("embeddings.position_embeddings.weight"),
            self._ints("begin", [0]),
            length,
            self._ints("axis0", [0]),
        )
        kinds = self.op(
            "Gather", "kinds", self._stored("embeddings.token_type_embeddings.weight"), "token_type_ids"
        )
        summed = self.op("Add", "summed", self.op("Add", "placed", words, places), kinds)
        return self._normalised(summed, "embeddings.LayerNorm")

    def _layer(self, x: str, at: str, shared: tuple[str, str, str, str]) -> str:
        penalty, shrink, split, joined = shared
        query, key, value = (
            self.op(
                "Transpose",
                f"{at}.{part}.heads",
                self.op(
                    "Reshape", f"{at}.{part}.split", self._linear(x, f"{at}.attention.self.{part}"), split
                ),
                perm=[0, 2, 3, 1] if part == "key" else [0, 2, 1, 3],
            )
            for part in ("query", "key", "value")
        )
        scores = self.op("Mul", f"{at}.scores", self.op("MatMul", f"{at}.raw", query, key), shrink)
        shares = self.op("Softmax", f"{at}.shares", self.op("Add", f"{at}.masked", scores, penalty), axis=-1)
        mixed = self.op(
            "Transpose", f"{at}.mixed", self.op("MatMul", f"{at}.mixing", shares, value), perm=[0, 2, 1, 3]
        )
        attended = self._linear(
            self.op("Reshape", f"{at}.joined", mixed, joined), f"{at}.attention.output.dense"
        )
        x = self._normalised(
            self.op("Add", f"{at}.residual", attended, x), f"{at}.attention.output.LayerNorm"
        )
        inner = self._gelu(self._linear(x, f"{at}.intermediate.dense"))
        outer = self._linear(inner, f"{at}.output.dense")
        return self._normalised(self.op("Add", f"{at}.outer", outer, x), f"{at}.output.LayerNorm")

    def _gelu(self, x: str) -> str:
        root = self._floats(f"{x}.root2", np.sqrt(2.0))
        erf = self.op("Erf", f"{x}.erf", self.op("Div", f"{x}.scaled", x, root))
        gate = self.op("Add", f"{x}.gate", erf, self._floats(f"{x}.one", 1.0))
        return self.op(
            "Mul", f"{x}.gelu", self.op("Mul", f"{x}.gated", x, gate), self._floats(f"{x}.half", 0.5)
        )

    def _linear(self, x: str, name: str, prefix: str | None = None) -> str:
        product = self.op("MatMul", f"{name}.product", x, self._stored(f"{name}.weight", prefix, turned=True))
        return self.op("Add", name, product, self._stored(f"{name}.bias", prefix))

    def _normalised(self, x: str, name: str) -> str:
        scale, shift = self._stored(f"{name}.weight"), self._stored(f"{name}.bias")
        return self.op("LayerNormalization", name, x, scale, shift, axis=-1, epsilon=self._epsilon)

    def _uses(self, name: str) -> bool:
        return any(name in node.input for node in self._nodes)

    def _names(self) -> list[str]:
        return [name.removeprefix(self._prefix) for name in self._weights]

    def _weight(self, name: str, prefix: str | None = None) -> npt.NDArray[np.float32]:
        full = (self._prefix if prefix is None else prefix) + name
        if full not in self._weights:
            raise TuneError(f"the model has no {full}: it is no BERT of the expected kind")
        return self._weights[full]

    def _stored(self, name: str, prefix: str | None = None, turned: bool = False) -> str:
        value = self._weight(name, prefix)
        return self._constant(f"{name}.value", value.T if turned else value, np.float32)

    def _floats(self, name: str, value: npt.ArrayLike) -> str:
        return self._constant(name, value, np.float32)

    def _ints(self, name: str, value: npt.ArrayLike) -> str:
        return self._constant(name, value, np.int64)

    def _constant(self, name: str, value: npt.ArrayLike, kind: npt.DTypeLike) -> str:
        self._constants.append(
            numpy_helper.from_array(
                np.ascontiguousarray(np.asarray(value, kind)).reshape(np.shape(value)), name
            )
        )
        return name
