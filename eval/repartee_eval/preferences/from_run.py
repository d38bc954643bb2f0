"""Examples from a judged run: pairs where both sides answer one history, single replies from windows."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from repartee.domain.dialogue import Message
from repartee_eval.cases import Case, Side
from repartee_eval.derived import read_derived
from repartee_eval.dialogues.fingerprints import user_hash
from repartee_eval.errors import EvalError
from repartee_eval.preferences.agreement import Agreement, agreement
from repartee_eval.preferences.composer import Composer, Scene
from repartee_eval.preferences.example import Example, PromptTurn
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.logged_prompts import LoggedReply
from repartee_eval.preferences.reply_records import ReplyRecords
from repartee_eval.runs.folder import read_run
from repartee_eval.verdict_rows import VerdictRow

PAIRS: Final = "eval-run"
WINDOWS: Final = "eval-window"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which verdicts count; none named: all. `least` is the mean P(win) that a winner needs."""

    judges: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    least: float = 0.7
    records: ReplyRecords = field(default_factory=ReplyRecords)
    logged: Mapping[str, LoggedReply] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """What a run holds, as far as preferences need it. `flags`: raised, by case and side."""

    name: str
    cases: Mapping[str, Case]
    rows: Mapping[str, tuple[VerdictRow, ...]]
    flags: Mapping[tuple[str, str], tuple[str, ...]]


def read_judged(folder: Path, selection: Selection) -> JudgedRun:
    """Read a run. Raises EvalError, also where a named judge or criterion is not in it."""
    with read_run(folder) as (_, store):
        cases = {case_id: Case.model_validate_json(text) for case_id, text in store.cases()}
        rows = list(store.rows())
    _require(folder, "judge", selection.judges, {row.judge for row in rows})
    _require(folder, "criterion", selection.criteria, {row.criterion for row in rows})
    by_case: dict[str, list[VerdictRow]] = defaultdict(list)
    for row in rows:
        if _wanted(row.judge, selection.judges) and _wanted(row.criterion, selection.criteria):
            by_case[row.item].append(row)
    raised: dict[tuple[str, str], tuple[str, ...]] = {
        (one.case, one.side): tuple(reading.flag for reading in one.readings if reading.raised)
        for one in read_derived(folder).flagged
        if one.readings is not None
    }
    return JudgedRun(folder.resolve().name, cases, {case: tuple(by_case[case]) for case in cases}, raised)


async def examples_of(
    run: JudgedRun, selection: Selection, composer: Composer, funnel: Funnel
) -> list[Example]:
    """Return the examples of a run; cases without a winner, or without a prompt, are counted."""
    found = []
    for case in run.cases.values():
        source = PAIRS if case.kind == "reply" else WINDOWS
        if case.golden:
            funnel.count("golden_dialogue", source)
            continue
        won = agreement(run.rows[case.id], selection.least)
        if won.winner is None:
            funnel.count(won.reason, source)
            continue
        examples = [one async for one in _examples(run, case, won, selection, composer)]
        if not examples:
            funnel.count("no_prompt", source)
        found += examples
    funnel.add(found)
    return found


async def _examples(
    run: JudgedRun, case: Case, won: Agreement, selection: Selection, composer: Composer
) -> AsyncIterator[Example]:
    """Yield a pair, or for windows, whose histories differ, one good and one bad reply.

    Of a window it is the last judged reply: the one with the longest history.
    """
    winner, loser = (case.a, case.b) if won.winner == "a" else (case.b, case.a)
    base = _base(run, case, won)
    if case.kind == "reply":
        prompt = await _prompt(case, (winner, loser), case.shared, selection, composer)
        if prompt:
            pair = _good(base, winner, run, case, selection)
            yield pair.model_copy(
                update={
                    **prompt,
                    "rejected": loser.messages[-1].text,
                    "rejected_model": loser.model,
                    "rejected_prompt_version": loser.prompt_version or "",
                    "reply_ids": (*winner.reply_ids, *loser.reply_ids),
                    "emulated": winner.emulated or loser.emulated,
                }
            )
        return
    for side in (winner, loser):
        prompt = await _prompt(case, (side,), _before_last(side), selection, composer)
        if prompt:
            one = _good(base, side, run, case, selection)
            given = {**prompt, "source": WINDOWS}
            yield one.model_copy(update=given if side is winner else {**given, **_as_bad(one)})


def _base(run: JudgedRun, case: Case, won: Agreement) -> Example:
    return Example(
        prompt=(),
        margin=won.margin,
        source=PAIRS,
        character=case.character_id,
        user=user_hash(case.user.id),
        language=case.character.language or "",
        run=run.name,
        case=case.id,
        judges=won.judges,
        criteria=won.criteria,
        orders=won.orders,
    )


def _good(base: Example, side: Side, run: JudgedRun, case: Case, selection: Selection) -> Example:
    name: Literal["a", "b"] = "a" if side is case.a else "b"
    ids, text = side.reply_ids[-1:], side.messages[-1].text
    flags = {*run.flags.get((case.id, name), ()), *selection.records.flags_of(ids, text)}
    return base.model_copy(
        update={
            "chosen": text,
            "chosen_model": side.model,
            "chosen_prompt_version": side.prompt_version or "",
            "dialogue": side.dialogue_id or case.cluster,
            "reply_ids": ids,
            "score": selection.records.score_of(ids, text),
            "flags": tuple(sorted(flags)),
            "truncated": side.truncated,
            "emulated": side.emulated,
        }
    )


def _as_bad(example: Example) -> dict[str, object]:
    return {
        "chosen": None,
        "chosen_model": "",
        "chosen_prompt_version": "",
        "rejected": example.chosen,
        "rejected_model": example.chosen_model,
        "rejected_prompt_version": example.chosen_prompt_version,
    }


async def _prompt(
    case: Case,
    sides: Sequence[Side],
    before: tuple[Message, ...],
    selection: Selection,
    composer: Composer,
) -> dict[str, object] | None:
    """Return the prompt that was logged for one of the replies, else one composed of the history.

    None where another member of a cast spoke than the one whose card the case has: the candidate answered
    as somebody else, and a composed prompt would be the wrong character's.
    """
    others = any(_is_of_another(side, case) for side in sides)
    if others and len(sides) > 1:
        return None
    for reply_id in (side.reply_ids[-1] for side in sides if side.reply_ids):
        known = selection.logged.get(reply_id)
        if known is not None and known.prompt:
            return {"prompt": known.prompt, "prompt_from": "logged"}
    if not before or before[-1].role != "user" or others:
        return None
    prompt: tuple[PromptTurn, ...] | None = await composer.prompt(
        Scene(case.character, case.user, case.scenario, before)
    )
    return None if prompt is None else {"prompt": prompt, "prompt_from": "composed"}


def _is_of_another(side: Side, case: Case) -> bool:
    return side.messages[-1].speaker not in {None, "", case.character.name}


def _before_last(side: Side) -> tuple[Message, ...]:
    return side.messages[:-1]


def _wanted(name: str, names: Sequence[str]) -> bool:
    return not names or name in names


def _require(folder: Path, what: str, names: Iterable[str], there: set[str]) -> None:
    for name in names:
        if name not in there:
            known = ", ".join(sorted(there)) or "none"
            raise EvalError(f"{folder}: no verdict of {what} {name}; there are: {known}")
