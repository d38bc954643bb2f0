"""The guard: a whole reply at once, or piece by piece while it comes."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from repartee.domain.guard.balance import Balance
from repartee.domain.guard.characters import LETTERS
from repartee.domain.guard.limits import Limits
from repartee.domain.guard.lines import Lines
from repartee.domain.guard.literals import Literals
from repartee.domain.guard.loops import Loops
from repartee.domain.guard.options import GuardOptions
from repartee.domain.guard.refusal import is_in_role, leaves_role, refuses
from repartee.domain.guard.report import FinishReason, GuardContext, Guarded, GuardReport, Ledger
from repartee.domain.guard.spaces import Spaces
from repartee.domain.guard.stage import Link, Outlet, Receiver, Stage
from repartee.domain.guard.thoughts import Thoughts
from repartee.domain.guard.trimming import Trimming
from repartee.domain.guard.untouched import is_untouched

Builder = Callable[[Receiver, Ledger, GuardOptions], Stage]

_WORDS_AND_SIGNS: Final = re.compile(rf" ?[{LETTERS}]+(?:(?:[,;:]? |['’-])[{LETTERS}]+)*|.", re.DOTALL)
"""Words in a row, as stages take them at once, or one character."""
_PLAIN: Final = re.compile(rf"[{LETTERS} ,;:'’()-]+([.!?…])?")
"""What begins nothing that a rule looks for inside a line; the end of a sentence may stand at its end."""
_MAY_WAIT: Final = re.compile(rf"[{LETTERS} ,;:'’().!?…-]")
_MOST_UNREAD: Final = 128
"""Characters: so much later than it could be known may a loop of words end the reply."""
_FINE: Final = GuardReport()
_NOTHING_SAID: Final = frozenset('*_~"“”„«»「」『』`')


class StreamGuard:
    """Guards a reply while it comes: all that `feed` returned and the text of `close` are the guarded text.

    How the reply was cut into pieces changes neither text nor report. Once `done` is true a rule has ended
    it: nothing more is read, and the caller can close its upstream. Time is linear in the text.
    """

    def __init__(self, context: GuardContext, options: GuardOptions | None = None) -> None:
        self._options = options or GuardOptions()
        self._ledger = Ledger()
        self._outlet = Outlet()
        stages = _stages(self._outlet, self._ledger, self._options)
        self._lines = Lines(stages[0] if stages else self._outlet, self._ledger, context, self._options)
        self._links: tuple[Link, ...] = (self._lines, *stages)
        self._thoughts = Thoughts(self._lines, self._ledger) if self._options.thoughts else None
        self._is_reply = self._thoughts is None
        self._keeper = next((stage for stage in stages if isinstance(stage, Trimming)), None)
        self._before_keeper = self._links[: self._links.index(self._keeper)] if self._keeper else ()
        self._may_wait = not any(map(_MAY_WAIT.match, self._options.stop))
        self._waits = False
        self._unread = ""

    @property
    def done(self) -> bool:
        """Whether a rule has ended the reply."""
        return self._ledger.cut_by is not None

    def feed(self, piece: str) -> str:
        """Take the next piece and return the text that can be shown now; it may be empty."""
        if self._waits:
            self._unread += piece
            if len(self._unread) < _MOST_UNREAD and (plain := _PLAIN.fullmatch(piece)):
                self._waits = plain.lastindex is None
                return ""
            piece, self._unread = self._unread, ""
        elif self._unread:
            piece, self._unread = self._unread + piece, ""
        self._read(piece)
        self._waits = self._can_wait()
        return self._outlet.take()

    def _can_wait(self) -> bool:
        """Say whether plain text, however much, would bring nothing out: then it is read later."""
        return (
            self._keeper is not None
            and self._keeper.keeps_words
            and self._may_wait
            and self._ledger.cut_by is None
            and all(link.is_clear for link in self._before_keeper)
        )

    def _read(self, text: str) -> None:
        ledger, lines = self._ledger, self._lines
        for part in _WORDS_AND_SIGNS.findall(text):
            if ledger.cut_by is not None:
                break
            if not self._is_reply and (part := self._behind_thoughts(part)) == "":
                continue
            if len(part) == 1:
                lines.read(part)
            else:
                lines.read_words(part)

    def _behind_thoughts(self, part: str) -> str:
        """Read what may be a thought; return what is left once all that comes is surely the reply."""
        thoughts = self._thoughts
        for place, char in enumerate(part):
            if self._ledger.cut_by is not None:
                break
            if thoughts is None or thoughts.over:
                self._is_reply = True
                return part[place:]
            thoughts.read(char)
        return ""

    def close(self, finish_reason: FinishReason) -> Guarded:
        """End the reply and return what was kept back, with the report on all of it. Call it once.

        A reply that a rule has cut counts as finished, whatever the model says.
        """
        self._read(self._unread)
        if self._thoughts:
            self._thoughts.close()
        self._ledger.cut_off = finish_reason == "length" and not self.done
        for place, link in enumerate(self._links):
            if not any(later.done for later in self._links[place:]):
                link.close()
        return Guarded(self._outlet.take(), self._report())

    def _report(self) -> GuardReport:
        prose = self._outlet.prose
        cut_by = self._ledger.cut_by
        told = _told(prose, self._options)
        return GuardReport(
            interventions=self._ledger.interventions(),
            cut_by=cut_by,
            cut_at=None if cut_by is None else self._outlet.length,
            refusal=told.refusal,
            out_of_role=told.out_of_role,
            empty=self._outlet.length == len(prose)
            and all(char.isspace() or char in _NOTHING_SAID for char in prose),
        )


def guard(
    text: str,
    finish_reason: FinishReason,
    context: GuardContext,
    options: GuardOptions | None = None,
) -> Guarded:
    """Return the guarded text of a whole reply, with the report. Raises nothing, whatever the text."""
    chosen = options or GuardOptions()
    if is_untouched(text, finish_reason, context, chosen):
        return Guarded(text, _told(text, chosen))
    stream = StreamGuard(context, chosen)
    shown = stream.feed(text)
    last = stream.close(finish_reason)
    return Guarded(shown + last.text, last.report)


def _told(prose: str, options: GuardOptions) -> GuardReport:
    """Return what the words themselves tell."""
    if not options.detect_refusal or is_in_role(prose):
        return _FINE
    return GuardReport(refusal=refuses(prose), out_of_role=leaves_role(prose))


def _stages(outlet: Outlet, ledger: Ledger, options: GuardOptions) -> list[Stage]:
    """Return what comes behind the lines, linked, first one first.

    Marks are paired twice: before sentences are told, and where a shorter text has left one open.
    """
    stages: list[Stage] = []
    for build in _builders(options):
        stages.insert(0, build(stages[0] if stages else outlet, ledger, options))
    return stages


def _builders(options: GuardOptions) -> list[Builder]:
    """Return the makers of the stages that are switched on, last stage first."""
    trims = options.trim_sentence != "never"
    limits = (options.max_words, options.max_characters, options.max_sentences) != (None, None, None)
    switched: list[tuple[bool, Builder]] = [
        (options.balance, partial(Balance, closes_end=True)),
        (trims, Trimming),
        (limits, Limits),
        (options.balance and (trims or limits), partial(Balance, closes_end=False)),
        (options.loop_repeats is not None, Loops),
        (options.spaces or options.max_blank_lines is not None, Spaces),
        (options.special_tokens or bool(options.stop), Literals),
    ]
    return [build for on, build in switched if on]
