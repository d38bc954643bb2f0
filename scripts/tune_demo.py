"""The whole flywheel on a tiny model: verdicts → rows → SFT → DPO → gate → registry → reply.

    .venv/bin/python scripts/tune_demo.py [--out var/tune-demo]

`make tune-demo` runs it: one CPU core, no network, under three minutes. Every step is the command that a person would
give, printed before it runs. The model has some hundred thousand parameters and cannot speak: the path is the real one,
the replies are worth nothing.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")

import click

ROOT: Final = Path(__file__).resolve().parents[1]
BIN: Final = Path(sys.executable).parent
DIALOGUES: Final = ROOT / "eval" / "data" / "dialogues" / "last_week.jsonl"
MOST_TOKENS: Final = 2048


class StepFailed(Exception):  # noqa: N818  # a step of the demonstration
    """A command ended with a status that the demonstration cannot go on from."""


def step(title: str, program: str, *arguments: object, allowed: tuple[int, ...] = (0,)) -> int:
    """Print and run one command of the project in this process; return its exit status."""
    words = [str(argument) for argument in arguments]
    click.secho(f"\n# {title}", bold=True)
    click.echo(f"$ {program} {' '.join(words)}")
    started = time.monotonic()
    command = import_module(program.replace("-", "_") + ".cli").cli
    try:
        done = command.main(args=words, prog_name=program, standalone_mode=False)
        status = done if isinstance(done, int) else 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(bool(left.code))
    click.echo(f"({time.monotonic() - started:.0f} s)")
    if status not in allowed:
        raise StepFailed(f"{program} {words[0]} ended with status {status}")
    return status


def build_base(prompts: Path, out: Path) -> None:
    """Build the tiny chat model, its tokenizer trained on the rows that it will see."""
    texts = [
        message["content"]
        for line in prompts.read_text("utf-8").splitlines()
        for key in ("prompt", "chosen", "rejected")
        for message in json.loads(line)[key]
    ]
    tiny = import_module("repartee_tune.tiny_model")
    import_module("torch").set_num_threads(1)
    size = tiny.TinyModelSize(hidden=64, layers=2, intermediate=160, vocabulary=2048, positions=MOST_TOKENS + 512)
    tiny.build_tiny_chat_model(out, texts, size=size)


@contextmanager
def served(model: str, registry: Path, data: Path) -> Iterator[str]:
    """Start the service with the model in its process, and give its address; stop it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "REPARTEE_LLM__KIND": "transformers",
        "REPARTEE_LLM__FOLDER": model,
        "REPARTEE_LLM__MAX_TOKENS": "32",
        "REPARTEE_PROMPT__CONTEXT_TOKENS": str(MOST_TOKENS),
        "REPARTEE_REGISTRY__FOLDER": str(registry),
        "REPARTEE_DATA_DIR": str(data),
    }
    words = [str(BIN / "repartee"), "serve", "--port", str(port)]
    click.echo(f"$ {' '.join(f'{name}={value}' for name, value in settings.items())} repartee serve --port {port}")
    with (data.parent / "serve.log").open("wb") as log:
        server = subprocess.Popen(words, env={**os.environ, **settings}, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        if server.poll() is not None:
            raise StepFailed("the service did not start: see serve.log")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  # loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise StepFailed("the service did not answer within a minute: see serve.log")


def ask(url: str) -> dict[str, Any]:
    """Ask the served model for one reply."""
    body = {
        "character": {"name": "Ada", "description": "A lighthouse keeper."},
        "messages": [{"role": "user", "text": "Good evening! Is the lamp lit?"}],
        "generation": {"seed": 1},
    }
    request = urllib.request.Request(  # noqa: S310  # loopback
        f"{url}/generate", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    click.echo(f"$ curl {url}/generate -d '{json.dumps(body)}'")
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  # loopback
        reply: dict[str, Any] = json.loads(response.read())
        return reply


def first_and_last(metrics: Path, name: str) -> tuple[float, float]:
    """Return a metric's first and last value in a run."""
    rows = (json.loads(line) for line in metrics.read_text("utf-8").splitlines())
    values = [row[name] for row in rows if name in row]
    return values[0], values[-1]


def version_in(text: str) -> str:
    """Return the version id that a command printed."""
    found = re.search(r"\bgen-\d{8}-[0-9a-f]{12}\b", text)
    if found is None:
        raise StepFailed("no version was registered")
    return found[0]


def main() -> int:
    """Run all steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("var") / "tune-demo")
    out: Path = parser.parse_args().out
    started = time.monotonic()
    run, rows, base = out / "verdicts", out / "preferences", out / "base"
    sft, dpo, merged, registry = out / "sft", out / "dpo", out / "merged", out / "registry"
    rollout = ("rollout", DIALOGUES, "--candidate", "offline", "--judge", "offline", "--per-depth", "3")
    step("verdicts: logged replies against new ones", "repartee-eval", *rollout, "--out", run, allowed=(0, 10, 30))
    step("preference rows from verdicts", "repartee-eval", "preferences", run, "--to", rows)
    click.secho("\n# a chat model of a few hundred thousand parameters, built here", bold=True)
    build_base(rows / "dpo" / "train.jsonl", base)
    for kind in ("sft", "dpo"):
        fitted = ("--base", base, "--max-length", MOST_TOKENS, "--to", out / f"{kind}-rows")
        step(f"rows for {kind}", "repartee-tune", "data", run, "--kind", kind, *fitted)
    long = ("--set", f"data.max_length={MOST_TOKENS}")
    train = ("repartee-tune", "train")
    step("SFT", *train, "tiny-cpu-sft", "--data", out / "sft-rows", "--base", base, "--out", sft, *long)
    step("DPO with LoRA", *train, "tiny-cpu", "--data", out / "dpo-rows", "--base", sft / "model", "--out", dpo, *long)
    step("merge", "repartee-tune", "merge", dpo / "model", "--base", sft / "model", "--out", merged)
    return _promoted(out, dpo, merged, registry, started)


def _promoted(out: Path, dpo: Path, merged: Path, registry: Path, started: float) -> int:
    raise NotImplementedError


if __name__ == "__main__":
    sys.exit(main())
