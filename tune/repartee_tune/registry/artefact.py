"""What may stand in a version's folder, and the sums of it.

Weights are safetensors (or ONNX, for what the service runs without torch): a pickle runs code when it is
loaded. A path of one machine leads nowhere on the next, so the configurations name their base by its id.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final

import orjson
from safetensors import SafetensorError, safe_open

from repartee_tune.errors import TuneError
from repartee_tune.registry.manifest import MANIFEST, FileRecord

ALLOWED: Final = frozenset(
    {
        ".safetensors",
        ".onnx",
        ".json",
        ".jsonl",
        ".txt",
        ".md",
        ".jinja",
        ".model",
        ".yaml",
        ".yml",
        ".tsv",
        ".csv",
    }
)
LEFTOVERS: Final = (
    "training_args.bin",
    "optimizer.pt",
    "optimizer.bin",
    "scheduler.pt",
    "scaler.pt",
    "rng_state*.pth",
    "ref",
    "checkpoint-*",
    "runs",
)
"""What trainers leave beside a model: the optimizer's state, pickled arguments, the frozen reference."""

CONFIGURATIONS: Final = frozenset(
    {"adapter_config.json", "config.json", "tokenizer_config.json", "generation_config.json"}
)
_BASE_KEYS: Final = ("base_model_name_or_path", "_name_or_path", "name_or_path", "tokenizer_name_or_path")
_PICKLE_HEADS: Final = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


@dataclass(frozen=True, slots=True)
class Artefact:
    """The files of a model folder, checked. `rewritten` maps a path to what is published instead."""

    folder: Path
    paths: tuple[str, ...]
    rewritten: Mapping[str, bytes]
    content_sha256: str

    @property
    def is_adapter(self) -> bool:
        """Return whether this needs its base beside it."""
        return "adapter_config.json" in self.paths


def inspect(folder: Path, *, base_id: str | None = None, leave_out: Sequence[str] = ()) -> Artefact:
    """Check a model folder and return what is to be published of it.

    `base_id` replaces paths of this machine in the configurations; `leave_out` are patterns of names, at any
    depth. Raises TuneError, naming the file and the fix, for a pickle, a link, a path of this machine that
    cannot be replaced, a broken safetensors file, or a folder without weights.
    """
    if not folder.is_dir():
        raise TuneError(f"{folder} is no folder: give the one that holds the model's files")
    paths = tuple(sorted(_walk(folder, folder, leave_out)))
    if not any(path.endswith((".safetensors", ".onnx")) for path in paths):
        raise TuneError(f"{folder} holds no weights: a .safetensors or .onnx file is needed")
    for path in paths:
        check_weights(folder / path)
    configurations = {path: _configuration(folder / path) for path in paths if _is_configuration(path)}
    rewritten = {
        path: dumped
        for path, content in configurations.items()
        if (dumped := _without_machine(path, content, base_id)) is not None
    }
    return Artefact(folder, paths, rewritten, _content(folder, paths, configurations))


def record(folder: Path, path: str) -> FileRecord:
    """Return a file's sum and size as they are on disk."""
    with (folder / path).open("rb") as file:
        return FileRecord(
            path=path, sha256=file_digest(file, "sha256").hexdigest(), size=os.fstat(file.fileno()).st_size
        )


def check_weights(path: Path) -> None:
    """Read a safetensors file's header. Raises TuneError where it or the file's length is wrong."""
    if path.suffix != ".safetensors":
        return
    try:
        with safe_open(path, framework="numpy") as weights:
            if not list(weights.keys()):
                raise TuneError(f"{path} holds no tensor")
    except (SafetensorError, OSError) as error:
        raise TuneError(f"{path} is no safetensors file: {error}") from None


def _walk(root: Path, folder: Path, leave_out: Sequence[str]) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if any(fnmatch(entry.name, pattern) for pattern in leave_out):
                continue
            path = Path(entry.path)
            name = path.relative_to(root).as_posix()
            if entry.is_symlink():
                raise TuneError(f"{name} is a link: copy what it leads to")
            if entry.is_dir():
                yield from _walk(root, path, leave_out)
            elif entry.is_file():
                _check_file(path, name)
                yield name
            else:
                raise TuneError(f"{name} is no plain file")


def _check_file(path: Path, name: str) -> None:
    if name == MANIFEST:
        raise TuneError(f"{name} is the registry's own name: leave it out of the model's folder")
    if path.suffix.lower() not in ALLOWED:
        fix = (
            "leave it out (--strip)" if any(fnmatch(path.name, known) for known in LEFTOVERS) else "remove it"
        )
        raise TuneError(
            f"{name} may hold code that runs when it is loaded: {fix}; weights are .safetensors or .onnx"
        )
    with path.open("rb") as file:
        head = file.read(4)
    if head[:2] in _PICKLE_HEADS or head == b"PK\x03\x04":
        raise TuneError(f"{name} is a pickle under another name: save the weights as safetensors")


def _is_configuration(path: str) -> bool:
    return PurePosixPath(path).name in CONFIGURATIONS


def _configuration(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise TuneError(f"{path} is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise TuneError(f"{path} is no JSON object")
    return content


def _without_machine(path: str, content: dict[str, Any], base_id: str | None) -> bytes | None:
    """Return the configuration with its base named by id, or None where it names no path of this machine."""
    changed = dict(content)
    for key in _BASE_KEYS:
        if not _is_absolute(content.get(key)):
            continue
        if PurePosixPath(path).name != "adapter_config.json":
            del changed[key]
        elif base_id is None:
            raise TuneError(f"{path}: {key} is a path of this machine; say what the base is (--base)")
        else:
            changed[key] = base_id
    for where in _absolute_paths(changed):
        raise TuneError(
            f"{path}: {where} is a path of this machine, which leads nowhere on another; remove it"
        )
    return None if changed == content else orjson.dumps(changed, option=orjson.OPT_INDENT_2)


def _absolute_paths(content: Any, where: str = "") -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _absolute_paths(value, f"{where}.{key}" if where else str(key))
    elif isinstance(content, list):
        for value in content:
            yield from _absolute_paths(value, where)
    elif _is_absolute(content):
        yield where


def _is_absolute(value: object) -> bool:
    """A template may open with a slash too, so a path is one line without blanks and has a second part."""
    if not isinstance(value, str) or any(letter.isspace() for letter in value):
        return False
    drive = PureWindowsPath(value)
    return (value.startswith(("/", "~/")) and value.count("/") > 1) or (
        drive.is_absolute() and bool(drive.drive)
    )


def _content(folder: Path, paths: Sequence[str], configurations: Mapping[str, dict[str, Any]]) -> str:
    """Return the sum of all files, with configurations taken without the name of their base."""
    total = sha256()
    for path in paths:
        if path in configurations:
            plain = {key: value for key, value in configurations[path].items() if key not in _BASE_KEYS}
            digest = sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).hexdigest()
        else:
            digest = record(folder, path).sha256
        total.update(f"{path}\0{digest}\n".encode())
    return total.hexdigest()
