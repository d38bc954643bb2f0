"""A chat model of some hundred thousand parameters in a folder; and a registry to put it in."""

import json
from pathlib import Path

TEXTS = ("Evening, Maya. Tea or coffee?", "Добрый вечер. Чаю или кофе?", "*nods* All right, sit down then.")


def write_tiny_chat_model(folder: Path, seed: int = 0, positions: int = 2_048) -> Path:
    """Write an untrained model with its tokenizer and its chat template."""
    from repartee_tune.tiny_model import TinyModelSize, build_tiny_chat_model  # noqa: PLC0415  # torch: seconds

    return build_tiny_chat_model(folder, TEXTS, seed=seed, size=TinyModelSize(positions=positions))


def write_version(registry: Path, version: str, base: str | None = None) -> Path:
    """Write a version's folder with no more than the service reads of its manifest."""
    folder = registry / "generator" / "versions" / version
    folder.mkdir(parents=True, exist_ok=True)
    origin = {"base": {"id": base}} if base else {}
    (folder / "manifest.json").write_text(json.dumps({"version": version, "origin": origin}))
    return folder


def point(registry: Path, **aliases: str) -> None:
    """Replace the table of aliases at once, as the registry does."""
    table = {"format": 1, "aliases": {name: {"version": id_, "index": None} for name, id_ in aliases.items()}}
    fresh = registry / "generator" / ".aliases.json"
    fresh.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_text(json.dumps(table))
    fresh.replace(registry / "generator" / "aliases.json")


def teach(folder: Path, steps: int = 60) -> None:
    """Train the model until it writes words of `TEXTS`, about a second: what it says is printable."""
    import torch  # noqa: PLC0415  # as above
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415  # as above

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    lines = [f"<|im_start|>assistant\n{text}<|im_end|>\n" for text in TEXTS]
    ids = torch.tensor(tokenizer("".join(lines * 4))["input_ids"])[None]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
