"""Which code made a result: versions of packages, and the commit of this one."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "repartee",
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "tokenizers",
    "safetensors",
)


def package_versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def git_revision() -> str:
    """Return the commit, with `+changes` where the source was edited; `unknown` outside of a checkout."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(here), "rev-parse", "HEAD"],  # noqa: S607 - git is found on the path
            capture_output=True,
            text=True,
            check=True,
        )
        changed = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(here), "status", "--porcelain", "--", str(here)],  # noqa: S607 - as above
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+changes" if changed.stdout.strip() else "")
