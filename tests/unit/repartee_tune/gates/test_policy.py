from pathlib import Path

import pytest

from repartee_eval.policy import load_policy as load_rule
from repartee_tune.errors import TuneError
from repartee_tune.gates.canaries import load_canaries
from repartee_tune.gates.policy import POLICIES, load_policy, policy_path


@pytest.mark.parametrize("name", ["default", "retrieval", "tiny"])
def test_shipped_policies_are_valid(name: str) -> None:
    assert load_policy(policy_path(name)).gates[0] == "integrity"


def test_the_shipped_canaries_are_enough_for_the_default_policy() -> None:
    policy = load_policy(policy_path("default"))
    prompts = load_canaries(POLICIES / policy.canaries.prompts).prompts
    assert len(prompts) >= policy.canaries.least >= 300
    assert {one.category for one in prompts} >= {"everyday", "injection", "almost-empty", "other-language"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\ngates: [integrity]\ngoldn: {}", "goldn"),
        ("version: 1\ngates: [integrity, shadow]", "gates.1"),
        ("version: 1\ngates: [health]", "integrity comes first"),
        ("version: 1\ngates: [integrity, integrity]", "each gate once"),
        ("version: 1\ngates: [integrity]\ngolden: {least: '200'}", "golden.least"),
        ("version: 1\ngates: [integrity]\ngolden: {margin: 1.5}", "golden.margin"),
        ("version: 1\ngates: [integrity]\ngolden: {margin: .nan}", "golden.margin"),
        ("version: 1\ngates: [integrity]\npairwise: {rule: {margn: 0.1}}", "pairwise.rule.margn"),
        ("version: 1\ngates: [integrity]\npairwise: {rule: {level: .nan}}", "pairwise.rule.level"),
        ("version: 1\ngates: [integrity]\npairwise: {rule: ship.yaml}", "pairwise.rule"),
        ("gates: [integrity]", "version"),
        ("version: 1", "gates"),
        ("", "policy.yaml"),
        ("version: 1\nversion: 1\ngates: [integrity]", "same key twice"),
        ("gates: [integrity", "no YAML"),
    ],
)
def test_a_mistake_in_a_policy_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(TuneError, match=said):
        load_policy(path)


def test_what_a_policy_leaves_out_of_the_rule_is_as_evaluation_ships_it() -> None:
    shipped = load_rule()
    rule = load_policy(policy_path("default")).pairwise.rule
    assert (rule.criteria, rule.floors) == (shipped.criteria, shipped.floors)
    assert rule.minimum_items > shipped.minimum_items
