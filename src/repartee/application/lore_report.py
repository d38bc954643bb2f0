"""What a reply says about its lorebooks."""

from typing import Final

from repartee.application.ports import Prompt
from repartee.application.reply import LoreLine, LoreReport
from repartee.domain.lorebook.result import LoreTrace

MOST_LINES: Final = 50
_KEY_CHARACTERS: Final = 200
_NEARLY: Final = frozenset(
    {
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
        "cooldown",
    }
)


def lore_report(prompt: Prompt) -> LoreReport:
    """Return the entries that fired, then those that nearly did, 50 at most; all of the state."""
    lore = prompt.lore
    if lore is None:
        return LoreReport(state=prompt.turn.story.state)
    if not lore.trace:
        return LoreReport(tokens=lore.tokens, state=lore.state)
    near = [trace for trace in lore.trace if trace.reason in _NEARLY]
    lines = [*(trace for trace in lore.trace if trace.fired), *near][:MOST_LINES]
    return LoreReport(entries=tuple(map(_line, lines)), tokens=lore.tokens, state=lore.state)


def _line(trace: LoreTrace) -> LoreLine:
    return LoreLine(
        book=trace.book,
        id=trace.entry,
        name=trace.name,
        fired=trace.fired,
        reason=trace.reason,
        key=trace.key and trace.key[:_KEY_CHARACTERS],
        tokens=trace.tokens,
    )
