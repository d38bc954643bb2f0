"""Options that `repartee-eval preferences` and `repartee-tune data` share: which rows are kept."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import click

from repartee_eval.preferences.filters import Caps, Rules
from repartee_eval.preferences.partition import By
from repartee_eval.preferences.user_hashes import withdrawn

_file = click.Path(path_type=Path, exists=True, dir_okay=False)
_there = click.Path(path_type=Path, exists=True)
_share = click.FloatRange(0, 1, min_open=True, max_open=True)
_cap = click.IntRange(1)
_LONGEST_RATIO: Final = 2.0

OPTIONS: Final = (
    click.option("--least", type=click.FloatRange(0.5, 1), default=0.7, show_default=True,
                 help="Mean P(win), or share of votes, that a winner needs."),
    click.option("--scores", type=_file, multiple=True, help="scores.jsonl of `repartee-eval score`."),
    click.option("--flags", type=_file, multiple=True, help="flags.jsonl of `repartee-eval moderate`."),
    click.option("--minimum-score", type=click.FloatRange(0, 1), default=0.7, show_default=True),
    click.option("--balance-length", is_flag=True,
                 help="Pairs: 45 to 55 % have the longer reply chosen; none is twice as long as the other."),
    click.option("--most-per-dialogue", type=_cap, default=10, show_default=True),
    click.option("--most-per-user", type=_cap, default=50, show_default=True),
    click.option("--most-per-character", type=_cap, help="Default: any number."),
    click.option("--split", "by", type=click.Choice(["character", "dialogue"]), default="character",
                 show_default=True, help="What train and eval may not have in common, beside dialogues."),
    click.option("--eval-share", type=_share, default=0.1, show_default=True),
    click.option("--hold-out", multiple=True, help="A character to evaluate on only; repeatable."),
    click.option("--golden", type=_there, multiple=True,
                 help="Items that must not be in the rows; repeatable."),
    click.option("--without-users", type=_file, help="Ids or hashes of users who withdrew, one per line."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RowChoice:
    """What the shared options say."""

    least: float
    scores: tuple[Path, ...]
    flags: tuple[Path, ...]
    minimum_score: float
    balance_length: bool
    most_per_dialogue: int
    most_per_user: int
    most_per_character: int | None
    by: By
    eval_share: float
    hold_out: tuple[str, ...]
    golden: tuple[Path, ...]
    without_users: Path | None
    seed: int

    def rules(self, *, most_weak: float = 0.25, pairs: bool = True) -> Rules:
        """Return the rules for filters. Raises EvalError for a list of users that cannot be read."""
        return Rules(
            minimum_score=self.minimum_score,
            length_ratio=_LONGEST_RATIO if self.balance_length and pairs else None,
            caps=Caps(self.most_per_dialogue, self.most_per_user, self.most_per_character),
            most_weak=most_weak,
            seed=self.seed,
            without_users=withdrawn(self.without_users),
        )


def with_row_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the shared options; the command gets them as `rows`."""

    @functools.wraps(command)
    def called(**given: Any) -> None:
        shared = {field.name: given.pop(field.name) for field in fields(RowChoice)}
        command(**given, rows=RowChoice(**shared))

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(OPTIONS), called)
