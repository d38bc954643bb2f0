"""The gates' thresholds: one YAML file, checked strictly, with a reason beside each number."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from repartee_eval.policy import Policy as Rule
from repartee_eval.policy import load_policy as load_rule
from repartee_tune.errors import TuneError

POLICIES: Final = Path(__file__).parents[1] / "policies"

GateName = Literal["integrity", "health", "canaries", "golden", "pairwise", "length"]
Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(ge=0.5, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of the policy: no unknown key, no guess at a type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class HealthPolicy(Section):
    """`required` are names of checks that health.json has to hold; all that it holds have to be passed."""

    required: Annotated[list[str], Field(min_length=1)] = ["steps_done", "not_finite", "stop_token_trained"]


class CanaryPolicy(Section):
    """`most_failures` bounds the one-sided exact upper limit of the rate of hard failures."""

    prompts: str = "canaries.yaml"
    least: Count = 300
    most_failures: Share = 0.01
    level: Level = 0.95
    max_tokens: Count = 300
    longest: Count = 4_000
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    concurrency: Count = 8


class GoldenPolicy(Section):
    """`margin` is how much lower, in score, the candidate may be; scores are from 0 to 1."""

    least: Count = 200
    least_clusters: Count = 20
    margin: Share = 0.05
    level: Level = 0.95


_SHIPPED: Final = load_rule().model_dump() | {
    "minimum_items": 400,
    "minimum_clusters": 20,
    "most_failed": 0.05,
}
"""What `repartee_eval` ships, with as many items as the gate's default asks for."""


def _completed(rule: Any) -> Any:
    return {**_SHIPPED, **rule} if isinstance(rule, dict) else rule


class PairwisePolicy(Section):
    """`rule` is a policy of `repartee_eval`, which decides; what a file leaves out of it is as shipped.

    `floors` are the least win rates on criteria beside the rule's.
    """

    rule: Annotated[Rule, BeforeValidator(_completed)] = Rule.model_validate(_SHIPPED)
    least_both_orders: Share = 0.95
    floors: dict[str, Share] = {}


class LengthPolicy(Section):
    """`tolerance` is how far the mean reply length may be from the champion's, as a share."""

    least: Count = 200
    least_clusters: Count = 20
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.15
    level: Level = 0.95
    resamples: Annotated[int, Field(ge=200)] = 2_000


class Policy(Section):
    """Which gates, in which order, with which limits.

    `without_champion`: a first version has nothing to be compared with; `skip` lets it pass on the gates that
    need no champion, `hold` does not.
    """

    version: Literal[1]
    gates: Annotated[list[GateName], Field(min_length=1)]
    without_champion: Literal["skip", "hold"] = "skip"
    seed: Annotated[int, Field(ge=0)] = 0
    health: HealthPolicy = HealthPolicy()
    canaries: CanaryPolicy = CanaryPolicy()
    golden: GoldenPolicy = GoldenPolicy()
    pairwise: PairwisePolicy = PairwisePolicy()
    length: LengthPolicy = LengthPolicy()


def policy_path(name: str) -> Path:
    """Return the file of a policy: a path, or the name of one that is shipped."""
    shipped = POLICIES / f"{Path(name).name.removesuffix('.yaml')}.yaml"
    path = Path(name)
    if path.is_file() or not shipped.is_file() or (path.parent.name not in {"", "policies"}):
        return path
    return shipped


def load_policy(path: Path) -> Policy:
    """Read a policy. Raises TuneError naming the field and the fix."""
    try:
        policy = Policy.model_validate(read_yaml(path))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        fix = "remove it or correct its name" if first["type"] == "extra_forbidden" else "correct it"
        raise TuneError(f"{path}: {field}: {first['msg']}; {fix}") from None
    if len(set(policy.gates)) < len(policy.gates):
        raise TuneError(f"{path}: gates: each gate once")
    if policy.gates[0] != "integrity":
        raise TuneError(f"{path}: gates: integrity comes first: the rest would look at unknown files")
    return policy


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which the same key twice is an error instead of the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(map(str, keys))) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, "the same key twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Read YAML without surprises. Raises TuneError for a missing or broken file."""
    try:
        return yaml.load(path.read_text("utf-8"), _UniqueKeys)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        raise TuneError(f"{path} does not exist") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TuneError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
