"""The local encoder in torch: transformers' BertModel with the weights that are served."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from repartee_tune.retrieval.served_encoder import Floats, ServedEncoder

_BATCH: Final = 48


class TorchEncoder:
    """Texts become unit vectors of shape (n, width), centred as the service's are."""

    def __init__(self, encoder: ServedEncoder, dropout: float = 0.0) -> None:
        self.model = bert_of(encoder, dropout)
        self.mean = torch.from_numpy(encoder.mean.copy())
        self._tokenizer = tokenizer_of(encoder.folder, int(encoder.description["max_tokens"]))

    def embed(self, texts: Sequence[str]) -> torch.Tensor:
        """Return one centred unit vector per text."""
        return F.normalize(self.centred(texts))

    def centred(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the vectors less their mean, not yet of unit length."""
        return self.uncentred(texts) - self.mean

    def uncentred(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the mean of each text's token vectors, of unit length."""
        rows = [self._tokenizer.encode(text).ids for text in texts]
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))  # like lengths, little padding
        batches = [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]
        vectors = torch.cat([self._batch([rows[index] for index in batch]) for batch in batches])
        return vectors[torch.tensor(order).argsort()]

    def _batch(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        longest = max(map(len, rows))
        tokens = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        states = self.model(input_ids=tokens, attention_mask=mask).last_hidden_state
        keep = mask.unsqueeze(-1).float()
        return F.normalize((states * keep).sum(1) / keep.sum(1))


def bert_of(encoder: ServedEncoder, dropout: float = 0.0) -> BertModel:
    """Return the model, without a pooler."""
    words = encoder.weights["embeddings.word_embeddings.weight"]
    positions = encoder.weights["embeddings.position_embeddings.weight"]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=encoder.width,
        num_hidden_layers=encoder.layers,
        num_attention_heads=encoder.heads,
        intermediate_size=len(encoder.weights["encoder.layer.0.intermediate.dense.weight"]),
        max_position_embeddings=len(positions),
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        layer_norm_eps=1e-12,
    )
    model = BertModel(config, add_pooling_layer=False)
    # The build added the one token type's vector to the positions'.
    types = np.zeros((config.type_vocab_size, encoder.width), np.float32)
    state = {**encoder.weights, "embeddings.token_type_embeddings.weight": types}
    missing, unexpected = model.load_state_dict(
        {name: torch.from_numpy(value.copy()) for name, value in state.items()}, strict=False
    )
    if unexpected or any("position_ids" not in name for name in missing):
        raise RuntimeError(f"weights do not fit BertModel: {missing[:3]}, {unexpected[:3]}")
    model.train(False)
    return model


def tokenizer_of(folder: Path, max_tokens: int) -> Tokenizer:
    """Return the folder's tokenizer, cutting texts as the service does."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def linear_weights(model: BertModel) -> dict[str, Floats]:
    """Return the weights of the layers' linear parts by name."""
    return {
        f"{name}.weight": module.weight.detach().numpy().copy()
        for name, module in model.named_modules()
        if name.startswith("encoder.") and isinstance(module, torch.nn.Linear)
    }
