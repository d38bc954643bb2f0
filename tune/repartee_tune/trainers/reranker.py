"""A cross-encoder that reads a message and a fact together, from graded pairs or triples.

Loss: binary cross-entropy, grade 2 as 1, grade 1 as `related_target`, unrelated as 0. To change it, name
another one of `sentence_transformers.cross_encoder.losses` in `_fit`.
"""

import asyncio
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers.cross_encoder import (
    CrossEncoder,
    CrossEncoderTrainer,
    CrossEncoderTrainingArguments,
)
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

from repartee_eval.reranking import Compared, Rules, compare_groups, rerank_messages
from repartee_eval.retrieval import Resampling, score_messages
from repartee_eval.retrieval_data import LabelledUser
from repartee_eval.wiring import open_embedder, open_reranking
from repartee_tune.errors import TuneError
from repartee_tune.retrieval.bert_graph import bert_graph, require_bert
from repartee_tune.retrieval.classifier_base import encoder_as_classifier
from repartee_tune.retrieval.groups import Group, chosen_groups, read_groups
from repartee_tune.retrieval.leaks import refuse_leaks
from repartee_tune.retrieval.lora import Progress
from repartee_tune.retrieval.measuring import LIMIT, Change, MeasuredChange
from repartee_tune.retrieval.mining import hard_negatives
from repartee_tune.retrieval.report import change_tables
from repartee_tune.retrieval.served_encoder import is_served_encoder
from repartee_tune.retrieval.users import counts, held_out_users, user_group
from repartee_tune.small_recipes import RerankerRecipe
from repartee_tune.small_run import SmallRun
from repartee_tune.stage import Manifest, write_json


def train(recipe: RerankerRecipe, run: SmallRun, _: Progress) -> Manifest:
    """Train, write `model/`, measure the encoder's order against the reranked one. Raises TuneError."""
    if run.base is None:
        raise TuneError("--base: give a BERT cross-encoder's folder, or the local encoder's to begin from")
    base = run.base
    users = held_out_users(run.held_out)
    groups = chosen_groups(read_groups(run.data), recipe.languages, recipe.least_messages)
    refuse_leaks(groups, [user_group(user) for user in users])

    def work(folder: Path) -> Mapping[str, Any]:
        torch.set_num_threads(1)
        torch.manual_seed(recipe.seed)
        started = time.monotonic()
        rows = asyncio.run(_pairs(recipe, groups, _dense_folder(base)))
        _fit(recipe, base, rows, folder)
        seconds = round(time.monotonic() - started, 1)
        if users:
            asyncio.run(_measure(users, folder, _dense_folder(base), recipe.seed))
        return {**counts(groups), "pairs": len(rows), "seconds": seconds}

    return run.do(recipe, work)


async def _pairs(recipe: RerankerRecipe, groups: Sequence[Group], dense: Path | None) -> list[dict[str, Any]]:
    """Return rows of query, fact and label: each relevant pair, with near and other unrelated ones."""
    random, targets = Random(recipe.seed), {1: recipe.related_target, 2: 1.0}
    rows = []
    async with open_embedder(dense, "local") as embedder:
        for group in groups:
            facts = np.array(await embedder.embed_facts(group.facts))
            scores = np.array(await embedder.embed_queries(group.messages)) @ facts.T
            nearest = hard_negatives(scores, group.grades, len(group.facts))
            for message, graded in enumerate(group.grades):
                relevant = [(int(place), targets[int(graded[place])]) for place in np.flatnonzero(graded)]
                number = recipe.negatives * max(1, len(relevant))
                hard, rest = nearest[message][: number // 2], nearest[message][number // 2 :]
                others = random.sample(rest, min(len(rest), number - len(hard)))
                chosen = relevant + [(place, 0.0) for place in (*hard, *others)]
                said = group.messages[message]
                rows += [{"query": said, "fact": group.facts[p], "label": label} for p, label in chosen]
    return rows


def _fit(recipe: RerankerRecipe, base: Path, rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    start = encoder_as_classifier(base, folder / "start") if is_served_encoder(base) else base
    require_bert(json.loads((start / "config.json").read_text("utf-8")), base)
    model = CrossEncoder(str(start), num_labels=1, max_length=recipe.max_tokens, device="cpu")
    arguments = CrossEncoderTrainingArguments(
        output_dir=str(folder / "checkpoints"),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=0.1,
        seed=recipe.seed,
        data_seed=recipe.seed,
        save_strategy="no",
        logging_steps=10,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = CrossEncoderTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(list(rows)),
        loss=BinaryCrossEntropyLoss(model),
    )
    trainer.train()
    if trainer.state.global_step != trainer.state.max_steps:
        raise TuneError(f"stopped at step {trainer.state.global_step} of {trainer.state.max_steps}")
    lines = [json.dumps(entry) + "\n" for entry in trainer.state.log_history if "loss" in entry]
    (folder / "metrics.jsonl").write_text("".join(lines), "utf-8")
    _export(model, folder / "model")
    for leftover in ("start", "checkpoints"):
        shutil.rmtree(folder / leftover, ignore_errors=True)


def _export(model: CrossEncoder, out: Path) -> None:
    """Write the folder that REPARTEE_RERANK__KIND=local serves, and safetensors to go on from."""
    model.save_pretrained(str(out), create_model_card=False)
    config = json.loads((out / "config.json").read_text("utf-8"))
    network: Any = model.model
    weights = {
        name: value.numpy() for name, value in network.state_dict().items() if value.is_floating_point()
    }
    content = bert_graph(
        weights, heads=config["num_attention_heads"], epsilon=config["layer_norm_eps"], classifier=True
    )
    (out / "model.onnx").write_bytes(content)


async def _measure(users: Sequence[LabelledUser], folder: Path, dense: Path | None, seed: int) -> None:
    async with (
        open_embedder(dense, "local") as embedder,
        open_reranking(folder=folder / "model") as chosen,
    ):
        messages = await score_messages(embedder, users)
        reranked = await rerank_messages(chosen.reranker, users, messages, chosen.candidates)
        profile = embedder.profile.id
    rows = [_as_change(row) for row in compare_groups(reranked, Rules(LIMIT, None), Resampling(seed))]
    content = {"encoder": profile, "candidates": chosen.candidates, "rows": [row.as_dict() for row in rows]}
    write_json(folder / "measures.json", {**content, "seed": seed})
    (folder / "measures.md").write_text(change_tables(rows), "utf-8")


def _as_change(row: Compared) -> MeasuredChange:
    measures = {name: Change(one.dense, one.reranked, one.difference) for name, one in row.measures.items()}
    return MeasuredChange(row.language, row.split, row.users, row.messages, (None, None), measures)


def _dense_folder(base: Path) -> Path | None:
    """Return the encoder that finds the facts: the one begun from, else what the service would use here."""
    return base if is_served_encoder(base) else None
