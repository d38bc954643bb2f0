"""Vectors that came from elsewhere: whose they are, and whether they are what was asked for."""

import math
import re
from hashlib import sha256
from typing import Any, Final

from repartee.application.ports import EmbedderProfile
from repartee.domain.errors import ConfigurationError, UpstreamInvalid

_UNIT_TOLERANCE: Final = 1e-6
"""Of a length, so also of a cosine: far below what a threshold tells apart."""
_NUMBERS: Final = frozenset({float, int})


def profile_id(vendor: str, model: str, dimension: int) -> str:
    """Return an embedder's id, safe as a file name; a digest keeps apart what that spelling makes equal."""
    safe = re.sub(r"[^a-z0-9._-]+", "_", model.lower())[:80]
    digest = "" if safe == model else "-" + sha256(model.encode()).hexdigest()[:8]
    return f"{vendor}-{safe}-{dimension}{digest}"


def unit_vectors(dependency: str, rows: Any, count: int, dimension: int) -> list[list[float]]:
    """Return `rows` as checked vectors of unit length. Raises UpstreamInvalid, also for a vector of zeros."""
    if not isinstance(rows, list) or len(rows) != count:
        raise UpstreamInvalid(f"{dependency} did not return one vector per text", dependency)
    units = []
    for row in rows:
        length = _checked_length(dependency, row, dimension)
        if length == 0.0:
            raise UpstreamInvalid(f"{dependency} returned a vector of zeros", dependency)
        is_unit = math.isclose(length, 1.0, rel_tol=_UNIT_TOLERANCE)
        units.append(row if is_unit else [value / length for value in row])
    return units


def _checked_length(dependency: str, row: Any, dimension: int) -> float:
    if not isinstance(row, list) or len(row) != dimension:
        raise UpstreamInvalid(f"{dependency} returned vectors of another size than {dimension}", dependency)
    kinds = [*map(type, row)]
    numbers = kinds.count(float) == dimension or _NUMBERS.issuperset(kinds)
    length = math.hypot(*row) if numbers else math.nan
    if not math.isfinite(length):
        raise UpstreamInvalid(f"{dependency} returned numbers that are not finite", dependency)
    return length


def check_dimension(profile: EmbedderProfile, found: int) -> None:
    """Raise ConfigurationError where the vectors of a model have another size than its profile says."""
    if found != profile.dimension:
        raise ConfigurationError(
            f"{profile.model} returns vectors of {found} numbers, but {profile.dimension} are configured: "
            f"set REPARTEE_EMBEDDER__DIMENSION={found}"
        )
