"""How many examples each filter removed, in all and by source."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar


class Sourced(Protocol):
    """Anything with a source."""

    @property
    def source(self) -> str:
        """Where it comes from."""
        ...


S = TypeVar("S", bound=Sourced)


@dataclass(slots=True)
class Funnel:
    """Counts as examples go through. `found` and `steps` are by source; a step counts what it removed."""

    found: Counter[str] = field(default_factory=Counter)
    steps: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, examples: Iterable[Sourced]) -> None:
        """Count what came in."""
        self.found.update(one.source for one in examples)

    def count(self, step: str, source: str, removed: int = 1) -> None:
        """Count what never became an example, as found and as removed."""
        self.found[source] += removed
        self.steps.setdefault(step, Counter())[source] += removed

    def keep(self, step: str, before: Sequence[S], after: Sequence[S]) -> list[S]:
        """Note a step and return what is left; a step that removed nothing is told, too."""
        removed = Counter(one.source for one in before)
        removed.subtract(one.source for one in after)
        self.steps.setdefault(step, Counter()).update({name: n for name, n in removed.items() if n})
        return list(after)

    def as_json(self) -> dict[str, Any]:
        """Return the funnel as data."""
        left = self.found.total()
        steps = []
        for step, removed in self.steps.items():
            left -= removed.total()
            steps.append(
                {
                    "step": step,
                    "removed": removed.total(),
                    "left": left,
                    "by_source": dict(sorted(removed.items())),
                }
            )
        return {"found": self.found.total(), "by_source": dict(sorted(self.found.items())), "steps": steps}

    def summary(self) -> str:
        """Return the funnel for an error: what came in, and the steps that removed something."""
        told = self.as_json()
        removed = [f"{step['step']} {step['removed']}" for step in told["steps"] if step["removed"]]
        return f"of {told['found']} found were removed: {', '.join(removed) or 'none'}"

    def lines(self) -> list[str]:
        """Return the funnel for the screen."""
        told = self.as_json()
        by_source = ", ".join(f"{name} {count}" for name, count in told["by_source"].items())
        width = max((len(step["step"]) for step in told["steps"]), default=0)
        return [
            f"{told['found']} found ({by_source or 'nothing'})",
            *(
                f"  {step['step']:{width}}  -{step['removed']:<6} {step['left']:>6} left"
                for step in told["steps"]
            ),
        ]
