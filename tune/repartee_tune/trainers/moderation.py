"""A moderation classifier that copies a judge's tags, fast enough for every message of a day.

Features are hashed runs of characters, weighted by 1 + ln(count) and inverse document frequency, of unit
length; each label is a logistic regression of its own. To change the model, change `_fit`; to change the
features, change `RunFeatures` in the service, which has to make the same ones.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from repartee.application.text_classifier import Label, RunFeatures, TextClassifier
from repartee_tune.moderation_measures import Scores, measure_labels, measures_table, threshold_for
from repartee_tune.moderation_rows import (
    LabelledText,
    Truth,
    clusters_of,
    learnable_labels,
    read_texts,
    refuse_shared,
    truth_of,
)
from repartee_tune.small_recipes import ModerationRecipe
from repartee_tune.small_run import SmallRun
from repartee_tune.stage import Manifest, write_json

_FOLDS = 5


def train(recipe: ModerationRecipe, run: SmallRun, _: Callable[[int, float], None]) -> Manifest:
    """Train on `train.jsonl`, measure on `eval.jsonl` of the run's dataset. Raises TuneError."""
    training, held_out = read_texts(run.data / "train.jsonl"), read_texts(run.data / "eval.jsonl")
    found = learnable_labels(training, recipe.least_positives)
    refuse_shared(training, held_out)
    features = RunFeatures(recipe.shortest, recipe.longest, recipe.buckets_log2, recipe.max_characters)

    def work(folder: Path) -> Mapping[str, Any]:
        truth = truth_of(training, found.labels)
        counts = _counts(features, training)
        idf = _idf(counts)
        matrix = _unit(counts, idf)
        labels = _with_thresholds(recipe, found.labels, matrix, truth, clusters_of(training))
        weights, bias = _fit(recipe, matrix, truth)
        # Rounded as it will be served, so that the numbers below are those of the file.
        weights = weights.astype(np.float16).astype(np.float32)
        model = TextClassifier(_id(weights, bias), features, labels, weights, bias, idf)
        _write(model, folder / "model")
        return {
            **_measure(model, held_out, recipe.seed, folder),
            "texts": len(training),
            "left_out": found.left_out,
        }

    return run.do(recipe, work)


def _counts(features: RunFeatures, texts: Sequence[LabelledText]) -> csr_matrix:
    found = [features.counts(text.text) for text in texts]
    ends = np.cumsum([0, *(len(buckets) for buckets, _ in found)])
    values = np.concatenate([values for _, values in found])
    buckets = np.concatenate([buckets for buckets, _ in found])
    return csr_matrix((values, buckets, ends), shape=(len(texts), features.buckets))


def _idf(counts: csr_matrix) -> NDArray[np.float32]:
    """Return ln((1 + n) / (1 + df)) + 1 of each bucket, as scikit-learn's TfidfTransformer."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf: NDArray[np.float32] = (np.log((1 + counts.shape[0]) / (1 + frequency)) + 1).astype(np.float32)
    return idf


def _unit(counts: csr_matrix, idf: NDArray[np.float32]) -> csr_matrix:
    weighted = counts.multiply(idf).tocsr()
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return weighted.multiply(1 / np.maximum(lengths, 1e-12)[:, np.newaxis]).tocsr()


def _fit(
    recipe: ModerationRecipe, matrix: csr_matrix, truth: Truth
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights (labels, buckets) and biases. Rare labels weigh as much as common ones (`balanced`)."""
    fitted = [
        LogisticRegression(
            C=recipe.strength, class_weight="balanced", solver="liblinear", random_state=recipe.seed
        ).fit(matrix, column)
        for column in truth.T
    ]
    weights = np.concatenate([one.coef_ for one in fitted]).astype(np.float32)
    return weights, np.concatenate([one.intercept_ for one in fitted]).astype(np.float32)


def _with_thresholds(
    recipe: ModerationRecipe,
    labels: Sequence[Label],
    matrix: csr_matrix,
    truth: Truth,
    clusters: Sequence[str],
) -> tuple[Label, ...]:
    """Choose each label's threshold on scores of texts whose dialogue the scoring model has not seen."""
    folds = GroupKFold(min(_FOLDS, len(set(clusters)))) if len(set(clusters)) > 1 else None
    scores: Scores = np.zeros(truth.shape, np.float32)
    for train_rows, test_rows in folds.split(matrix, groups=clusters) if folds else ():
        for place, column in enumerate(truth.T):
            if 0 < column[train_rows].sum() < len(train_rows):
                weights, bias = _fit(recipe, matrix[train_rows], column[train_rows, np.newaxis])
                margin = matrix[test_rows] @ weights[0] + bias[0]
                scores[test_rows, place] = 0.5 + 0.5 * np.tanh(margin / 2)
    return tuple(
        replace(label, threshold=threshold_for(truth[:, place], scores[:, place], recipe.least_precision))
        for place, label in enumerate(labels)
    )


def _measure(
    model: TextClassifier, held_out: Sequence[LabelledText], seed: int, folder: Path
) -> dict[str, Any]:
    started = time.perf_counter()
    scores = np.array([model.scores(text.text) for text in held_out])
    speed = len(held_out) / (time.perf_counter() - started)
    rows = measure_labels(model.labels, truth_of(held_out, model.labels), scores, clusters_of(held_out), seed)
    write_json(folder / "measures.json", {"rows": [row.as_dict() for row in rows], "held_out": len(held_out)})
    (folder / "measures.md").write_text(measures_table(rows, len(held_out)), "utf-8")
    return {"held_out": len(held_out), "messages_per_second_one_core": round(speed)}


def _write(model: TextClassifier, out: Path) -> None:
    out.mkdir()
    tensors: dict[str, NDArray[Any]] = {
        "weights": model.weights.astype(np.float16),
        "bias": model.bias,
        "idf": model.idf,
    }
    content = save(tensors)
    (out / "model.safetensors").write_bytes(content)
    described = {
        "format": 1,
        "id": model.id,
        "shortest": model.features.shortest,
        "longest": model.features.longest,
        "buckets_log2": model.features.buckets_log2,
        "max_characters": model.features.max_characters,
        "labels": [{"tag": one.tag, "level": one.level, "threshold": one.threshold} for one in model.labels],
        "weights_sha256": hashlib.sha256(content).hexdigest(),
    }
    (out / "moderator.json").write_text(json.dumps(described, indent=2) + "\n", "utf-8")


def _id(weights: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
    return f"linear-{hashlib.sha256(weights.tobytes() + bias.tobytes()).hexdigest()[:8]}"
