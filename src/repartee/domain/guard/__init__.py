"""The output guard: what leaves a model becomes what a character may say. docs/guard.md has every rule."""

from repartee.domain.guard.options import GuardOptions, guard_options
from repartee.domain.guard.report import (
    FinishReason,
    GuardContext,
    Guarded,
    GuardReport,
    Intervention,
    Rule,
)
from repartee.domain.guard.stream import StreamGuard, guard
from repartee.domain.guard.style import StyleViolation, check_style

__all__ = [
    "FinishReason",
    "GuardContext",
    "GuardOptions",
    "GuardReport",
    "Guarded",
    "Intervention",
    "Rule",
    "StreamGuard",
    "StyleViolation",
    "check_style",
    "guard",
    "guard_options",
]
