"""Which of the entries that match get in: what is left to chance, and the room in tokens."""

from collections.abc import Iterable

from repartee.domain.chance import chance
from repartee.domain.lorebook.candidates import Candidate
from repartee.domain.lorebook.request import LoreRequest
from repartee.domain.macros import expand


class Budget:
    """The room of one evaluation, and who is in."""

    def __init__(self, request: LoreRequest) -> None:
        self._request = request
        self.limit = request.budget
        self.fired: dict[Candidate, None] = {}
        self.out: set[Candidate] = set()
        self.is_full = False
        self._used = 0
        self._used_by: dict[str, int] = {}

    def admit(self, matched: Iterable[Candidate], level: int) -> list[Candidate]:
        """Take in what has room, sticky entries first, then by priority; return those that got in.

        The first that has none ends it for all that follow, save those that ignore the budget.
        """
        admitted: list[Candidate] = []
        for candidate in sorted(matched, key=_turn):
            if self.is_full and not candidate.entry.ignore_budget:
                candidate.reason = "over_budget"
            elif not self._is_lucky(candidate):
                candidate.reason = "probability"
                self.out.add(candidate)
            elif self._has_room(candidate):
                candidate.level = level
                self._take(candidate)
                admitted.append(candidate)
        return admitted

    @property
    def tokens(self) -> int:
        """What all that is in takes."""
        return sum(one.tokens or 0 for one in self.fired)

    def _is_lucky(self, candidate: Candidate) -> bool:
        probability = candidate.entry.probability
        if probability >= 100 or candidate.sticky:
            return True
        return chance(self._request.seed, "probability", *candidate.owner) * 100 < probability

    def _has_room(self, candidate: Candidate) -> bool:
        tokens = self._weigh(candidate)
        if not tokens or candidate.entry.ignore_budget:
            return True
        if 0 < candidate.book_budget < self._used_by.get(candidate.owner[0], 0) + tokens:
            candidate.reason = "over_book_budget"
            return False
        if self._used + tokens < self.limit or self._make_room(candidate, tokens):
            return True
        candidate.reason = "over_budget"
        self.is_full = not candidate.ready.said.ignore_on_max_context
        return False

    def _weigh(self, candidate: Candidate) -> int:
        if candidate.tokens is None:
            expansion = expand(candidate.ready.content, self._request.macros)
            candidate.text = expansion.text.strip("\r\n")
            candidate.hidden_keys = expansion.hidden_keys
            candidate.tokens = self._request.count(candidate.text) if candidate.text.strip() else 0
        return candidate.tokens

    def _make_room(self, candidate: Candidate, tokens: int) -> bool:
        """Send away entries with `@@ignore_on_max_context`, the last first, if that is enough."""
        if candidate.ready.said.ignore_on_max_context:
            return False
        yielding = [one for one in reversed(self.fired) if _yields(one)]
        if self._used + tokens - sum(one.tokens or 0 for one in yielding) >= self.limit:
            return False
        while self._used + tokens >= self.limit:
            self._send_away(yielding.pop(0))
        return True

    def _take(self, candidate: Candidate) -> None:
        self.fired[candidate] = None
        candidate.reason = candidate.forced or "key"
        self._spend(candidate, candidate.tokens or 0)

    def _send_away(self, candidate: Candidate) -> None:
        del self.fired[candidate]
        self.out.add(candidate)
        candidate.reason = "over_budget"
        self._spend(candidate, -(candidate.tokens or 0))

    def _spend(self, candidate: Candidate, tokens: int) -> None:
        if not candidate.entry.ignore_budget:
            self._used += tokens
            self._used_by[candidate.owner[0]] = self._used_by.get(candidate.owner[0], 0) + tokens


def _turn(candidate: Candidate) -> tuple[bool, bool, float, int]:
    last = candidate.ready.said.ignore_on_max_context
    return not candidate.sticky, last, -candidate.entry.priority, candidate.place


def _yields(candidate: Candidate) -> bool:
    return candidate.ready.said.ignore_on_max_context and not candidate.entry.ignore_budget
