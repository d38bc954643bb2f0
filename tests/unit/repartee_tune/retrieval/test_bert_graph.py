"""The ONNX file says what the model says, for any length and padding."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification, BertModel

from repartee.integrations.onnx_inference import open_session
from repartee_tune.errors import TuneError
from repartee_tune.retrieval.bert_graph import bert_graph, require_bert
from tests.unit.repartee_tune.tiny_bert import tiny_config


@pytest.mark.parametrize("classifier", [False, True])
def test_onnx_and_torch_agree(classifier: bool) -> None:
    torch.manual_seed(1)
    config = tiny_config(100, num_labels=1)
    model = (BertForSequenceClassification if classifier else BertModel)(config).eval()
    weights = {name: value.numpy() for name, value in model.state_dict().items() if value.is_floating_point()}
    session = open_session(bert_graph(weights, heads=2, epsilon=1e-12, classifier=classifier), 1)
    for length in (1, 7, 40):
        ids = torch.randint(5, 100, (3, length))
        mask = torch.ones_like(ids)
        mask[1, max(1, length // 2) :] = 0
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": (ids > 50).long()}
        found = session.run(None, {name: value.numpy() for name, value in inputs.items()})[0]
        with torch.no_grad():
            output = model(**inputs)
        expected = (output.logits if classifier else output.last_hidden_state).numpy()
        keep = slice(None) if classifier else mask.numpy().astype(bool)
        np.testing.assert_allclose(found[keep], expected[keep], atol=2e-5)


def test_another_architecture_is_refused() -> None:
    with pytest.raises(TuneError, match="a roberta with gelu cannot be written as ONNX"):
        require_bert({"model_type": "roberta"}, Path("x"))
