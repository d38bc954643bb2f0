"""Resolve the lock files again, each package with its hashes.

    .venv/bin/python scripts/lock.py [--keep]

`make lock` runs it. With --keep, pinned versions stay where they still fit. The development lock holds
evaluation and tuning too, but neither torch, whose builds differ per accelerator (the Makefile pins it), nor
this project.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

COMPILE: Final = (
    "pip-compile",
    "--quiet",
    "--generate-hashes",
    "--strip-extras",
    "--allow-unsafe",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-options",
)
LEFT_OUT: Final = re.compile(
    r"(?m)^(?:# WARNING: pip install will require.*\n#.*\n)?(?:torch==|triton==|nvidia-|cuda-|repartee @ )"
    r".*\n(?:    .*\n)*"
)


def compiled(output: str, *options: str) -> None:
    """Write one lock file, without what it must not hold."""
    command = (str(Path(sys.executable).with_name(COMPILE[0])), *COMPILE[1:], *options)
    subprocess.run([*command, "--output-file", output, "pyproject.toml"], check=True)
    path = Path(output)
    path.write_text(LEFT_OUT.sub("", path.read_text()))


def main() -> None:
    """Resolve serving first: development is held to the same versions."""
    upgrade = () if "--keep" in sys.argv[1:] else ("--upgrade",)
    compiled("requirements.lock", *upgrade)
    compiled("requirements-dev.lock", *upgrade, "--extra", "dev", "--constraint", "requirements.lock")


if __name__ == "__main__":
    main()
