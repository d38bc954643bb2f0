"""What a trained model's folder may hold: safetensors only, and no absolute paths."""

import json
import shutil
from pathlib import Path

from repartee_tune.errors import TuneError

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def clean_model_folder(folder: Path, base_name: str) -> None:
    """Take out what must not be published and name the base by `base_name`.

    Taken out: the frozen `ref/` adapter that TRL adds, optimizer states, `training_args.bin` (pickle:
    loading one runs code) and the model card, which names local folders.
    """
    shutil.rmtree(folder / "ref", ignore_errors=True)
    for path in [*folder.rglob("*")]:
        if path.is_file() and (path.suffix in PICKLES or path.name in {"README.md", "trainer_state.json"}):
            path.unlink()
    rewrite_base(folder, base_name)
    if not any(folder.glob("*.safetensors")):
        raise TuneError(f"{folder} has no safetensors weights")


def rewrite_base(folder: Path, base_name: str) -> None:
    """Put `base_name` in place of the absolute path that peft and transformers store."""
    for name, key in (("adapter_config.json", "base_model_name_or_path"), ("config.json", "_name_or_path")):
        path = folder / name
        if path.is_file():
            content = json.loads(path.read_text("utf-8"))
            if key in content:
                path.write_text(
                    json.dumps({**content, key: base_name}, indent=2, sort_keys=True) + "\n", "utf-8"
                )
