"""The rule of a decision, as data: one YAML file (docs/decisions.md)."""

from pathlib import Path
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repartee_eval.errors import EvalError

SHIPPED: Final = Path(__file__).parent / "policies" / "ship.yaml"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FloorLimit(_Section):
    """What B may do on one tag or floor check. All shares are of judged subjects: windows or replies.

    `level`: what counts as a hit, at least. `one_hit_blocks`: a single hit of B is a breach. `most_rate`: a
    breach where B's rate is above it for certain. `most_increase`: a breach where B's rate is more than this
    above A's for certain.
    """

    check: str
    level: Literal["mild", "severe"] = "mild"
    one_hit_blocks: bool = False
    most_rate: float | None = Field(default=None, ge=0, le=1)
    most_increase: float | None = Field(default=None, ge=0, le=1)


class Policy(_Section):
    """When B may ship: better on enough criteria, not worse on any, and no floor breached."""

    format: Literal["repartee.policy/1"]
    criteria: tuple[str, ...] = Field(min_length=1)
    superior_on_at_least: int = Field(default=1, ge=0)
    margin: float = Field(default=0.05, gt=0, lt=0.5)
    level: float = Field(default=0.95, gt=0.5, lt=1)
    minimum_items: int = Field(default=30, ge=1)
    minimum_clusters: int = Field(default=10, ge=2)
    most_failed: float = Field(default=0.1, ge=0, le=1)
    most_longer: float | None = Field(default=0.15, ge=0)
    floors: tuple[FloorLimit, ...] = ()


def load_policy(path: Path = SHIPPED) -> Policy:
    """Read a policy. Raises EvalError that names the file, the field and what is wrong with it."""
    try:
        return Policy.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EvalError(f"{path}: cannot be read as a policy: {type(error).__name__}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise EvalError(f"{path}: {field}: {first['msg']}") from None
