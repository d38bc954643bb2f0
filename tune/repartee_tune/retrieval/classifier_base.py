"""A cross-encoder that has learned nothing yet, with the local encoder's layers."""

from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from repartee_tune.retrieval.served_encoder import read_served_encoder
from repartee_tune.retrieval.torch_encoder import bert_of


def encoder_as_classifier(folder: Path, out: Path) -> Path:
    """Write the folder and return it; pooler and classifier are drawn, so seed torch first."""
    encoder = read_served_encoder(folder)
    bert = bert_of(encoder, dropout=0.1)
    config = BertConfig.from_dict({**bert.config.to_dict(), "num_labels": 1})
    model = BertForSequenceClassification(config)
    model.bert.load_state_dict(bert.state_dict(), strict=False)
    with torch.no_grad():  # the two parts of a pair begin alike: the encoder knew one kind of text
        model.bert.embeddings.token_type_embeddings.weight.zero_()
    model.save_pretrained(str(out))
    names = {
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "unk_token": "[UNK]",
        "mask_token": "[MASK]",
    }
    kind: Any = PreTrainedTokenizerFast  # its constructor has no types
    tokenizer = kind(
        tokenizer_file=str(folder / "tokenizer.json"),
        model_max_length=config.max_position_embeddings,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **names,
    )
    tokenizer.save_pretrained(str(out))
    return out
