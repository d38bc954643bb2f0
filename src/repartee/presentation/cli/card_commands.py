"""`repartee card …`: look at, convert and check character cards. Needs no API."""

from pathlib import Path
from typing import Literal

import click

from repartee.domain.cards.card_file import (
    CARD_SUFFIXES,
    CardFile,
    CardFormat,
    format_of,
    left_out,
    read_card,
    write_card,
)
from repartee.domain.cards.limits import CardError
from repartee.presentation.cli.card_files import played, read_bytes, read_card_file
from repartee.presentation.cli.card_summary import format_line, summary
from repartee.presentation.cli.failures import UserMistake
from repartee.presentation.cli.output_files import opened_output
from repartee.presentation.cli.runtime import Runtime

_file = click.Path(path_type=Path)


@click.group()
def card() -> None:
    """Character cards: JSON, YAML, PNG and CHARX files, versions 1 to 3."""


@card.command("show")
@click.argument("file", type=_file)
@click.pass_obj
def show(runtime: Runtime, file: Path) -> None:
    """Show who is on a card, how long its texts are and what else it holds."""
    found = read_card_file(file)
    for line in summary(found, played(file, found), runtime.token_counter()):
        click.echo(line)
    _warn(file, found)


@card.command("convert")
@click.argument("source", type=_file, metavar="IN")
@click.argument("target", type=_file, metavar="OUT")
@click.option("--spec", type=click.Choice(["v2", "v3"]), help="Default: as it is; .charx is always v3.")
@click.option(
    "--image", type=_file, metavar="PNG", help="The picture. Default: the card's own, or a plain one."
)
@click.option("--force", is_flag=True, help="Replace OUT if it is there.")
def convert(
    source: Path, target: Path, spec: Literal["v2", "v3"] | None, image: Path | None, force: bool
) -> None:
    """Write a card as OUT: .json, .yaml, .png or .charx."""
    card_format = _target_format(target, spec, image)
    if target.exists() and not force:
        raise UserMistake(f"{target}: is already there: add --force to replace it")
    found = read_card_file(source)
    picture = read_bytes(image) if image else None
    try:
        written = write_card(found, card_format, picture, spec)
        made = read_card(written)
    except CardError as error:
        raise UserMistake(f"{target}: {error.message}") from None
    with opened_output(target, "OUT") as file:
        file.write(written)
    click.echo(f"wrote {target}: {format_line(made)}, {len(written):,} bytes")
    for lost in left_out(found, card_format, with_image=picture is not None):
        click.echo(f"left out: {lost}", err=True)


@card.command("validate")
@click.argument("files", type=_file, nargs=-1, required=True, metavar="FILE…")
@click.pass_context
def validate(context: click.Context, files: tuple[Path, ...]) -> None:
    """Check cards: one line per problem, exit status 2 if there is any."""
    verdicts = [_is_valid(file) for file in files]
    context.exit(0 if all(verdicts) else 2)


def _is_valid(file: Path) -> bool:
    try:
        found = read_card_file(file)
    except UserMistake as error:
        click.echo(f"error: {error}", err=True)
        return False
    problems = found.problems
    for problem in problems:
        click.echo(f"error: {file}: {problem}", err=True)
    _warn(file, found)
    if not problems:
        click.echo(f"{file}: valid, {format_line(found)}")
    return not problems


def _warn(file: Path, found: CardFile) -> None:
    for warning in found.warnings:
        click.echo(f"warning: {file}: {warning}", err=True)


def _target_format(target: Path, spec: str | None, image: Path | None) -> CardFormat:
    card_format = format_of(target.suffix)
    if card_format is None:
        raise UserMistake(f"{target}: name it {', '.join(CARD_SUFFIXES)}, so that its format is known")
    if card_format == "charx" and spec == "v2":
        raise UserMistake("--spec v2: a .charx file holds V3 cards only: leave --spec out")
    if card_format in {"json", "yaml"} and image:
        raise UserMistake("--image: only .png and .charx hold a picture: leave it out")
    return card_format
