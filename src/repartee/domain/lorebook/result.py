"""What one evaluation of lorebooks gives back: texts with their places, a line per entry, the new state."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from repartee.domain.lorebook.book import LoreRole, Position
from repartee.domain.lorebook.state import LoreState

Fired = Literal["key", "constant", "sticky", "activate", "keeps_after_match"]
"""Why an entry fired: a key matched, it needs none, it still sticks, `@@activate`, it matched once before."""

Silent = Literal[
    "disabled",
    "other_greeting",
    "other_user_icon",
    "delay",
    "cooldown",
    "dont_activate",
    "matched_before",
    "too_early",
    "not_this_turn",
    "waits_for_recursion",
    "excluded_from_recursion",
    "no_keys",
    "no_match",
    "secondary_keys",
    "additional_keys",
    "exclude_keys",
    "bad_pattern",
    "pattern_timed_out",
    "scan_limit",
    "lost_group",
    "probability",
    "over_budget",
    "over_book_budget",
]
"""Why an entry did not fire, as far as its last look at the chat went."""

FIRED: Final[frozenset[str]] = frozenset({"key", "constant", "sticky", "activate", "keeps_after_match"})

Reason = Fired | Silent


class LoreTrace(NamedTuple):
    """What became of one entry. `key` is the key that matched, `tokens` its size, `level` its recursion."""

    book: str
    entry: str
    name: str
    reason: Reason
    key: str | None = None
    tokens: int = 0
    level: int = 0

    @property
    def fired(self) -> bool:
        """Whether the entry is in use."""
        return self.reason in FIRED


@dataclass(frozen=True, slots=True)
class PlacedText:
    """One entry's text and its place. `depth`, the messages after it, counts at `at_depth` only."""

    position: Position
    text: str
    order: float
    book: str
    entry: str
    depth: int = 0
    role: LoreRole = "system"


@dataclass(frozen=True, slots=True)
class DepthBlock:
    """The texts of one depth and role, joined."""

    depth: int
    role: LoreRole
    text: str


@dataclass(frozen=True, slots=True)
class LoreResult:
    """Everything about one evaluation. `texts` are in the prompt's order; tokens are without line breaks.

    `disabled_prompts` are the prompts of the service that a fired entry replaces (`@@disable_ui_prompt`).
    """

    texts: tuple[PlacedText, ...]
    trace: tuple[LoreTrace, ...]
    state: LoreState
    tokens: int
    budget: int
    scans: int
    disabled_prompts: tuple[str, ...] = ()

    def at(self, position: Position) -> str:
        """Return all texts of a place, one under the other; empty where there are none."""
        return "\n".join(placed.text for placed in self.texts if placed.position == position)

    def depth_blocks(self) -> tuple[DepthBlock, ...]:
        """Return the texts that go into the history, deepest first; at one depth system, user, assistant."""
        blocks: dict[tuple[int, LoreRole], list[str]] = {}
        for placed in self.texts:
            if placed.position == "at_depth":
                blocks.setdefault((placed.depth, placed.role), []).append(placed.text)
        roles = ("system", "user", "assistant")
        ordered = sorted(blocks, key=lambda place: (-place[0], roles.index(place[1])))
        return tuple(DepthBlock(*place, "\n".join(blocks[place])) for place in ordered)
