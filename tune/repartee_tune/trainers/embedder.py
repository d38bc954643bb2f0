"""A sentence encoder that finds this product's facts, from graded pairs or triples.

Three methods: a matrix on finished vectors (seconds), low-rank changes of the local encoder (minutes on one
core), and all weights of any sentence-transformers model. To change the loss of the first two, change
`listwise_loss` in retrieval/listwise.py; that of the third stands in retrieval/full.py.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from repartee_eval.retrieval import Resampling
from repartee_eval.retrieval_data import LabelledUser
from repartee_tune.errors import TuneError
from repartee_tune.retrieval.full import train_full
from repartee_tune.retrieval.groups import Group, chosen_groups, read_groups
from repartee_tune.retrieval.head import train_head
from repartee_tune.retrieval.leaks import refuse_leaks
from repartee_tune.retrieval.lora import Progress, train_lora
from repartee_tune.retrieval.measuring import EncoderKind, compare_scored, golden_scores, scored_by
from repartee_tune.retrieval.report import change_tables
from repartee_tune.retrieval.served_encoder import (
    is_served_encoder,
    read_served_encoder,
    write_served_encoder,
)
from repartee_tune.retrieval.torch_encoder import TorchEncoder, linear_weights
from repartee_tune.retrieval.users import counts, held_out_users, user_group
from repartee_tune.small_recipes import EmbedderRecipe
from repartee_tune.small_run import SmallRun
from repartee_tune.stage import Manifest, write_json


def train(recipe: EmbedderRecipe, run: SmallRun, progress: Progress) -> Manifest:
    """Train, write `model/`, measure before and after on the held-out users. Raises TuneError."""
    if run.base is None:
        raise TuneError("--base: give the encoder's folder, such as the one that `make encoder` built")
    users = held_out_users(run.held_out)
    groups = chosen_groups(read_groups(run.data), recipe.languages, recipe.least_messages)
    refuse_leaks(groups, [user_group(user) for user in users])
    base = run.base
    served = is_served_encoder(base)
    if served == (recipe.method == "full"):
        wanted = "a sentence-transformers folder" if recipe.method == "full" else "the local encoder's folder"
        raise TuneError(f"--base {base}: method {recipe.method} tunes {wanted}; change --base or method")

    def work(folder: Path) -> Mapping[str, Any]:
        torch.set_num_threads(1)  # sums in one order; it is also the fastest beside other work
        torch.manual_seed(recipe.seed)
        started = time.monotonic()
        losses = _fit(recipe, base, groups, folder / "model", progress)
        seconds = round(time.monotonic() - started, 1)
        (folder / "metrics.jsonl").write_text(
            "".join(json.dumps({"step": n, "loss": loss}) + "\n" for n, loss in enumerate(losses, 1)), "utf-8"
        )
        if users:
            kind: EncoderKind = "local" if served else "folder"
            before_folder = base if served else folder / "before"
            asyncio.run(_measure(users, before_folder, folder, kind, recipe.seed))
        return {**counts(groups), "seconds": seconds, "held_out_users": [user.user.id for user in users]}

    return run.do(recipe, work)


def _fit(
    recipe: EmbedderRecipe, base: Path, groups: Sequence[Group], out: Path, progress: Progress
) -> list[float]:
    if recipe.method == "full":
        return train_full(recipe, base, groups, out)
    encoder = read_served_encoder(base)
    if recipe.method == "head":
        head, losses = train_head(recipe, TorchEncoder(encoder), groups)
        write_served_encoder(encoder, out, weights={}, head=head)
        return losses
    tuned = TorchEncoder(encoder, recipe.lora.dropout)
    losses = train_lora(recipe, tuned, groups, progress)
    write_served_encoder(encoder, out, weights=linear_weights(tuned.model), mean=tuned.mean.numpy())
    return losses


async def _measure(
    users: Sequence[LabelledUser], before: Path, folder: Path, kind: EncoderKind, seed: int
) -> None:
    old = await scored_by(before, kind, users)
    new = await scored_by(folder / "model", kind, users)
    rows = compare_scored(old.messages, new.messages, Resampling(seed))
    measures = [row.as_dict() for row in rows]
    profiles = {"before": old.profile.id, "after": new.profile.id}
    write_json(folder / "measures.json", {"profiles": profiles, "seed": seed, "rows": measures})
    (folder / "measures.md").write_text(change_tables(rows), "utf-8")
    golden = "".join(json.dumps(row) + "\n" for row in golden_scores(old.messages, new.messages))
    (folder / "golden_scores.jsonl").write_text(golden, "utf-8")
