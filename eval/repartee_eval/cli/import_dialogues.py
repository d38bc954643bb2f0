"""`repartee-eval import`."""

from pathlib import Path
from typing import Final, cast

import click

from repartee_eval import wiring
from repartee_eval.dialogues.characters import characters_in
from repartee_eval.dialogues.importing.casting import casting_for
from repartee_eval.dialogues.importing.import_files import KINDS, Imported, Kind, import_files
from repartee_eval.dialogues.jsonl import write_dialogues
from repartee_eval.errors import EvalError

_LINES_SHOWN: Final = 20


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--from",
    "kind",
    type=click.Choice(["auto", *KINDS]),
    default="auto",
    show_default=True,
    help="What the files are. auto: each shows it by its content.",
)
@click.option(
    "--character",
    help="Who answers: a shipped character's id, a card file, or a name. Default: as the files say.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write."
)
@click.option("--skip-bad", is_flag=True, help="Leave out lines that cannot be used, and say which.")
@click.option(
    "--near",
    type=click.FloatRange(0.5, 1),
    help="Also drop dialogues that are at least so alike (share of five-word runs in common).",
)
def import_dialogues(
    files: tuple[Path, ...], kind: str, character: str | None, out: Path, skip_bad: bool, near: float | None
) -> None:
    """Make dialogues of FILES: event logs, OpenAI messages, ShareGPT, SillyTavern chats; folders too."""
    if out.resolve() in {file.resolve() for file in files}:
        raise click.UsageError("--out is one of the files to read: name another")
    casting = casting_for(character, characters_in(wiring.characters_folder()))
    chosen = None if kind == "auto" else cast(Kind, kind)
    imported = import_files(files, casting, kind=chosen, skip_bad=skip_bad, near=near)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_dialogues(out, imported.dialogues)
    except OSError as error:
        raise EvalError(f"--out: {out} cannot be written ({error.strerror})") from None
    click.echo("\n".join(_summary(imported, out)))


def _summary(imported: Imported, out: Path) -> list[str]:
    dialogues = imported.dialogues
    kinds = sorted({kind for _, kind in imported.files})
    counts = [
        ("files", f"{len(imported.files)} ({', '.join(kinds)})"),
        ("dialogues", f"{len(dialogues)} of {len({each.character_id for each in dialogues})} characters"),
        ("messages", f"{sum(len(each.messages) for each in dialogues)}"),
        ("duplicates dropped", f"{imported.duplicates}"),
        ("events logged twice", f"{imported.repeated_events}" if imported.repeated_events else ""),
        ("events without a reply", f"{imported.not_replies}" if imported.not_replies else ""),
        ("bad lines skipped", f"{imported.bad.count}"),
        ("written to", f"{out}"),
    ]
    return [*(f"{name:<24}{told}" for name, told in counts if told), *_bad_lines(imported)]


def _bad_lines(imported: Imported) -> list[str]:
    bad = imported.bad
    told = [f"  {line}" for line in bad.first[:_LINES_SHOWN]]
    if bad.count <= _LINES_SHOWN:
        return told
    for file, numbers in bad.numbers.items():
        more = " …" if bad.of(file) > len(numbers) else ""
        told.append(f"  all of {file}: {', '.join(map(str, numbers))}{more}")
    return told
