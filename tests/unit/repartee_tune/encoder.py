"""The local encoder that `make encoder` builds, for tests that need the real one."""

import sys
from pathlib import Path

import pytest

ENCODER = Path(sys.prefix) / "share" / "repartee" / "all-minilm-l6-v2"
needs_encoder = pytest.mark.skipif(
    not (ENCODER / "manifest.json").is_file(), reason="the local encoder is not built: run `make encoder`"
)
