"""Who stands under the gates and whom it is compared with, from what a person typed."""

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from repartee_eval.verdict_files import read_verdicts
from repartee_tune.errors import TuneError
from repartee_tune.gates.canaries import load_canaries
from repartee_tune.gates.golden import load_items, load_scores
from repartee_tune.gates.policy import Policy
from repartee_tune.gates.sequence import Materials, Subject
from repartee_tune.registry.collection import base_version
from repartee_tune.registry.manifest import Kind, Manifest
from repartee_tune.registry.origin import altered, model_folder, run_folder
from repartee_tune.registry.store import Registry
from repartee_tune.stage import MANIFEST as RUN_MANIFEST
from repartee_tune.stage import file_hash

WEIGHTS: Final = (".safetensors", ".onnx")


def find_candidate(run: str, registry: Registry, name: str | None, base: Path | None) -> Subject:
    """Return a registered version by its id, or the model of a run's folder."""
    folder = Path(run)
    if not folder.is_dir():
        version = registry.version_folder(run)
        return Subject(version, name or run, run, base or _base_folder(registry, run))
    found = model_folder(folder)
    run_of = run_folder(folder)
    if run_of and (run_of / RUN_MANIFEST).is_file() and (changed := altered(run_of)):
        raise TuneError(f"{changed[0]} of {run_of} is not as the training left it: train again")
    return Subject(found, name or (run_folder(folder) or folder).name, None, base)


def find_champion(
    champion: str | None, kind: Kind, registry: Registry, name: str | None, base: Path | None
) -> Subject | None:
    """Return the version or folder that was named; without a name the registry's champion, or None."""
    if champion is None:
        champion = registry.aliases(kind).version("champion")
    if champion is None or champion == "none":
        return None
    if Path(champion).is_dir():
        return Subject(model_folder(Path(champion)), name or Path(champion).name, None, base)
    folder = registry.version_folder(champion)
    return Subject(folder, name or champion, champion, base or _base_folder(registry, champion))


def find_health(
    run: str, candidate: Subject, given: Path | None, runs: Path, registry: Registry
) -> Path | None:
    """Return `health.json`: the one given, of the run's folder, or of the run that a version names."""
    if given is not None:
        if not given.is_file():
            raise TuneError(f"--health {given} does not exist")
        return given
    if candidate.version is None:
        folder = run_folder(Path(run)) or Path(run)
        return folder / "health.json"
    manifest = registry.manifest(candidate.version)
    run_of = runs / manifest.origin.run if manifest.origin.run else None
    return run_of / "health.json" if run_of and _wrote(run_of, manifest) else None


def _wrote(run: Path, manifest: Manifest) -> bool:
    """Whether the run of this name wrote the version's weights: another one may have the name by now."""
    theirs = {file.sha256 for file in manifest.files if file.path.endswith(WEIGHTS)}
    try:
        ours = {file_hash(path) for path in model_folder(run).rglob("*") if path.name.endswith(WEIGHTS)}
    except (TuneError, OSError):
        return False
    return theirs == ours


def read_materials(
    policy: Policy,
    policy_file: Path,
    health: Path | None,
    golden: Path | None,
    scores: Path | None,
    verdicts: Path | None,
    dialogues: Path | None = None,
) -> Materials:
    """Read all files that the policy's gates need."""
    prompts = policy_file.parent / policy.canaries.prompts
    asked = "canaries" in policy.gates
    golden_files = [path for path in (golden, scores) if path]
    return Materials(
        health=health,
        canaries=load_canaries(prompts) if asked else None,
        golden_items=load_items(golden) if golden else (),
        golden_scores=load_scores(scores) if scores else (),
        verdicts=read_verdicts(verdicts).rows if verdicts else (),
        sums={
            "canaries": _sums([prompts] if asked else []),
            "golden": _sums(golden_files),
            "pairwise": _sums([path for path in (verdicts, dialogues) if path]),
        },
    )


def _sums(paths: list[Path]) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in paths}


def _base_folder(registry: Registry, version: str) -> Path | None:
    """Return the folder of a version's base where it is registered too, and the version is an adapter."""
    folder = registry.version_folder(version)
    base = base_version(registry.manifest(version))
    if base is None or not (folder / "adapter_config.json").is_file():
        return None
    with suppress(TuneError):  # a base that is gone: whoever needs it says so
        return registry.version_folder(base)
    return None
