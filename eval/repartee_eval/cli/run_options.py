"""Options that commands share which judge cases and end with a decision."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from repartee_eval.comparison import Plan
from repartee_eval.judges.pairwise import Orders
from repartee_eval.judges.question import Mode
from repartee_eval.judges.rubrics import chosen, load_criteria, load_flags
from repartee_eval.panel import Asking
from repartee_eval.policy import SHIPPED, Policy, load_policy
from repartee_eval.prices import Prices, load_prices
from repartee_eval.runs.budget import Budget
from repartee_eval.seating import JudgeOptions

_file = click.Path(path_type=Path, dir_okay=False, exists=True)
_any = click.Path(path_type=Path, exists=True)

OPTIONS: Final = (
    click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The run's folder."),
    click.option(
        "--judge",
        "judges",
        multiple=True,
        help="A model, http://host/v1#MODEL or offline; repeatable (a jury). Default: as configured.",
    ),
    click.option("--mode", type=click.Choice(["direct", "reasoned"]), default="direct", show_default=True),
    click.option("--joint", is_flag=True, help="Ask about all criteria in one call."),
    click.option("--single-order", is_flag=True, help="Show each pair in one order only."),
    click.option("--replicates", type=click.IntRange(1, 20), default=1, show_default=True),
    click.option("--not-applicable", is_flag=True, help="Let the judge say that a case cannot be judged."),
    click.option("--criteria", "criteria_file", type=_any, help="A YAML file or folder of criteria."),
    click.option("--no-floors", is_flag=True, help="Leave out tags and floor checks."),
    click.option("--probes", type=click.IntRange(0, 200), default=5, show_default=True,
                 help="Cases from which known losers are made, to test the judge."),
    click.option("--policy", "policy_file", type=_file, help="The decision's rule. Default: ours."),
    click.option("--prompts", type=click.Path(path_type=Path, file_okay=False, exists=True),
                 help="Judge prompts. Default: the shipped ones."),
    click.option("--budget", type=click.FloatRange(0, min_open=True), help="US dollars at most, in all."),
    click.option("--most-calls", type=click.IntRange(1), help="Calls at most, in all."),
    click.option("--prices", "prices_file", type=_file, help="Own prices per million tokens, YAML."),
    click.option("--in-flight", type=click.IntRange(1, 4_096), help="Calls at once. Default: as configured."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--stop-early", is_flag=True, help="Judge in 20 looks, and end once the answer is sure."),
    click.option("--rejudge", is_flag=True, help="Add another judge to a run that is there."),
    click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write JUnit XML."),
    click.option("--json", "in_json", is_flag=True, help="Print JSON instead of the decision."),
)  # fmt: skip


Judging = Callable[[Policy, int], "Chosen"]
"""From a command's own policy and seed to all that its options say about judging."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the shared options say."""

    out: Path | None
    plan: Plan
    policy: Policy
    judging: JudgeOptions
    prices: Prices
    budget: Budget
    in_flight: int | None
    rejudge: bool
    junit: Path | None
    in_json: bool

    @property
    def seed(self) -> int:
        """The seed of everything drawn."""
        return self.plan.asking.seed


def with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the shared options; the command gets them as `chosen`."""

    @functools.wraps(command)
    def called(**given: Any) -> None:
        shared = {name: given.pop(name) for name in _NAMES}
        command(**given, chosen=_chosen(**shared))

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(OPTIONS), called)


def with_judge_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options about judges and spending to a command that has its own folder, policy and seed.

    The command gets them as `judging`: both orders are always asked.
    """

    @functools.wraps(command)
    def called(*own: Any, **given: Any) -> None:
        shared = {name: given.pop(name) for name in _NAMES if name not in _OWN}

        def judging(policy: Policy, seed: int) -> Chosen:
            return _chosen(**shared, **_OWN | {"policy": policy, "seed": seed})

        command(*own, **given, judging=judging)

    wanted = (option for name, option in zip(_NAMES, OPTIONS, strict=True) if name not in _OWN)
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(list(wanted)), called)


_OWN: Final[dict[str, Any]] = {
    "out": None, "policy_file": None, "single_order": False, "seed": 0, "rejudge": False, "junit": None,
    "in_json": False,
}  # fmt: skip
"""Options that a command of another kind has itself, or has no use for."""
_NAMES: Final = (
    "out", "judges", "mode", "joint", "single_order", "replicates", "not_applicable", "criteria_file",
    "no_floors", "probes", "policy_file", "prompts", "budget", "most_calls", "prices_file", "in_flight",
    "seed", "stop_early", "rejudge", "junit", "in_json",
)  # fmt: skip


def _chosen(
    *,
    out: Path | None,
    judges: tuple[str, ...],
    mode: Mode,
    joint: bool,
    single_order: bool,
    replicates: int,
    not_applicable: bool,
    criteria_file: Path | None,
    no_floors: bool,
    probes: int,
    policy_file: Path | None,
    prompts: Path | None,
    budget: float | None,
    most_calls: int | None,
    prices_file: Path | None,
    in_flight: int | None,
    seed: int,
    stop_early: bool,
    rejudge: bool,
    junit: Path | None,
    in_json: bool,
    policy: Policy | None = None,
) -> Chosen:
    policy = policy or load_policy(policy_file or SHIPPED)
    criteria = chosen(load_criteria(criteria_file), policy.criteria)
    orders: Orders = "single" if single_order else "both"
    return Chosen(
        out=out,
        plan=Plan(
            Asking(criteria, orders, replicates, seed),
            () if no_floors else load_flags(),
            probes,
            stop_early,
        ),
        policy=policy,
        judging=JudgeOptions(judges, mode, joint, not_applicable, seed, prompts),
        prices=load_prices(prices_file) if prices_file else Prices(),
        budget=Budget(money=budget, calls=most_calls),
        in_flight=in_flight,
        rejudge=rejudge,
        junit=junit,
        in_json=in_json,
    )
