"""What lorebooks remember from turn to turn: given out with a result and taken back with the next request.

Nothing is kept in the service. Times are numbers of messages in the chat. An effect belongs to one edition of
an entry: after an edit the entry starts anew.
"""

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from repartee.domain.lorebook.book import LoreEntry, LoreName

MOST_EFFECTS: Final = 20_000

EffectKind = Literal["sticky", "cooldown", "matched"]
Owner = tuple[str, str]
"""The book's name and the entry's id."""


class TimedEffect(BaseModel):
    """One effect: it began when the chat had `start` messages and lasts until it has `end`; None: for good.

    `follows` marks a cooldown that came after a sticky time: it stays when the chat is wound back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: EffectKind
    book: LoreName
    entry: LoreName
    digest: Annotated[str, StringConstraints(max_length=64)]
    start: int = Field(ge=0)
    end: int | None = Field(default=None, ge=0)
    follows: bool = False


class LoreState(BaseModel):
    """All effects of a chat. It is small JSON: only entries with a timed effect are in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    effects: tuple[TimedEffect, ...] = Field(default=(), max_length=MOST_EFFECTS)


class Effects:
    """The effects that hold in this turn, and those to hand on."""

    def __init__(self, state: LoreState, entries: Iterable[tuple[Owner, LoreEntry]], now: int) -> None:
        """Take over what still holds when the chat has `now` messages."""
        self._now = now
        self._all: dict[tuple[EffectKind, Owner], TimedEffect] = {}
        remembered = {(effect.kind, (effect.book, effect.entry)): effect for effect in state.effects}
        if not remembered:
            return
        known = dict(entries)
        for key, effect in remembered.items():
            self._take(key, effect, known.get(key[1]))

    def holds(self, kind: EffectKind, owner: Owner) -> bool:
        """Say whether the entry is under this effect now."""
        return (kind, owner) in self._all

    def owners(self) -> frozenset[Owner]:
        """Return the entries that are under any effect now."""
        return frozenset(owner for _, owner in self._all)

    def begin(self, owner: Owner, entry: LoreEntry, *, matters_later: bool) -> None:
        """Note that the entry fired. Effects that run already go on as they are."""
        if entry.sticky:
            self._add("sticky", owner, entry, self._now + entry.sticky)
        if entry.cooldown:
            self._add("cooldown", owner, entry, self._now + entry.cooldown)
        if matters_later:
            self._add("matched", owner, entry, None)

    def state(self) -> LoreState:
        """Return what the next request has to bring along; the oldest effects go where there are too many."""
        newest = sorted(self._all.values(), key=lambda effect: -effect.start)[:MOST_EFFECTS]
        return LoreState(effects=tuple(sorted(newest, key=lambda one: (one.kind, one.book, one.entry))))

    def _take(self, key: tuple[EffectKind, Owner], effect: TimedEffect, entry: LoreEntry | None) -> None:
        if entry is not None and entry.digest != effect.digest:
            return
        if self._now <= effect.start and not effect.follows:
            return
        if effect.end is None or self._now < effect.end:
            self._all.setdefault(key, effect)
        elif effect.kind == "sticky" and entry is not None and entry.cooldown:
            self._cool_down(key[1], entry)

    def _cool_down(self, owner: Owner, entry: LoreEntry) -> None:
        self._all["cooldown", owner] = TimedEffect(
            kind="cooldown",
            book=owner[0],
            entry=owner[1],
            digest=entry.digest,
            start=self._now,
            end=self._now + entry.cooldown,
            follows=True,
        )

    def _add(self, kind: EffectKind, owner: Owner, entry: LoreEntry, end: int | None) -> None:
        if (kind, owner) not in self._all:
            self._all[kind, owner] = TimedEffect(
                kind=kind, book=owner[0], entry=owner[1], digest=entry.digest, start=self._now, end=end
            )
