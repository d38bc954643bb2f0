"""Inclusion groups: of the entries of a group that match at once, one gets in."""

import math
from collections.abc import Callable, Sequence

from repartee.domain.chance import chance
from repartee.domain.lorebook.candidates import Candidate

Score = Callable[[Candidate], int]
"""How many of an entry's keys match."""


class Groups:
    """The choice within groups for one evaluation."""

    def __init__(self, seed: int | str, score: Score, *, use_scoring: bool) -> None:
        self._seed = seed
        self._score = score
        self._use_scoring = use_scoring

    def winners(self, matched: Sequence[Candidate], won: set[str]) -> list[Candidate]:
        """Return those that stay, in the same order. Entries of groups in `won` came too late.

        A sticky member wins; else those with the best score stay, where scoring is on; of these the
        one with the highest order among those that override, else one by weight.
        """
        groups: dict[str, list[Candidate]] = {}
        for candidate in matched:
            for name in candidate.entry.groups:
                groups.setdefault(name, []).append(candidate)
        lost: set[Candidate] = set()
        for members in groups.values():
            lost.update(self._outdone(members))
        for name, members in groups.items():
            lost.update(self._not_chosen(name, [one for one in members if one not in lost], won))
        for loser in lost:
            loser.reason = "lost_group"
        return [one for one in matched if one not in lost]

    def _outdone(self, members: list[Candidate]) -> list[Candidate]:
        if any(one.sticky for one in members):
            return [one for one in members if not one.sticky]
        scored = [one for one in members if self._is_scored(one)]
        if not scored:
            return []
        best = max(map(self._score, members))
        return [one for one in scored if self._score(one) < best]

    def _is_scored(self, candidate: Candidate) -> bool:
        own = candidate.entry.use_group_scoring
        return self._use_scoring if own is None else own

    def _not_chosen(self, name: str, members: list[Candidate], won: set[str]) -> list[Candidate]:
        if any(one.sticky for one in members):
            return []
        if name in won:
            return members
        overriding = [one for one in members if one.entry.group_override]
        if len(members) > 1 and overriding:
            chosen = max(overriding, key=lambda one: (one.entry.order, -one.place))
        elif len(members) > 1:
            chosen = max(members, key=self._luck)
        else:
            return []
        return [one for one in members if one is not chosen]

    def _luck(self, candidate: Candidate) -> tuple[float, int]:
        """Return a number that is highest for each member as often as its weight says."""
        drawn = chance(self._seed, "group", *candidate.owner) or math.ulp(0.0)
        weight = candidate.entry.group_weight
        return (math.log(drawn) / weight if weight else -math.inf), -candidate.place
