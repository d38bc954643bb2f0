"""A dataset folder: train.jsonl, eval.jsonl, and a manifest that says what they were made of."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from repartee_eval.preferences.golden import GuardedText, load_golden
from repartee_eval.preferences.writing import write_rows
from repartee_eval.retrieval_data import RetrievalDataError, load_retrieval_data
from repartee_tune.data.built import Built
from repartee_tune.data.sources import Source, source_hashes
from repartee_tune.errors import TuneError
from repartee_tune.stage import Manifest, StageSpecification, file_hash, file_hashes, read_manifest, run_stage

CANARIES: Final = Path(__file__).parents[1] / "policies" / "canaries.yaml"
RULES: Final = 2
"""To be raised with each change of what is kept or written: older folders must not pass for new ones."""
_TOKENIZER: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "generation_config.json",
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a dataset is made of. `parameters` are all options that change a row."""

    sources: tuple[Source, ...]
    parameters: Mapping[str, Any]
    seed: int
    golden: tuple[Path, ...] = ()
    records: tuple[Path, ...] = ()
    base: Path | None = None
    without_users: Path | None = None

    def specification(self) -> StageSpecification:
        """Hash it all: the same key is the same dataset."""
        inputs: dict[str, Mapping[str, str]] = dict(source_hashes(self.sources))
        for name, paths in (("golden", (CANARIES, *self.golden)), ("records", self.records)):
            for number, path in enumerate(paths, start=1):
                inputs[f"{name} {number:02} {path.name}"] = file_hashes(path)
        if self.base is not None:
            inputs["tokenizer"] = {
                name: file_hash(self.base / name) for name in _TOKENIZER if (self.base / name).is_file()
            }
        if self.without_users is not None:
            inputs["without_users"] = {"hashes": file_hash(self.without_users)}
        return StageSpecification("data", inputs, {**self.parameters, "rules": RULES}, self.seed)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A finished folder. `built` is None where it was there already."""

    manifest: Manifest
    built: Built | None


def make_dataset(request: Request, out: Path, build: Callable[[], Built]) -> Dataset:
    """Build the folder unless it is there. Raises TuneError where it was made of something else."""
    _refuse_inside(request.sources, out)
    specification = request.specification()
    built: list[Built] = []

    def work(folder: Path) -> Mapping[str, Any]:
        folder.chmod(0o700)
        made = build()
        built.append(made)
        rows = {"train": made.train, "eval": made.evaluation}
        counts = {name: write_rows(folder / f"{name}.jsonl", of_part) for name, of_part in rows.items()}
        return {
            "dataset": specification.key[:16],
            "rows": counts,
            "funnel": made.funnel,
            "users": list(made.users),
            **made.facts,
        }

    finished = read_manifest(out) is not None
    manifest = run_stage(specification, out, work)
    return Dataset(manifest, None if finished else built[0])


def _refuse_inside(sources: Iterable[Source], out: Path) -> None:
    """Raise TuneError where the dataset would become a part of its own source."""
    for source in sources:
        if source.path.is_dir() and out.resolve().is_relative_to(source.path.resolve()):
            raise TuneError(f"--to {out}: lies in the source {source.path}: choose a folder outside")


def guarded_items(paths: Iterable[Path]) -> Sequence[GuardedText]:
    """Return what must not be trained on: shipped canaries, golden files, folders of labelled users."""
    found = list(load_golden([CANARIES, *(path for path in paths if path.is_file())]))
    for folder in (path for path in paths if path.is_dir()):
        try:
            users = load_retrieval_data(folder).users
        except RetrievalDataError as error:
            raise TuneError(f"--golden {folder}: {error}") from None
        found += [
            GuardedText(f"{user.user.id} {message.id}", (message.text,), message.text)
            for user in users
            for message in user.messages
        ]
    return found
