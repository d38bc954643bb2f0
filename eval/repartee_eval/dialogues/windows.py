"""Windows of two sets of dialogues, paired for comparison.

Dialogue is paired with dialogue, one to one, and then window with window by position. So two cases depend on
each other only if they come from the same pair, and the pair is the cluster of its cases. (Pairing windows
freely would tie dialogues of A to several of B: one connected mass, and no intervals that hold.)
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from repartee.domain.user import User
from repartee_eval.cases import Case, Depth, Side
from repartee_eval.dialogues.case_ids import with_id
from repartee_eval.dialogues.dialogue import Dialogue, Turn
from repartee_eval.dialogues.fingerprints import hashed
from repartee_eval.errors import EvalError

Scene = tuple[str, str]
"""Character and scenario: what two dialogues must have in common to be compared."""

UNKNOWN = "unknown"
MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class PairedWindows:
    """The cases, and what found no partner. Scenes are `character` or `character / scenario`."""

    cases: tuple[Case, ...]
    paired_dialogues: int
    unpaired_dialogues_a: int
    unpaired_dialogues_b: int
    unpaired_windows_a: int
    unpaired_windows_b: int
    scenes_of_a_only: tuple[str, ...]
    scenes_of_b_only: tuple[str, ...]
    changed_cards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Messages of a dialogue; those from `focus` on are judged."""

    turns: tuple[Turn, ...]
    focus: int

    @property
    def judged(self) -> tuple[Turn, ...]:
        """The character's messages that are judged."""
        return tuple(turn for turn in self.turns[self.focus :] if turn.role == "character")


_Cut = tuple[Dialogue, tuple[Window, ...]]


def window_cases(
    a: Iterable[Dialogue], b: Iterable[Dialogue], size: int = 20, focus: int = 5, seed: int = 0
) -> PairedWindows:
    """Return the windows of A against those of B, each used at most once; the seed decides who meets whom.

    Raises EvalError for a size or focus that no window can have.
    """
    if size < 2 or focus < 1:  # a turn is two messages
        raise EvalError("a window needs at least 2 messages and 1 turn in focus")
    sets = _by_scene(a, size, focus), _by_scene(b, size, focus)
    scenes = sorted(sets[0].keys() & sets[1].keys())
    pairs = [pair for scene in scenes for pair in _pairs(sets[0][scene], sets[1][scene], seed)]
    cases = tuple(case for left, right in pairs for case in _cases(left, right))
    dialogues = [sum(map(len, cut.values())) for cut in sets]
    windows = [sum(len(each[1]) for cuts in cut.values() for each in cuts) for cut in sets]
    return PairedWindows(
        cases=cases,
        paired_dialogues=len(pairs),
        unpaired_dialogues_a=dialogues[0] - len(pairs),
        unpaired_dialogues_b=dialogues[1] - len(pairs),
        unpaired_windows_a=windows[0] - len(cases),
        unpaired_windows_b=windows[1] - len(cases),
        scenes_of_a_only=_names(sets[0].keys() - sets[1].keys()),
        scenes_of_b_only=_names(sets[1].keys() - sets[0].keys()),
        changed_cards=tuple(
            sorted({left[0].character_id for left, right in pairs if left[0].character != right[0].character})
        ),
    )


def windows_of(dialogue: Dialogue, size: int = 20, focus: int = 5) -> tuple[Window, ...]:
    """Cut a dialogue into windows of at most `size` messages that end with the character's message.

    The last `focus` turns of each are judged; a turn is what the user says and what is answered. What is left
    at the end counts as a window if it has `focus` turns, or if it is all there is.
    """
    found: list[Window] = []
    rest = dialogue.messages
    while rest:
        turns = _until_last_reply(rest[:size])
        starts = _turn_starts(turns)
        whole = len(rest) >= size or len(starts) >= focus
        if starts and (whole or not found):
            found.append(Window(turns, starts[-focus:][0]))
        rest = rest[len(turns) or size :] if len(rest) > size else ()
    return tuple(found)


def model_of(turns: Iterable[Turn]) -> str:
    """Return the one model that wrote the replies; `mixed` for several, `unknown` where nothing says it."""
    models = {turn.model or UNKNOWN for turn in turns}
    return models.pop() if len(models) == 1 else MIXED if models else UNKNOWN


def _until_last_reply(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    last = max((place for place, turn in enumerate(turns) if turn.role == "character"), default=-1)
    return tuple(turns[: last + 1])


def _turn_starts(turns: Sequence[Turn]) -> list[int]:
    """Return where a user begins to speak who is answered within the turns."""
    return [
        place
        for place, turn in enumerate(turns)
        if turn.role == "user" and (place == 0 or turns[place - 1].role == "character")
    ]


def _by_scene(dialogues: Iterable[Dialogue], size: int, focus: int) -> dict[Scene, list[_Cut]]:
    """Cut and sort by scene. Branches of one chat share replies: a window judged already is left out."""
    found: dict[Scene, list[_Cut]] = defaultdict(list)
    seen: set[str] = set()
    for dialogue in dialogues:
        cut = tuple(
            window
            for window in windows_of(dialogue, size, focus)
            if not {turn.id for turn in window.judged} <= seen
        )
        seen |= {turn.id for window in cut for turn in window.judged if _is_global(turn, dialogue)}
        if cut:
            found[_scene(dialogue)].append((dialogue, cut))
    return found


def _is_global(turn: Turn, dialogue: Dialogue) -> bool:
    """Whether an id is the reply's own, not its place in a dialogue that hand-written files may repeat."""
    return turn.id.startswith("rpl_") and turn.id != dialogue.id


def _scene(dialogue: Dialogue) -> Scene:
    if dialogue.scenario_id:
        return dialogue.character_id, dialogue.scenario_id
    scenario = dialogue.scenario.model_dump_json(exclude_defaults=True) if dialogue.scenario else ""
    return dialogue.character_id, f"#{hashed(0, scenario):016x}" if scenario not in {"", "{}"} else ""


def _pairs(a: Sequence[_Cut], b: Sequence[_Cut], seed: int) -> Iterator[tuple[_Cut, _Cut]]:
    """Draw as many of the larger set as the smaller has, then pair them by length.

    Drawing first keeps the larger set's long dialogues from being chosen more often.
    """
    count = min(len(a), len(b))
    drawn = (sorted(cuts, key=lambda cut: _draw(cut, seed))[:count] for cuts in (a, b))
    ranked = (sorted(cuts, key=lambda cut: (-len(cut[1]), _draw(cut, seed))) for cuts in drawn)
    yield from zip(*ranked, strict=True)


def _draw(cut: _Cut, seed: int) -> tuple[int, str]:
    return hashed(seed, "draw", cut[0].id), cut[0].id


def _cases(a: _Cut, b: _Cut) -> Iterator[Case]:
    (left, left_windows), (right, right_windows) = a, b
    count = min(len(left_windows), len(right_windows))
    for place, windows in enumerate(zip(left_windows, right_windows, strict=False)):
        yield with_id(
            Case(
                id="",
                kind="window",
                cluster=f"{left.id}|{right.id}",
                character_id=left.character_id,
                character=left.character,
                user=left.user if left.user == right.user else User(),
                scenario=left.scenario,
                scenario_id=left.scenario_id,
                depth=_depth(place, count),
                golden=left.golden or right.golden,
                a=_side(left, windows[0]),
                b=_side(right, windows[1]),
            )
        )


def _depth(place: int, count: int) -> Depth:
    return "beginning" if place == 0 else "end" if place == count - 1 else "middle"


def _side(dialogue: Dialogue, window: Window) -> Side:
    versions = {turn.prompt_version for turn in window.judged}
    return Side(
        model=model_of(window.judged),
        messages=tuple(turn.message for turn in window.turns),
        focus=window.focus,
        dialogue_id=dialogue.id,
        reply_ids=tuple(turn.id for turn in window.judged),
        emulated=dialogue.emulated,
        truncated=any(turn.finish_reason == "length" for turn in window.judged),
        prompt_version=versions.pop() if len(versions) == 1 else None,
    )


def _names(scenes: Iterable[Scene]) -> tuple[str, ...]:
    return tuple(" / ".join(filter(None, scene)) for scene in sorted(scenes))
