"""`repartee chat …`: chats as files of other programs. Needs no API."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, get_args

import click

from repartee.domain.chat_files.chat_file import left_out
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.transcript import ChatFormat, Transcript
from repartee.presentation.cli.failures import UserMistake
from repartee.presentation.cli.output_files import opened_output
from repartee.presentation.cli.transcript_files import chat_file_bytes, described, read_chat_file

_file = click.Path(path_type=Path)
_format = click.Choice(get_args(ChatFormat))
_LISTED: Final = 20
_BY_SUFFIX: Final[Mapping[str, ChatFormat]] = {".jsonl": "sillytavern", ".json": "repartee"}


@click.group()
def chat() -> None:
    """Chats as files: SillyTavern's, OpenAI messages, and what /save writes."""


@chat.command("convert")
@click.argument("source", type=_file, metavar="IN")
@click.argument("target", type=_file, metavar="OUT")
@click.option("--from", "source_format", type=_format, help="Default: what the content shows.")
@click.option("--to", "target_format", type=_format, help="Default: .jsonl sillytavern, .json repartee.")
@click.option("--skip-bad", is_flag=True, help="Skip lines that cannot be used, and say which.")
@click.option("--force", is_flag=True, help="Replace OUT if it is there.")
def convert(
    source: Path,
    target: Path,
    source_format: ChatFormat | None,
    target_format: ChatFormat | None,
    skip_bad: bool,
    force: bool,
) -> None:
    """Write a chat as OUT in another format."""
    wanted = target_format or _BY_SUFFIX.get(target.suffix.lower())
    if wanted is None:
        raise UserMistake(f"{target}: name it .jsonl or .json, or choose its format with --to")
    if target.exists() and not force:
        raise UserMistake(f"{target}: is already there: add --force to replace it")
    found = read_chat_file(source, source_format, skip_bad=skip_bad)
    written = chat_file_bytes(target, found.transcript, wanted)
    with opened_output(target, "OUT") as file:
        file.write(written)
    click.echo(f"wrote {target}: {_summary(found.transcript, wanted)}, {len(written):,} bytes")
    for lost in left_out(found.transcript, wanted):
        click.echo(f"left out: {lost}", err=True)
    _tell_skipped(source, found.skipped)


def _summary(transcript: Transcript, wanted: ChatFormat) -> str:
    keeps_others = wanted in {transcript.origin, "repartee", "sillytavern"}
    hidden = sum(not line.is_spoken for line in transcript.lines) if keeps_others else 0
    also = f" and {_counted(hidden, 'other line')}" if hidden else ""
    return f"{wanted}, {_counted(len(transcript.messages), 'message')}{also}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _tell_skipped(source: Path, skipped: Sequence[ChatError]) -> None:
    for error in skipped[:_LISTED]:
        click.echo(f"skipped: {described(source, error)}", err=True)
    if skipped:
        listed = f", the first {_LISTED} are above" if len(skipped) > _LISTED else ""
        click.echo(f"skipped {_counted(len(skipped), 'bad part')} of {source}{listed}", err=True)
