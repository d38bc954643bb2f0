"""What decides about an entry before any key is looked for: it stays the same during one evaluation."""

from repartee.domain.lorebook.candidates import Candidate
from repartee.domain.lorebook.request import LoreRequest
from repartee.domain.lorebook.result import Fired, Silent
from repartee.domain.lorebook.state import Effects


class Gates:
    """Timed effects and decorators of one request."""

    def __init__(self, request: LoreRequest, effects: Effects) -> None:
        self._effects = effects
        self._messages = request.messages_so_far
        self._replies = request.replies_so_far
        self._greeting = request.greeting
        self._user_icon = request.user_icon

    def lets_through(self, candidate: Candidate) -> bool:
        """Say whether the entry can fire at all, and note why not, or why it will without a key."""
        candidate.sticky = bool(candidate.entry.sticky) and self._effects.holds("sticky", candidate.owner)
        closed = self._closed(candidate)
        if closed is None:
            candidate.forced = self._forced(candidate)
            closed = None if candidate.forced else self._unfit(candidate)
        if closed is not None:
            candidate.reason = closed
        return closed is None

    def _closed(self, candidate: Candidate) -> Silent | None:
        entry, said = candidate.entry, candidate.ready.said
        if not entry.enabled:
            return "disabled"
        if said.is_greeting is not None and self._greeting not in {None, said.is_greeting}:
            return "other_greeting"
        if said.is_user_icon is not None and self._user_icon not in {None, said.is_user_icon}:
            return "other_user_icon"
        if self._messages < entry.delay:
            return "delay"
        if entry.cooldown and not candidate.sticky and self._effects.holds("cooldown", candidate.owner):
            return "cooldown"
        return None

    def _forced(self, candidate: Candidate) -> Fired | None:
        said = candidate.ready.said
        if said.activate:
            return "activate"
        if said.dont_activate or (said.dont_activate_after_match and self._matched(candidate)):
            return None
        if said.keep_activate_after_match and self._matched(candidate):
            return "keeps_after_match"
        if candidate.sticky:
            return "sticky"
        fits = candidate.ready.is_constant and self._unfit(candidate) is None
        return "constant" if fits else None

    def _unfit(self, candidate: Candidate) -> Silent | None:
        said = candidate.ready.said
        if said.dont_activate:
            return "dont_activate"
        if said.dont_activate_after_match and self._matched(candidate):
            return "matched_before"
        if said.activate_only_after is not None and self._replies < said.activate_only_after:
            return "too_early"
        if said.activate_only_every is not None and self._replies % said.activate_only_every:
            return "not_this_turn"
        return None if candidate.ready.keys or candidate.ready.is_constant else "no_keys"

    def _matched(self, candidate: Candidate) -> bool:
        return self._effects.holds("matched", candidate.owner)
