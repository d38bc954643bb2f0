"""Whether an entry's keys match in one scan: primary and secondary ones, and those of its decorators."""

from repartee.domain.lorebook.candidates import Candidate
from repartee.domain.lorebook.haystack import Haystack, Look, View
from repartee.domain.lorebook.shelf import Kind


class Matcher:
    """The keys of entries against the chat, scan after scan."""

    def __init__(self, haystack: Haystack, messages: int) -> None:
        self._haystack = haystack
        self._messages = max(messages, 1)
        self._deeper = 0
        self._recursive = True
        self._views: dict[Kind, View] = {}

    def begin(self, deeper: int, *, recursive: bool) -> None:
        """Begin a scan that looks `deeper` messages further back, at what entries have added or not."""
        self._deeper = deeper
        self._recursive = recursive
        self._views = {}

    def matches(self, one: Candidate) -> bool:
        """Say whether the entry fires now; note the key that matched, or why none did."""
        ready = one.ready
        if one.forced and (one.forced != "constant" or not ready.has_decorator_keys):
            return True
        view = self.view(one.kind)
        if not one.forced:
            one.key = self._haystack.first(ready.keys, view)
            if one.key is None:
                one.reason = self._haystack.trouble or "no_match"
                return False
            if ready.secondary and not self._secondary_agree(one, view):
                one.reason = "secondary_keys"
                return False
        return not ready.has_decorator_keys or self._decorators_agree(one, view)

    def score(self, one: Candidate) -> int:
        """Count an entry's matching keys, as the choice within a group wants it."""
        view, logic = self.view(one.kind), one.entry.logic
        primary = self._haystack.number(one.ready.keys, view)
        if not primary or logic in {"not_any", "not_all"}:
            return primary
        secondary = self._haystack.number(one.ready.secondary, view)
        return primary + secondary if logic == "and_any" or secondary == len(one.ready.secondary) else primary

    def view(self, kind: Kind) -> View:
        """Return what entries of a kind see in this scan."""
        view = self._views.get(kind)
        if view is None:
            depth = kind.scan_depth + self._deeper if kind.deepens else kind.scan_depth
            recursive = kind.recursive and self._recursive
            look = Look(min(depth, self._messages), recursive, kind.case_sensitive, kind.whole_words)
            view = self._views[kind] = self._haystack.view(look)
        return view

    def _secondary_agree(self, one: Candidate, view: View) -> bool:
        keys = one.ready.secondary
        match one.entry.logic:
            case "and_any":
                return self._haystack.first(keys, view) is not None
            case "not_any":
                return self._haystack.first(keys, view) is None
            case "and_all":
                return self._haystack.number(keys, view) == len(keys)
            case "not_all":
                return self._haystack.number(keys, view) < len(keys)

    def _decorators_agree(self, one: Candidate, view: View) -> bool:
        if any(self._haystack.first(keys, view) is None for keys in one.ready.additional):
            one.reason = "additional_keys"
            return False
        if one.ready.excluded and self._haystack.first(one.ready.excluded, view) is not None:
            one.reason = "exclude_keys"
            return False
        return True
