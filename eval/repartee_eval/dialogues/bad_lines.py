"""Lines of files that cannot be used: told with file and line, and skipped only where that was asked for."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from repartee_eval.errors import EvalError

_TOLD_IN_AN_ERROR: Final = 5
_PROBLEM_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used. `line` is None where the whole file cannot."""

    file: str
    line: int | None
    problem: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{place}: {self.problem}"


class BadLines:
    """Collects them: counts all, keeps the first `kept` in full and the first `numbered` numbers per file."""

    def __init__(self, *, skip: bool = False, kept: int = 100, numbered: int = 1_000) -> None:
        self.skip = skip
        self.first: list[BadLine] = []
        self.numbers: dict[str, list[int]] = {}
        self._counts: Counter[str] = Counter()
        self._kept = kept
        self._numbered = numbered

    def add(self, file: str, line: int | None, problem: str) -> None:
        """Note one line."""
        self._counts[file] += 1
        if len(self.first) < self._kept:
            self.first.append(BadLine(file, line, problem[:_PROBLEM_CHARACTERS]))
        numbers = self.numbers.setdefault(file, [])
        if line is not None and len(numbers) < self._numbered:
            numbers.append(line)

    @property
    def count(self) -> int:
        """How many there were."""
        return self._counts.total()

    def of(self, file: str) -> int:
        """Return how many the file has."""
        return self._counts[file]

    def settle(self) -> None:
        """Raise EvalError if there were any and they may not be skipped."""
        if self.skip or not self.count:
            return
        told = "; ".join(map(str, self.first[:_TOLD_IN_AN_ERROR]))
        more = self.count - min(self.count, _TOLD_IN_AN_ERROR)
        rest = f"; and {more} more" if more else ""
        lines = "1 line" if self.count == 1 else f"{self.count} lines"
        raise EvalError(
            f"{lines} cannot be used: {told}{rest}. Mend them, or pass --skip-bad to go on without"
        )
