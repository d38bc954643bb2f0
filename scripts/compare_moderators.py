"""Compare the linear moderation classifier with a logistic head on the local encoder, on the same rows.

    .venv/bin/python scripts/compare_moderators.py --out var/moderators

Nobody's real moderation tags are at hand, so three stand-ins are measured: `seen` and `unseen` are made-up
sentences, whose held-out verbs the training rows have, or have not; `topics` are the messages of
the labelled users (held-out: other people), tagged by what the facts that matter for them are about, so that
the word itself is mostly not in the message. Head: the service's vector of a message, C by cross-validation;
thresholds of both by the recipe's rule. Speed: rounds in turn, so that other work harms both alike.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import click
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from repartee.application.text_classifier import Label
from repartee.integrations.linear_moderator import read_classifier
from repartee_eval.retrieval_data import SHIPPED
from repartee_eval.wiring import open_embedder
from repartee_tune.moderation_measures import measure_labels, threshold_for
from repartee_tune.moderation_rows import LabelledText, clusters_of, learnable_labels, read_texts, truth_of
from repartee_tune.recipe import load_recipe
from repartee_tune.small_recipes import ModerationRecipe
from repartee_tune.small_run import SmallRun
from repartee_tune.trainers import moderation

ROOT: Final = Path(__file__).resolve().parent.parent
ENCODER: Final = ROOT / ".venv" / "share" / "repartee" / "all-minilm-l6-v2"
TOPICS: Final = {
    "family": "wife husband daughter mother father mum dad sister brother married divorced niece child",
    "health": "surgery diabetes anxiety depress asthma allerg injur therap doctor hospital diagnos medic",
    "work": "works job boss shift hired company office colleague nurse teacher engineer driver quit promoted",
    "money": "debt rent loan mortgage savings salary pounds dollars owes paid euros bank lost",
}
VERBS: Final = {
    "train": ("strangle stab murder butcher choke shoot", "thank visit greet paint phone help"),
    "eval": ("throttle slaughter bludgeon poison drown gut", "hug invite forgive praise teach photograph"),
}
PATTERNS: Final = ("I will {verb} {whom} tonight", "he swore to {verb} {whom}", "watch me {verb} {whom}")
WHOM: Final = ("him", "the guard", "my neighbour", "them all", "your brother", "the clerk")
Scores = NDArray[np.float32]


def made_up(random: Random, part: str, dialogue: int) -> Iterator[dict[str, Any]]:
    """Yield six messages of one dialogue, a third of them violent; only the verb says which."""
    violent, calm = (words.split() for words in VERBS[part])
    for number in range(6):
        verb = random.choice(violent if number % 3 == 0 else calm)
        said = random.choice(PATTERNS).format(verb=verb, whom=random.choice(WHOM))
        level = "mild" if number % 3 == 0 else "none"
        text = f"{said}, {''.join(random.choices('abcdefghijklmnop', k=14))}"
        yield {"text": text, "tags": {"violence": level}, "dialogue": f"{part}-{dialogue}"}


def by_topic(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the messages of each English user, tagged by the facts that clearly matter for them."""
    for path in sorted(folder.glob("en_*.json")):
        content = json.loads(path.read_text("utf-8"))
        facts = {fact["id"]: fact["text"].lower() for fact in content["facts"]}
        for message in content["messages"]:
            about = " ".join(facts[key] for key, grade in message["relevant"].items() if grade == 2)
            found = {tag: any(word in about for word in words.split()) for tag, words in TOPICS.items()}
            tags = {tag: "mild" if raised else "none" for tag, raised in found.items()}
            yield {"text": message["text"], "tags": tags, "dialogue": content["user"]["id"]}


def write_sets(out: Path) -> list[Path]:
    """Write the three data sets; the same bytes every time."""
    random = Random(0)
    training = [row for number in range(150) for row in made_up(random, "train", number)]
    held_out = {
        "seen": [row for number in range(150, 210) for row in made_up(random, "train", number)],
        "unseen": [row for number in range(60) for row in made_up(random, "eval", number)],
    }
    sets = {name: (training, rows) for name, rows in held_out.items()}
    sets["topics"] = (list(by_topic(ROOT / "tune" / "data" / "retrieval")), list(by_topic(SHIPPED)))
    for name, (train, evaluation) in sets.items():
        (out / name).mkdir(parents=True, exist_ok=True)
        for part, rows in (("train", train), ("eval", evaluation)):
            (out / name / f"{part}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return [out / name for name in sets]


async def embed(texts: Sequence[str]) -> Scores:
    """Return the vectors that the service would search with, one row per text."""
    async with open_embedder(ENCODER, "local") as embedder:
        return np.array(await embedder.embed_queries(texts), np.float32)


def head_scores(
    train: Sequence[LabelledText], held_out: Sequence[LabelledText], labels: Sequence[Label]
) -> tuple[list[Label], Scores]:
    """Fit a logistic regression per label; return labels with thresholds and the held-out scores."""
    inputs, new = asyncio.run(embed([t.text for t in train])), asyncio.run(embed([t.text for t in held_out]))
    truth, groups = truth_of(train, labels), clusters_of(train)
    columns, chosen = [], []
    for place, label in enumerate(labels):
        fitted = [
            LogisticRegression(C=c, class_weight="balanced", max_iter=2000) for c in (0.1, 1.0, 10.0, 100.0)
        ]
        seen = [
            cross_val_predict(
                one, inputs, truth[:, place], groups=groups, cv=GroupKFold(5), method="predict_proba"
            )[:, 1]
            for one in fitted
        ]
        best = int(np.argmax([average_precision_score(truth[:, place], scores) for scores in seen]))
        chosen.append(replace(label, threshold=threshold_for(truth[:, place], seen[best], 0.8)))
        columns.append(fitted[best].fit(inputs, truth[:, place]).predict_proba(new)[:, 1])
    return chosen, np.array(columns, np.float32).T


def paired(truth: NDArray[np.bool_], one: Scores, other: Scores, groups: Sequence[str]) -> list[float]:
    """Return the difference in average precision with its 95 % interval, dialogues drawn together."""
    places = [np.flatnonzero(np.array(groups) == group) for group in dict.fromkeys(groups)]
    random, found = np.random.default_rng(0), []
    for _ in range(1000):
        rows = np.concatenate([places[k] for k in random.integers(len(places), size=len(places))])
        if truth[rows].any():
            found.append(
                average_precision_score(truth[rows], other[rows])
                - average_precision_score(truth[rows], one[rows])
            )
    whole = average_precision_score(truth, other) - average_precision_score(truth, one)
    return [round(float(x), 3) for x in (whole, *np.quantile(found, [0.025, 0.975]))]


def _linear_seconds(folder: Path, texts: Sequence[str]) -> float:
    model, started = read_classifier(folder), time.perf_counter()
    for text in texts:
        model.scores(text)
    return time.perf_counter() - started


def _head_seconds(_: Path, texts: Sequence[str]) -> float:
    async def run() -> float:
        async with open_embedder(ENCODER, "local") as embedder:
            await embedder.embed_query("warm")
            started = time.perf_counter()
            for place in range(0, len(texts), 32):
                await embedder.embed_queries(texts[place : place + 32])
            return time.perf_counter() - started

    return asyncio.run(run())


def speeds(folder: Path, texts: Sequence[str], rounds: int = 5) -> dict[str, list[float]]:
    """Return messages a second of two processes together, round by round, the two models in turn."""
    found: dict[str, list[float]] = {"linear": [], "head": []}
    work: dict[str, Callable[[Path, Sequence[str]], float]] = {
        "linear": _linear_seconds,
        "head": _head_seconds,
    }
    with ProcessPoolExecutor(2) as pool:
        for _ in range(rounds):
            for name, measure in work.items():
                said = list(texts) * (20 if name == "linear" else 1)
                seconds = pool.map(measure, [folder] * 2, [said[::2], said[1::2]])
                found[name].append(round(len(said) / max(seconds)))
    return found


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new folder.")
def main(out: Path) -> None:
    """Train both, print a line per label, write everything to OUT/compared.json."""
    recipe = load_recipe("moderation")
    if not isinstance(recipe, ModerationRecipe):
        raise TypeError("the recipe moderation is of another kind")
    result: dict[str, Any] = {}
    for data in write_sets(out):
        train, held_out = read_texts(data / "train.jsonl"), read_texts(data / "eval.jsonl")
        moderation.train(recipe, SmallRun(data=data, out=out / f"{data.name}-run"), lambda *_: None)
        model = read_classifier(out / f"{data.name}-run" / "model")
        linear = np.array([model.scores(text.text) for text in held_out])
        labels, head = head_scores(train, held_out, learnable_labels(train, recipe.least_positives).labels)
        truth, groups = truth_of(held_out, model.labels), clusters_of(held_out)
        for name, of, scores in (("linear", model.labels, linear), ("head", labels, head)):
            rows = measure_labels(of, truth, scores, groups, recipe.seed)
            result[f"{data.name} {name}"] = [row.as_dict() for row in rows]
            for row in rows:
                shown = {"p": row.precision, "r": row.recall, "ap": round(row.average_precision or 0.0, 3)}
                click.echo(f"{data.name} {name} {row.label.tag} n={len(held_out)} {shown}")
        for place, label in enumerate(labels):
            difference = paired(truth[:, place], linear[:, place], head[:, place], groups)
            result[f"{data.name} {label.tag} head - linear"] = difference
            click.echo(f"{data.name} {label.tag}: average precision, head - linear {difference}")
    result["speed"] = speeds(out / "topics-run" / "model", [text.text for text in held_out])
    ratios = [one / other for one, other in zip(*result["speed"].values(), strict=True)]
    click.echo(f"messages/s of two processes {result['speed']}, ratio {statistics.median(ratios):.0f}")
    (out / "compared.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
