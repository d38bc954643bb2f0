"""`repartee-tune data`: sources become a dataset."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from repartee_eval.cli.row_options import RowChoice, with_row_options
from repartee_eval.preferences.composer import open_composer
from repartee_eval.preferences.reply_records import load_records
from repartee_tune.data.built import Built
from repartee_tune.data.dataset import Dataset, Request, guarded_items, make_dataset
from repartee_tune.data.fitting import ConversationTokens
from repartee_tune.data.moderation_rows import ModerationOptions, build_moderation_rows
from repartee_tune.data.retrieval_rows import RetrievalOptions, build_retrieval_rows
from repartee_tune.data.sources import Source, SourceKind, told_sources
from repartee_tune.data.text_rows import TextOptions, build_text_rows

KINDS: Final = ("dpo", "kto", "sft", "embedder", "reranker", "moderation")
_TEXT_SOURCES: Final[frozenset[SourceKind]] = frozenset(
    {"run", "preferences", "log", "votes", "review", "rows", "tasks"}
)
_USED: Final[dict[str, frozenset[SourceKind]]] = {
    **dict.fromkeys(("dpo", "kto", "sft"), _TEXT_SOURCES),
    **dict.fromkeys(("embedder", "reranker"), frozenset[SourceKind]({"retrieval", "log"})),
    "moderation": frozenset({"flags", "run"}),
}
_FILES: Final = frozenset({"scores", "flags", "golden", "without_users", "seed"})
"""Options that stand in a dataset's key by their content, or in its own place."""


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(KINDS), required=True)
@click.option("--to", "out", type=click.Path(path_type=Path), required=True, help="The dataset's folder.")
@click.option(
    "--base",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The model to be trained: its tokenizer counts and trims.",
)
@click.option("--max-length", type=click.IntRange(16), default=2048, show_default=True, help="Tokens.")
@with_row_options
@click.option(
    "--most-weak",
    type=click.FloatRange(0, 1),
    default=0.25,
    show_default=True,
    help="Regenerated replies as a share of the others.",
)
@click.option(
    "--most-of-one-class",
    type=click.FloatRange(1),
    default=4.0,
    show_default=True,
    help="kto: good rows are at most so many times the bad ones, and the other way round.",
)
@click.option(
    "--negatives",
    type=click.IntRange(1, 32),
    default=3,
    show_default=True,
    help="embedder, reranker: facts that do not matter, for each message.",
)
@click.option("--skip-bad", is_flag=True, help="Leave out lines of logs that cannot be used.")
@click.option("--json", "in_json", is_flag=True, help="Print the manifest's counts as JSON.")
def data(
    sources: tuple[Path, ...],
    out: Path,
    kind: Any,
    base: Path | None,
    rows: RowChoice,
    in_json: bool,
    **options: Any,
) -> None:
    """Turn SOURCES into a dataset of one kind, and say what each filter removed.

    A source is an eval run, a folder of `repartee-eval preferences`, an event log or dialogues, votes or a
    review as CSV, training rows, flags.jsonl, or labelled retrieval data.
    """
    told = _fitting_sources(told_sources(sources), kind)
    said = {name: value for name, value in asdict(rows).items() if name not in _FILES}
    request = Request(
        sources=told,
        parameters={**options, **said, "kind": kind, "templates": _templates(told)},
        seed=rows.seed,
        golden=rows.golden,
        records=(*rows.scores, *rows.flags),
        base=base,
        without_users=rows.without_users,
    )
    dataset = make_dataset(request, out, partial(_build, told, kind, base, rows, options))
    _tell(dataset, out, checked=base is not None, in_json=in_json)


def _templates(sources: tuple[Source, ...]) -> str:
    """Return the hash of the service's templates where prompts are composed by them."""
    if not any(source.kind in {"run", "log"} for source in sources):
        return ""

    async def opened() -> str:
        async with open_composer() as composer:
            return composer.templates

    return asyncio.run(opened())


def _fitting_sources(sources: tuple[Source, ...], kind: str) -> tuple[Source, ...]:
    for source in sources:
        if source.kind not in _USED[kind]:
            raise click.UsageError(f"{source.path}: a source of kind {source.kind} gives no rows for {kind}")
    return sources


def _build(
    sources: tuple[Source, ...], kind: Any, base: Path | None, rows: RowChoice, options: dict[str, Any]
) -> Built:
    share, seed, golden = rows.eval_share, rows.seed, guarded_items(rows.golden)
    rules = rows.rules(most_weak=options["most_weak"], pairs=kind == "dpo")
    gone = rules.without_users
    if kind in {"embedder", "reranker"}:
        return build_retrieval_rows(
            sources, RetrievalOptions(kind, options["negatives"], share, seed, gone), golden
        )
    if kind == "moderation":
        return build_moderation_rows(sources, ModerationOptions(share, seed, gone), golden)
    return build_text_rows(
        sources,
        TextOptions(
            kind=kind,
            rules=rules,
            least=rows.least,
            records=load_records(rows.scores, rows.flags),
            chat=_chat_tokens(base),
            max_length=options["max_length"],
            by=rows.by,
            eval_share=share,
            held_out=rows.hold_out,
            balance_length=rules.length_ratio is not None,
            most_of_one_class=options["most_of_one_class"],
            skip_bad=options["skip_bad"],
        ),
        golden,
    )


def _chat_tokens(base: Path | None) -> ConversationTokens | None:
    if base is None:
        return None
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    load: Callable[[Path], ConversationTokens] = import_module(
        "repartee_tune.base_model"
    ).load_chat_tokens  # torch is imported here, not for --help
    return load(base)


def _tell(dataset: Dataset, out: Path, *, checked: bool, in_json: bool) -> None:
    counts = dataset.manifest.counts
    if in_json:
        click.echo(json.dumps(counts, ensure_ascii=False, indent=2))
        return
    if dataset.built is None:
        click.echo(f"{out} is made of just this already; nothing to do")
    else:
        click.echo("\n".join(dataset.built.lines))
    rows = counts["rows"]
    for name in ("trimmed_prompts", "neutralised_prompts"):
        if counts.get(name):
            click.echo(f"{name.replace('_', ' ')}: {counts[name]}")
    if counts.get("too_long_need"):
        click.echo(
            f"too_long: these rows need {counts['too_long_need']} tokens without any older turn: raise "
            "--max-length, and data.max_length of the recipe"
        )
    if not checked and "neutralised_prompts" in counts:
        click.echo("lengths were not checked and nothing was trimmed: give --base")
    click.echo(
        f"dataset {counts['dataset']}: {rows['train']} rows to train on, {rows['eval']} to evaluate on"
    )
    click.echo(f"words of {len(counts['users'])} known users; in {out}")
    if counts.get("without_user"):
        click.echo(
            f"{counts['without_user']} rows name no user: nobody who withdraws is traced to them, so make "
            "their source anew --without-users"
        )
