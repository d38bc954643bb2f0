"""Which entries fire: the engine, after SillyTavern's algorithm for world info, with V3's decorators.

The same request gives the same result in every process; only the time limit of patterns has a clock.
"""

from collections.abc import Iterable
from typing import Final, Literal

from repartee.domain.lorebook.budget import Budget
from repartee.domain.lorebook.candidates import Candidate, group_names
from repartee.domain.lorebook.gates import Gates
from repartee.domain.lorebook.groups import Groups
from repartee.domain.lorebook.haystack import Haystack, View
from repartee.domain.lorebook.matching import Matcher
from repartee.domain.lorebook.request import LoreRequest
from repartee.domain.lorebook.result import LoreResult, PlacedText
from repartee.domain.lorebook.shelf import Kind, shelf_of
from repartee.domain.lorebook.state import Effects

MOST_SCANS: Final = 100

_Scan = Literal["first", "recursion", "deeper"]


def activate(request: LoreRequest) -> LoreResult:
    """Return the texts for this turn, what became of every entry, and the state for the next turn."""
    return _Evaluation(request).result()


class _Evaluation:
    """One request, from the first scan to the result."""

    def __init__(self, request: LoreRequest) -> None:
        self._request = request
        self._shelf = shelf_of(tuple(request.books), request.settings)
        owners = ((row.owner, row.entry) for row in self._shelf.rows)
        self._effects = Effects(request.state, owners, request.messages_so_far)
        self._gates = Gates(request, self._effects)
        self._awake: dict[int, Candidate] = {}
        self._open: list[Candidate] = []
        self._seen: dict[Kind, View] = {}
        self._wake(self._shelf.watched)
        for owner in self._effects.owners():
            self._wake(self._shelf.places.get(owner, ()))
        self._haystack = Haystack(request)
        self._matcher = Matcher(self._haystack, len(request.messages))
        self._budget = Budget(request)
        scoring = request.settings.use_group_scoring
        self._groups = Groups(request.seed, self._matcher.score, use_scoring=scoring)
        self._levels = sorted({n for one in self._open if (n := one.entry.delay_until_recursion)})
        self._delay_level = self._levels.pop(0) if self._levels else 0
        self._deeper = 0
        self._scan: _Scan = "first"
        self._scans = 0
        self._level = 0

    def result(self) -> LoreResult:
        limit = self._request.settings.max_recursion_steps or MOST_SCANS
        following: _Scan | None = "first"
        while following is not None and self._scans < limit:
            self._level += following == "recursion"
            self._scan = following
            self._scans += 1
            following = self._follow(self._scan_once())
        return self._gathered()

    def _wake(self, places: Iterable[int]) -> None:
        """Let the entries at these places be looked at from now on."""
        new = set(places) - self._awake.keys()
        for place in new:
            one = self._awake[place] = Candidate.of(self._shelf.rows[place], place)
            if self._gates.lets_through(one):
                self._open.append(one)
        if new:
            self._open.sort(key=lambda one: one.place)

    def _wake_touched(self) -> None:
        """Wake the entries of which a key may be in what they see now."""
        for kind, places in self._shelf.by_beginning.items():
            view = self._matcher.view(kind)
            if self._seen.get(kind) is view:
                continue
            self._seen[kind] = view
            seen = places.keys() if view.beginnings is None else places.keys() & view.beginnings
            self._wake(place for beginning in seen for place in places[beginning])

    def _scan_once(self) -> list[Candidate]:
        self._matcher.begin(self._deeper, recursive=self._scan != "deeper")
        self._wake_touched()
        matches = self._matcher.matches
        matched = [one for one in self._open if self._may_look(one) and matches(one)]
        matched = self._groups.winners(matched, group_names(self._budget.fired))
        admitted = self._budget.admit(matched, self._level)
        gone = self._budget.out
        self._open = [one for one in self._open if one not in self._budget.fired and one not in gone]
        return admitted

    def _follow(self, admitted: list[Candidate]) -> _Scan | None:
        """Decide about another scan: what was found may lead further, then min activations, then delays."""
        feeding = [one for one in admitted if one.kind.recursive and not one.entry.prevent_recursion]
        self._haystack.add(text for one in feeding for text in (one.text, *one.hidden_keys) if text)
        if not self._budget.is_full:
            if feeding or (self._scan == "deeper" and self._haystack.has_added()):
                return "recursion"
            if self._looks_deeper():
                return "deeper"
        if self._levels:
            self._delay_level = self._levels.pop(0)
            return "recursion"
        return None

    def _looks_deeper(self) -> bool:
        settings, messages = self._request.settings, len(self._request.messages)
        deepest = min(settings.min_activations_depth or messages, messages)
        if len(self._budget.fired) >= settings.min_activations:
            return False
        if settings.scan_depth + self._deeper >= deepest:
            return False
        self._deeper += 1
        return True

    def _may_look(self, one: Candidate) -> bool:
        entry = one.entry
        if one.sticky:
            return True
        if entry.delay_until_recursion and (
            self._scan != "recursion" or entry.delay_until_recursion > self._delay_level
        ):
            one.reason = "waits_for_recursion"
            return False
        if self._scan != "recursion":
            return True
        if not one.kind.recursive:
            return bool(entry.delay_until_recursion)
        if entry.exclude_recursion and entry.delay_until_recursion:
            one.reason = "excluded_from_recursion"
        return not entry.exclude_recursion

    def _gathered(self) -> LoreResult:
        fired = self._budget.fired
        for one in fired:
            said = one.ready.said
            matters = said.keep_activate_after_match or said.dont_activate_after_match
            self._effects.begin(one.owner, one.entry, matters_later=matters)
        prompts = {prompt for one in fired for prompt in one.ready.said.disable_ui_prompt}
        trace = list(self._shelf.untouched)
        for place, one in self._awake.items():
            trace[place] = one.trace(fired=one in fired)
        return LoreResult(
            texts=self._texts(),
            trace=tuple(trace),
            state=self._effects.state(),
            tokens=self._budget.tokens,
            budget=self._budget.limit,
            scans=self._scans,
            disabled_prompts=tuple(sorted(prompts)),
        )

    def _texts(self) -> tuple[PlacedText, ...]:
        with_text = [one for one in self._budget.fired if one.text.strip()]
        return tuple(map(self._placed, sorted(with_text, key=lambda one: (one.entry.order, one.place))))

    def _placed(self, one: Candidate) -> PlacedText:
        return PlacedText(
            position=one.ready.position,
            text=one.text,
            order=one.entry.order,
            book=one.owner[0],
            entry=one.owner[1],
            depth=one.ready.depth(self._request.messages_so_far),
            role=one.ready.role,
        )
