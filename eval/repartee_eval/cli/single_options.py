"""Options that commands share which judge replies by themselves."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from repartee_eval.prices import Prices, load_prices
from repartee_eval.runs.budget import Budget
from repartee_eval.seating import JudgeOptions

_file = click.Path(path_type=Path, dir_okay=False, exists=True)
_folder = click.Path(path_type=Path, file_okay=False)

OPTIONS: Final = (
    click.option("--out", type=_folder, help="The run's folder. The same command again resumes it."),
    click.option("--judge", "judges", multiple=True,
                 help="A model, http://host/v1#MODEL or offline; repeatable. Default: as configured."),
    click.option("--prompts", type=click.Path(path_type=Path, file_okay=False, exists=True),
                 help="Judge prompts. Default: the shipped ones."),
    click.option("--budget", type=click.FloatRange(0, min_open=True), help="US dollars at most, in all."),
    click.option("--most-calls", type=click.IntRange(1), help="Calls at most, in all."),
    click.option("--prices", "prices_file", type=_file, help="Own prices per million tokens, YAML."),
    click.option("--in-flight", type=click.IntRange(1, 4_096), help="Calls at once. Default: as configured."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--skip-bad", is_flag=True, help="Leave out lines that cannot be used."),
    click.option("--json", "in_json", is_flag=True, help="Print JSON instead of tables."),
)  # fmt: skip
_NAMES: Final = (
    "out", "judges", "prompts", "budget", "most_calls", "prices_file", "in_flight", "seed", "skip_bad",
    "in_json",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SingleChosen:
    """What the shared options say."""

    out: Path | None
    judging: JudgeOptions
    prices: Prices
    budget: Budget
    in_flight: int | None
    seed: int
    skip_bad: bool
    in_json: bool


def with_single_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the shared options; the command gets them as `chosen`."""

    @functools.wraps(command)
    def called(**given: Any) -> None:
        shared = {name: given.pop(name) for name in _NAMES}
        command(**given, chosen=_chosen(**shared))

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(OPTIONS), called)


def _chosen(
    *,
    out: Path | None,
    judges: tuple[str, ...],
    prompts: Path | None,
    budget: float | None,
    most_calls: int | None,
    prices_file: Path | None,
    in_flight: int | None,
    seed: int,
    skip_bad: bool,
    in_json: bool,
) -> SingleChosen:
    return SingleChosen(
        out=out,
        judging=JudgeOptions(judges, seed=seed, prompts=prompts),
        prices=load_prices(prices_file) if prices_file else Prices(),
        budget=Budget(money=budget, calls=most_calls),
        in_flight=in_flight,
        seed=seed,
        skip_bad=skip_bad,
        in_json=in_json,
    )
