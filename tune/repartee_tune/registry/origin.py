"""Where a version comes from, as its run says it: datasets and base are told by the sums of their files."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import orjson

from repartee_tune.errors import TuneError
from repartee_tune.registry.artefact import record
from repartee_tune.registry.manifest import KINDS, Base, Origin
from repartee_tune.registry.store import Registry

MODEL_FOLDERS: Final = ("model", "adapter", "merged")


def model_folder(source: Path) -> Path:
    """Return the folder of the model's files: that of a run (`model/`), or the source itself.

    Raises TuneError where a run has several: each is another artefact, and the one that is served has to be
    gated.
    """
    found = [source / name for name in MODEL_FOLDERS if (source / name).is_dir()]
    if len(found) > 1:
        names = ", ".join(str(folder) for folder in found)
        raise TuneError(f"{source} holds several models: give the one that will be served, of {names}")
    return found[0] if found else source


def run_folder(source: Path) -> Path | None:
    """Return the run that a folder is, or stands in; None where there is none."""
    return next((folder for folder in (source, source.parent) if (folder / "status.json").is_file()), None)


def altered(run: Path) -> list[str]:
    """Return the files of a run's model, and its health, that are not as its manifest says."""
    written: Mapping[str, str] = _read(run / "manifest.json").get("outputs", {})
    gated = (*(f"{folder}/" for folder in MODEL_FOLDERS), "health.json")
    known = {path for path in written if path.startswith(gated)}
    listed = {path.partition("/")[0] for path in known}.intersection(MODEL_FOLDERS)
    there = {f"{name}/{path}" for name in listed for path in _files(run / name)}
    sums = {path: record(run, path).sha256 for path in known if (run / path).is_file()}
    changed = {path for path in known if sums.get(path) != written[path]}
    return sorted(changed | (there - known))


def origin_of_run(run: Path, registry: Registry, datasets: Path) -> Origin:
    """Return a run's origin. Raises TuneError unless the run is finished.

    A dataset is the folder under `datasets` whose manifest has the sum that the run read, else the sum of its
    files; a base is the registry's version with the same weights, else what the adapter calls it.
    """
    if _read(run / "status.json").get("state") != "finished":
        raise TuneError(f"{run} is not finished: run the same `repartee-tune train` again")
    if changed := altered(run):
        raise TuneError(f"{changed[0]} of {run} is not as the training left it: train again")
    inputs = _read(run / "manifest.json")
    files: Mapping[str, Mapping[str, str]] = inputs.get("inputs", {})
    recipe = inputs.get("parameters", {}).get("recipe")
    return Origin(
        base=_base(run, files.get("base", {}), registry),
        datasets=(_found_dataset(files["dataset"], datasets),) if "dataset" in files else (),
        recipe_sha256=_sum(recipe) if recipe else None,
        run=run.name,
    )


def origin_of_runs(runs: Sequence[Path], registry: Registry, datasets: Path) -> Origin:
    """Return the origin of what several runs made one after the other, such as SFT and then DPO, merged.

    All their datasets count; the base is that of the first, recipe and name are those of the last. Raises
    TuneError unless each run was tuned from what the one before it wrote.
    """
    for before, after in pairwise(runs):
        inputs: Mapping[str, Mapping[str, str]] = _read(after / "manifest.json").get("inputs", {})
        written = {path: record(model_folder(before), path).sha256 for path in _files(model_folder(before))}
        if _weights(inputs.get("base", {})) != _weights(written):
            raise TuneError(f"{after} was not tuned from {before}: give the runs in their order")
    origins = [origin_of_run(run, registry, datasets) for run in runs]
    trained_on = {name for origin in origins for name in origin.datasets}
    return origins[-1].model_copy(
        update={"base": origins[0].base, "datasets": tuple(sorted(trained_on))},
    )


def completed(
    known: Origin,
    base: str | None,
    revision: str | None,
    datasets: Sequence[str],
    recipe: Path | None,
    folder: Path = Path("var/datasets"),
) -> Origin:
    """Return the origin with what was given by hand; datasets stand under `folder`.

    Raises TuneError where the base is a path of this machine.
    """
    if base and base.startswith(("/", "~", ".")):
        raise TuneError(
            f"--base {base}: a path leads nowhere elsewhere; give a hub id or registry:KIND/VERSION"
        )
    changed: dict[str, Any] = {}
    if base:
        sums = known.base.sha256 if known.base else None
        changed["base"] = Base(id=base, revision=revision, sha256=sums)
    if datasets:
        named = {_named_dataset(name, folder) for name in datasets}
        changed["datasets"] = tuple(sorted({*known.datasets, *named}))
    if recipe:
        changed["recipe_sha256"] = sha256(recipe.read_bytes()).hexdigest()
    return known.model_copy(update=changed)


def _base(run: Path, files: Mapping[str, str], registry: Registry) -> Base | None:
    weights = _weights(files)
    for kind in KINDS:
        for version in registry.versions(kind):
            theirs = {file.sha256 for file in version.files if file.path.endswith(".safetensors")}
            if weights and weights == theirs:
                return Base(id=f"registry:{kind}/{version.version}", sha256=_sum(files))
    adapter = model_folder(run) / "adapter_config.json"
    named = _read(adapter).get("base_model_name_or_path") if adapter.is_file() else None
    if isinstance(named, str) and named and not named.startswith(("/", "~", ".")):
        return Base(id=named, sha256=_sum(files) if files else None)
    return Base(id=f"sha256:{_sum(files)[:16]}", sha256=_sum(files)) if files else None


def _files(folder: Path) -> list[str]:
    found = folder.rglob("*") if folder.is_dir() else ()
    return [path.relative_to(folder).as_posix() for path in found if path.is_file()]


def _weights(files: Mapping[str, str]) -> set[str]:
    return {digest for name, digest in files.items() if name.endswith(".safetensors")}


def dataset_id(manifest: Path) -> str:
    """Return a dataset's name and twelve digits of its manifest's sum: names may mean another one later."""
    return f"{manifest.parent.name}@{sha256(manifest.read_bytes()).hexdigest()[:12]}"


def _found_dataset(files: Mapping[str, str], datasets: Path) -> str:
    wanted = files.get("manifest.json")
    for path in sorted(datasets.glob("*/manifest.json")) if wanted else ():
        if sha256(path.read_bytes()).hexdigest() == wanted:
            return dataset_id(path)
    return f"sha256:{_sum(files)[:16]}"


def _named_dataset(name: str, datasets: Path) -> str:
    """Return what a person named, with the sum of its manifest where it is there."""
    manifest = datasets / name / "manifest.json"
    return dataset_id(manifest) if manifest.is_file() else name


def _sum(content: Any) -> str:
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise TuneError(f"{path} is missing: this run is not finished") from None
    except orjson.JSONDecodeError as error:
        raise TuneError(f"{path} is damaged: {error}") from None
    if not isinstance(content, dict):
        raise TuneError(f"{path} is no JSON object")
    return content
