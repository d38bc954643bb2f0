"""`repartee-tune merge`: an adapter and its base become a plain model."""

import os
from importlib import import_module
from pathlib import Path

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("adapter", type=FOLDER)
@click.option("--base", type=FOLDER, required=True, help="The model that the adapter was trained on.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="An empty or new folder.")
@click.option("--dtype", type=click.Choice(["bfloat16", "float32"]), default="bfloat16", show_default=True)
def merge(adapter: Path, base: Path, out: Path, dtype: str) -> None:
    """Merge ADAPTER (a run's model folder) into its base."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    merging = import_module("repartee_tune.merging")  # torch is imported here, not for --help
    click.echo(f"merged into {merging.merge_adapter(adapter, base, out, dtype)}")
