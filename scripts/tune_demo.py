"""The whole flywheel on a tiny model: verdicts → rows → SFT → DPO → gate → registry → reply → withdrawal.

    .venv/bin/python scripts/tune_demo.py [--out var/tune-demo]

`make tune-demo` runs it: one CPU core, no network, under three minutes. Every step is the command that a
person would give, printed before it runs. The model has some hundred thousand parameters and cannot speak:
the path is the real one, the replies are worth nothing. In the end one of the users withdraws, and what has
to be made anew is listed.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")

import click

ROOT: Final = Path(__file__).resolve().parents[1]
BIN: Final = Path(sys.executable).parent
DIALOGUES: Final = ROOT / "eval" / "data" / "dialogues" / "last_week.jsonl"
MOST_TOKENS: Final = 1024
CONTEXT_TOKENS: Final = 1500
SHORTEST: Final = 24
"""Characters of a message that a made pair answers: shorter ones are the canary prompts' own words."""
TUNE: Final = "repartee-tune"
MADE_PER_DIALOGUE: Final = 3
WITHDRAWN: Final = "user-01"
LOSERS: Final = (
    "As an AI language model, I do not have personal feelings. How can I assist you today?",
    "I am an AI assistant and cannot do that. Is there anything else that I can help you with?",
    "As an AI, I have no opinions. Please let me know how I may assist you further.",
)


class StepFailed(Exception):  # a step of the demonstration
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


def with_user_ids(out: Path) -> Path:
    """Write the sample dialogues with an id for each user, as a service's own log has them."""
    lines = []
    for number, line in enumerate(DIALOGUES.read_text("utf-8").splitlines(), start=1):
        dialogue = json.loads(line)
        user = dialogue["user"] | {"id": f"user-{number:02}"}
        lines.append(json.dumps(dialogue | {"user": user}, ensure_ascii=False) + "\n")
    out.write_text("".join(lines), "utf-8")
    return out


def write_known_losers(dialogues: Path, out: Path) -> None:
    """Write pairs of a logged reply and one that nobody wants, which a model of this size can tell apart."""
    rows: list[dict[str, Any]] = []
    for dialogue in map(json.loads, dialogues.read_text("utf-8").splitlines()):
        turns = [
            (asked["text"], answered["text"])
            for asked, answered in pairwise(dialogue["messages"])
            if (asked["role"], answered["role"]) == ("user", "character") and len(asked["text"]) >= SHORTEST
        ]
        rows += [
            {
                "prompt": [{"role": "user", "content": asked}],
                "chosen": [{"role": "assistant", "content": answered}],
                "rejected": [{"role": "assistant", "content": LOSERS[place % len(LOSERS)]}],
                "dialogue": dialogue["id"],
                "character": dialogue["character"],
                "user": dialogue["user"]["id"],
            }
            for place, (asked, answered) in enumerate(turns[:MADE_PER_DIALOGUE])
        ]
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    click.echo(f"{len(rows)} pairs of a logged reply and a known loser")


def build_base(files: Iterable[Path], out: Path) -> None:
    """Build the tiny chat model, its tokenizer trained on the rows that it will see.

    It has to have seen the service's prompts: a tokenizer that has not needs half as many tokens again for
    them, and rows from verdicts would not fit.
    """
    texts = [
        message["content"]
        for file in files
        for line in file.read_text("utf-8").splitlines()
        for key in ("prompt", "chosen", "rejected")
        for message in json.loads(line)[key]
    ]
    tiny = import_module("repartee_tune.tiny_model")
    import_module("torch").set_num_threads(1)
    size = tiny.TinyModelSize(
        hidden=64, layers=2, intermediate=160, vocabulary=4096, positions=MOST_TOKENS + 1024
    )
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
        "REPARTEE_REGISTRY__FOLDER": str(registry),
        "REPARTEE_DATA_DIR": str(data),
    }
    words = [str(BIN / "repartee"), "serve", "--port", str(port)]
    given = " ".join(f"{name}={value}" for name, value in settings.items())
    click.echo(f"$ {given} repartee serve --port {port}")
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


def main() -> int:
    """Run all steps; the exit status is 0 only if the promoted model answered."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("var") / "tune-demo")
    out: Path = parser.parse_args().out
    os.environ["REPARTEE_PROMPT__CONTEXT_TOKENS"] = str(CONTEXT_TOKENS)
    started = time.monotonic()
    try:
        measure_and_train(out)
        reply = promote_and_serve(out)
        withdraw(out)
    except StepFailed as failed:
        click.echo(f"error: {failed}", err=True)
        return 1
    show(out, reply, time.monotonic() - started)
    return 0


def measure_and_train(out: Path) -> None:
    """From logged dialogues to a merged model."""
    run, rows, base = out / "verdicts", out / "preferences", out / "base"
    sft, dpo, sets = out / "sft", out / "dpo", out / "datasets"
    out.mkdir(parents=True, exist_ok=True)
    talks = with_user_ids(out / "last_week.jsonl")
    asked = ("rollout", talks, "--candidate", "offline", "--judge", "offline", "--per-depth", 1)
    verdicts = (*asked, "--out", run)
    step("verdicts: logged replies against new ones", "repartee-eval", *verdicts, allowed=(0, 10, 30))
    step("preference rows from verdicts", "repartee-eval", "preferences", run, "--to", rows)
    click.secho("\n# a chat model of a few hundred thousand parameters, built here", bold=True)
    losers = out / "known-losers.jsonl"
    if not base.exists():
        write_known_losers(talks, losers)
        build_base([losers, rows / "dpo" / "train.jsonl"], base)
    for kind in ("sft", "dpo"):
        fitted = ("--base", base, "--max-length", MOST_TOKENS, "--to", sets / f"{kind}-rows")
        split = ("--split", "dialogue", "--seed", 1)
        step(f"rows for {kind}", TUNE, "data", run, losers, "--kind", kind, *fitted, *split)
        tell_sources(sets / f"{kind}-rows")
    # Rows of ten and of a thousand tokens: one at a time, or most of a batch is padding.
    longest = ("--set", f"data.max_length={MOST_TOKENS}", "--set", "optimiser.per_device_batch_size=1")
    briefly = ("--set", "optimiser.epochs=2")
    first = ("--data", sets / "sft-rows", "--base", base, "--out", sft, *longest, *briefly)
    then = ("--data", sets / "dpo-rows", "--base", sft / "model", "--out", dpo, *longest)
    step("SFT of all weights", TUNE, "train", "tiny-cpu-sft", *first)
    step("DPO with LoRA", TUNE, "train", "tiny-cpu", *then)
    if not (out / "merged").exists():
        step("merge", TUNE, "merge", dpo / "model", "--base", sft / "model", "--out", out / "merged")


def promote_and_serve(out: Path) -> dict[str, Any]:
    """Gate, register and promote the merged model, and ask the service that serves it."""
    registry, gates = ("--registry", out / "registry"), ("--gates", out / "gates")
    behind = ("--run", out / "sft", "--run", out / "dpo", "--datasets", out / "datasets")
    origin = (*behind, "--strip", "--why", "the demonstration")
    step("register: an immutable version", TUNE, "registry", *registry, "register", out / "merged", *origin)
    version = versions(out / "registry")[-1]
    policy = ("--policy", "tiny", "--local", "--health", out / "dpo" / "health.json")
    step("gate", TUNE, "gate", version, *policy, "--out", out / "gates", *registry)
    step("promote, at once for every reader", TUNE, "registry", *registry, "promote", version, *gates)
    click.secho("\n# serve the champion behind POST /generate", bold=True)
    with served("registry:generator/champion", out / "registry", out / "data") as url:
        return ask(url)


def tell_sources(rows: Path) -> None:
    """Say how many rows are verdicts of the judge and how many were made for this model."""
    sources: Counter[str] = Counter()
    for part in ("train", "eval"):
        lines = (rows / f"{part}.jsonl").read_text("utf-8").splitlines()
        sources.update(json.loads(line)["provenance"]["source"] for line in lines)
    click.echo(f"from verdicts: {sources['eval-run']}, made for a model of this size: {sources['given']}")


def withdraw(out: Path) -> None:
    """Let one user withdraw: list what holds the user's words. Nothing is deleted by that."""
    registry, sets = ("--registry", out / "registry"), out / "datasets"
    before = sorted(path.name for path in (*sets.iterdir(), *(out / "registry/generator/versions").iterdir()))
    user = ("--user-id", WITHDRAWN, "--datasets", sets)
    step("a user withdraws: what has to be made anew", TUNE, "registry", *registry, "lineage", *user)
    after = sorted(path.name for path in (*sets.iterdir(), *(out / "registry/generator/versions").iterdir()))
    if before != after:
        raise StepFailed("the lineage command changed something")
    click.echo(
        "nothing was deleted; `repartee-tune data … --without-users FILE --to NEW` makes rows without them"
    )


def versions(registry: Path) -> list[str]:
    """Return the registered generators, oldest first."""
    return sorted(path.name for path in (registry / "generator" / "versions").iterdir())


def show(out: Path, reply: dict[str, Any], seconds: float) -> None:
    """Print what changed, and who answered."""
    click.secho("\nbefore → after", bold=True)
    for name, run, metric in (
        ("SFT, evaluation loss", "sft", "eval_loss"),
        ("DPO, evaluation margin", "dpo", "eval_rewards/margins"),
        ("DPO, evaluation accuracy", "dpo", "eval_rewards/accuracies"),
    ):
        first, last = first_and_last(out / run / "metrics.jsonl", metric)
        click.echo(f"  {name:<26}{first:8.3f} → {last:.3f}")
    click.echo(f"  answered by {reply['model']}, version {reply['version']}: {reply['text']!r}")
    click.echo(
        f"{seconds:.0f} s. The model is tiny and its words are worth nothing; the path is the real one: "
        "the same commands take a real base and a real judge."
    )


if __name__ == "__main__":
    sys.exit(main())
