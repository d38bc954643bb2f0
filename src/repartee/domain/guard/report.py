"""What the guard did, in numbers: never a word of what it removed."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

FinishReason = Literal["stop", "length"]
Rule = Literal[
    "stop",
    "special_token",
    "thoughts",
    "speaker",
    "own_name",
    "spaces",
    "blank_lines",
    "sentence",
    "balance",
    "fence",
    "length",
    "loop",
]


@dataclass(frozen=True, slots=True)
class GuardContext:
    """Who speaks, under every name that the model may write, and who must not be spoken for."""

    character_names: tuple[str, ...]
    user_name: str = ""
    other_speakers: tuple[str, ...] = ()


class Intervention(BaseModel):
    """One rule's work: how often, and how many characters it removed and added.

    Behind a cut nothing is read, so a cut counts what it dropped of the text before it and of its own mark.
    """

    model_config = ConfigDict(frozen=True)

    rule: Rule
    count: int
    removed: int = 0
    added: int = 0


class GuardReport(BaseModel):
    """Everything that was done to a reply. `cut_at` is the length that was left where a rule ended it."""

    model_config = ConfigDict(frozen=True)

    interventions: tuple[Intervention, ...] = ()
    cut_by: Rule | None = None
    cut_at: int | None = None
    refusal: bool = False
    out_of_role: bool = False
    empty: bool = False

    @property
    def retry_advised(self) -> bool:
        """Whether another attempt is likely to serve the user better than this text."""
        return self.empty or self.refusal or self.out_of_role


@dataclass(frozen=True, slots=True)
class Guarded:
    """A guarded text, or the last piece of a guarded stream, with the report on the whole."""

    text: str
    report: GuardReport


@dataclass(slots=True)
class Ledger:
    """Where the stages write down what they did, and read whether the model was cut off by a limit."""

    cut_by: Rule | None = None
    cut_off: bool = False
    _rows: dict[Rule, list[int]] = field(default_factory=dict)

    def note(self, rule: Rule, removed: int = 0, added: int = 0, times: int = 1) -> None:
        """Add one intervention to the rule's row."""
        row = self._rows.setdefault(rule, [0, 0, 0])
        for column, amount in enumerate((times, removed, added)):
            row[column] += amount

    def cut(self, rule: Rule, removed: int = 0) -> None:
        """Note that the rule ended the reply."""
        self.note(rule, removed=removed)
        self.cut_by = rule

    def interventions(self) -> tuple[Intervention, ...]:
        """Return one entry per rule, in the order in which they came first."""
        return tuple(
            Intervention(rule=rule, count=count, removed=removed, added=added)
            for rule, (count, removed, added) in self._rows.items()
        )
