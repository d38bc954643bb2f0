"""Replay of logged dialogues: places from which a reply is taken away, to be answered by another model."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from repartee.domain.dialogue import Message
from repartee_eval.cases import Case, Depth, Side
from repartee_eval.dialogues.case_ids import with_id
from repartee_eval.dialogues.dialogue import Dialogue, Turn
from repartee_eval.dialogues.fingerprints import hashed
from repartee_eval.dialogues.windows import UNKNOWN
from repartee_eval.errors import EvalError

DEPTHS: Final[tuple[Depth, ...]] = get_args(Depth)
_THIRDS: Final = 3


@dataclass(frozen=True, slots=True)
class ReplaySlot:
    """A place in a dialogue whose reply is to be written again. `index` is the reply's."""

    dialogue: Dialogue
    index: int
    depth: Depth

    @property
    def turn(self) -> Turn:
        """The reply that was logged."""
        return self.dialogue.messages[self.index]

    @property
    def history(self) -> tuple[Message, ...]:
        """The messages before it, the last of them the user's."""
        return self.dialogue.history(self.index)

    @property
    def logged(self) -> Side:
        """The logged reply as a side of a comparison."""
        return Side(
            model=self.turn.model or UNKNOWN,
            messages=(self.turn.message,),
            dialogue_id=self.dialogue.id,
            reply_ids=(self.turn.id,),
            emulated=self.dialogue.emulated,
            truncated=self.turn.finish_reason == "length",
            prompt_version=self.turn.prompt_version,
        )

    def case(self, candidate: Side, baseline: Side | None = None) -> Case:
        """Return the comparison: side A is the baseline, by default the logged reply; B is the candidate."""
        return with_id(
            Case(
                id="",
                kind="reply",
                cluster=self.dialogue.id,
                character_id=self.dialogue.character_id,
                character=self.dialogue.character,
                user=self.dialogue.user,
                scenario=self.dialogue.scenario,
                scenario_id=self.dialogue.scenario_id,
                depth=self.depth,
                shared=self.history,
                golden=self.dialogue.golden,
                a=baseline or self.logged,
                b=candidate,
            )
        )


def replay_cases(
    dialogues: Iterable[Dialogue], depths: Sequence[Depth] = DEPTHS, *, per_depth: int = 1, seed: int = 0
) -> tuple[ReplaySlot, ...]:
    """Return up to `per_depth` places per depth of each dialogue, in the dialogues' order.

    Never a greeting: a reply counts only where the message before it is the user's. The thirds of those
    replies are beginning, middle and end; one alone is a beginning. A reply that branches of a chat share is
    used once.
    Raises EvalError for no depths.
    """
    if not depths or per_depth < 1:
        raise EvalError("replay needs at least one depth and one place for each")
    seen: set[str] = set()
    found: list[ReplaySlot] = []
    for dialogue in dialogues:
        slots = [slot for slot in _slots(dialogue, depths, per_depth, seed) if slot.turn.id not in seen]
        seen |= {slot.turn.id for slot in slots if slot.turn.id.startswith("rpl_")}
        found += slots
    return tuple(found)


def replayable(dialogue: Dialogue) -> tuple[int, ...]:
    """Return the indices of the replies to a user's message."""
    turns = dialogue.messages
    return tuple(
        place
        for place in range(1, len(turns))
        if turns[place].role == "character" and turns[place - 1].role == "user"
    )


def _slots(dialogue: Dialogue, depths: Sequence[Depth], per_depth: int, seed: int) -> Iterator[ReplaySlot]:
    places = replayable(dialogue)
    by_depth: dict[Depth, list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        by_depth[_depth(number, len(places))].append(place)
    chosen = (
        (place, depth)
        for depth in dict.fromkeys(depths)
        for place in sorted(by_depth[depth], key=lambda at: hashed(seed, dialogue.id, str(at)))[:per_depth]
    )
    yield from (ReplaySlot(dialogue, place, depth) for place, depth in sorted(chosen))


def _depth(number: int, count: int) -> Depth:
    last = max(count - 1, 1)
    if _THIRDS * number < last:
        return "beginning"
    return "end" if _THIRDS * number > 2 * last else "middle"
