"""How well the local encoder finds Russian facts.

    .venv/bin/python scripts/measure_encoder.py

Reads `tests/data/russian_retrieval_dev.json`: 100 facts; the odd ones of the first 60, and
`no_fact_held_out`, were not used for tuning. Prints recall among the first three, recall at the shipped
threshold, and how often small talk brings a fact, with 95 % bootstrap intervals over facts or messages
(10,000 resamples, seed 0).
"""

import asyncio
import json
import sys
from pathlib import Path

import numpy as np

from repartee.integrations.onnx_embedder import OnnxEmbedder

DATA = Path(__file__).parents[1] / "tests" / "data" / "russian_retrieval_dev.json"
FOLDER = Path(sys.prefix) / "share" / "repartee" / "all-minilm-l6-v2"


def interval(hits: list[bool]) -> str:
    """Return a share with its percentile bootstrap interval."""
    values = np.array(hits, dtype=float)
    rows = np.random.default_rng(0).integers(0, len(values), size=(10_000, len(values)))
    low, high = np.percentile(values[rows].mean(axis=1), [2.5, 97.5])
    return f"{int(values.sum())}/{len(values)} = {values.mean():.2f} [{low:.2f}, {high:.2f}]"


async def main() -> None:
    """Measure and print."""
    data = json.loads(DATA.read_text(encoding="utf-8"))
    embedder = OnnxEmbedder(FOLDER)
    texts = [row["fact"] for row in data["facts"]] + data["other_facts"]
    facts = np.array(await embedder.embed_facts(texts))
    threshold = embedder.profile.threshold

    async def scores(message: str) -> np.ndarray:
        return facts @ np.array(await embedder.embed_query(message))

    print(f"{embedder.profile.id}, threshold {threshold}, {len(texts)} facts of one user, held-out half")
    for kind in ("direct", "indirect"):
        found, kept = [], []
        for number in range(1, len(data["facts"]), 2):
            of_message = await scores(data["facts"][number][kind])
            first_three = np.argsort(-of_message)[:3]
            found.append(number in first_three)
            kept.append(number in first_three and bool(of_message[number] > threshold))
        print(f"{kind:9} recall@3 {interval(found)}   above the threshold {interval(kept)}")
    small_talk = [bool((await scores(message)).max() > threshold) for message in data["no_fact_held_out"]]
    print(f"small talk that brings a fact {interval(small_talk)}")
    await embedder.close()


asyncio.run(main())
