"""All weights of a sentence-transformers model: in-batch and mined negatives, then an ONNX folder.

Loss: MultipleNegativesRanking (Henderson et al., arXiv 1705.00652) on (query, positive, hard negative). To
change it, name another one of `sentence_transformers.losses` below.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import BatchSamplers
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from repartee_tune.errors import TuneError
from repartee_tune.retrieval.bert_graph import bert_graph, require_bert
from repartee_tune.retrieval.groups import Group
from repartee_tune.retrieval.mining import hard_negatives
from repartee_tune.small_recipes import EmbedderRecipe


def train_full(recipe: EmbedderRecipe, base: Path, groups: Sequence[Group], out: Path) -> list[float]:
    """Train, and write the tuned folder to `out` and the untuned one to `before` beside it."""
    config = _config(base)
    require_bert(config, base)
    model = SentenceTransformer(str(base), device="cpu")
    options = recipe.full
    rows = _rows(model, groups, options.hard_negatives)
    export_encoder(model, out.parent / "before")
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(out.parent / "checkpoints"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_steps=0.1,
        # A batch with one text twice would have it as its own negative.
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        seed=recipe.seed,
        data_seed=recipe.seed,
        save_strategy="no",
        logging_steps=1,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        loss=MultipleNegativesRankingLoss(model, scale=options.scale),
    )
    trainer.train()
    if trainer.state.global_step != trainer.state.max_steps:
        raise TuneError(f"stopped at step {trainer.state.global_step} of {trainer.state.max_steps}")
    shutil.rmtree(out.parent / "checkpoints", ignore_errors=True)
    export_encoder(model, out)
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def export_encoder(model: SentenceTransformer, out: Path) -> None:
    """Write a folder that REPARTEE_EMBEDDER__KIND=folder serves. Raises TuneError where it could not."""
    kinds = [type(module).__name__ for module in model]
    if kinds[:2] != ["Transformer", "Pooling"] or set(kinds[2:]) - {"Normalize"}:
        raise TuneError(
            f"the encoder is made of {', '.join(kinds)}: only Transformer, Pooling, Normalize are served"
        )
    model.save(str(out), create_model_card=False)
    config = _config(out)
    network: Any = model[0].auto_model
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    content = bert_graph(
        {name: value.astype(np.float32) for name, value in weights.items() if value.dtype.kind == "f"},
        heads=config["num_attention_heads"],
        epsilon=config["layer_norm_eps"],
        classifier=False,
    )
    (out / "model.onnx").write_bytes(content)


def _rows(model: SentenceTransformer, groups: Sequence[Group], negatives: int) -> list[dict[str, str]]:
    rows = []
    for group in groups:
        messages, facts = (
            model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
            for texts in (group.messages, group.facts)
        )
        nearest = hard_negatives(messages @ facts.T, group.grades, negatives)
        for message, fact in np.argwhere(group.grades > 0):
            pair = {"anchor": group.messages[message], "positive": group.facts[fact]}
            rows += [{**pair, "negative": group.facts[other]} for other in nearest[message]]
    if not rows:
        raise TuneError("--data: no message has both a relevant and an unrelated fact")
    return rows


def _config(folder: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise TuneError(f"--base {folder}: no sentence-transformers folder: config.json is missing") from None
    return content
