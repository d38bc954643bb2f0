"""Run folders with known verdicts: what reports and decisions are tested on."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.scenario import Scenario
from repartee_eval.cases import Case, Side
from repartee_eval.derived import Derived, write_derived
from repartee_eval.floor_checks import Flagged
from repartee_eval.judges.probes import ProbeAccuracy
from repartee_eval.judges.reading import FlagReading, Level
from repartee_eval.policy import load_policy
from repartee_eval.runs.folder import open_run
from repartee_eval.runs.manifest import JudgeSection, Manifest
from repartee_eval.verdict_rows import Failure, Verdict, VerdictRow

CRITERIA = ("in_character", "scenario_focus", "engagement")
CHARACTERS = ("vera", "marlow", "juno", "edile")
DEPTHS: tuple[Literal["beginning", "middle", "end"], ...] = ("beginning", "middle", "end")
JUDGE = "judge-1"


def made_case(number: int, a: str = "Old reply.", b: str = "New reply.", **fields: Any) -> Case:
    name = CHARACTERS[number % len(CHARACTERS)]
    given: dict[str, Any] = {
        "id": f"{number:064x}",
        "kind": "reply",
        "cluster": f"dialogue-{number}",
        "character_id": name,
        "character": Character(name=name.title(), description=f"{name} of the harbour."),
        "scenario": Scenario(setting="A ferry at night."),
        "scenario_id": f"ferry-{number % 3}",
        "depth": DEPTHS[number % 3],
        "shared": (Message(role="user", text=f"Question {number}?"),),
        "a": _side("old-model", a, f"a-{number}"),
        "b": _side("new-model", b, f"b-{number}"),
    }
    return Case(**{**given, **fields})


def _side(model: str, text: str, dialogue: str) -> Side:
    return Side(model=model, messages=(Message(role="character", text=text),), dialogue_id=dialogue)


def row(case: Case, verdict: Verdict, first: Literal["a", "b"] = "a", **fields: Any) -> VerdictRow:
    given: dict[str, Any] = {
        "item": case.id,
        "cluster": case.cluster,
        "criterion": CRITERIA[0],
        "model_a": case.a.model,
        "model_b": case.b.model,
        "judge": JUDGE,
        "len_a": case.a.length,
        "len_b": case.b.length,
        "character": case.character_id,
        "scenario": case.scenario_id or "",
        "depth": case.depth or "",
        "latency": 0.5,
        "cost": 0.001,
        "reason": "It fits.",
    }
    return VerdictRow(**{**given, "first": first, "verdict": verdict, **fields})


def both_orders(
    case: Case, criterion: str, first: Verdict, second: Verdict, **fields: Any
) -> list[VerdictRow]:
    """Return two rows: what the judge said with A shown first, and with B shown first."""
    return [
        row(case, first, "a", criterion=criterion, **fields),
        row(case, second, "b", criterion=criterion, **fields),
    ]


def failed(case: Case, criterion: str, reason: Failure = "timeout") -> list[VerdictRow]:
    lost: dict[str, Any] = {"failure": reason, "latency": None, "cost": None, "reason": ""}
    return both_orders(case, criterion, "failed", "failed", **lost)


def drawn(
    cases: Sequence[Case], rate: float, seed: int = 1, criteria: Iterable[str] = CRITERIA
) -> list[VerdictRow]:
    """Return verdicts of which B wins the share `rate`, A nearly all others; some are ties, some flip."""
    found, rng = [], random.Random(seed)
    for case in cases:
        for criterion in criteria:
            winner: Verdict = "b" if rng.random() < rate else "a"
            chance = rng.random()
            if chance < 0.1:
                found += both_orders(case, criterion, "tie", "tie")
            elif chance < 0.2:
                found += both_orders(case, criterion, "a", "b")
            else:
                found += both_orders(case, criterion, winner, winner)
    return found


def flags_of(
    cases: Iterable[Case], flags: Sequence[str], hits: dict[str, tuple[str, Level]] | None = None
) -> tuple[Flagged, ...]:
    """Return the floor checks' answers; `hits` maps a case id to the flag that its side B raised."""
    found = []
    for case in cases:
        for side in ("a", "b"):
            flag, level = (hits or {}).get(case.id, ("", "none")) if side == "b" else ("", "none")
            readings = tuple(
                FlagReading(name, level if name == flag else "none", "It says so." if name == flag else "")
                for name in flags
            )
            found.append(Flagged(case.id, side, f"{case.id}-{side}", readings))
    return tuple(found)


def make_run(
    folder: Path,
    cases: Sequence[Case],
    rows: Sequence[VerdictRow],
    flagged: tuple[Flagged, ...] | None = None,
    *,
    language_model: bool = True,
    probes: tuple[ProbeAccuracy, ...] = (),
    replies: tuple[int, int] = (0, 0),
    manifest: dict[str, Any] | None = None,
    judge_settings: dict[str, Any] | None = None,
    **config: Any,
) -> Path:
    """Write a run's folder; without `flagged` the policy's floors were checked and nothing was found."""
    policy = load_policy()
    flags = list(dict.fromkeys(floor.check for floor in policy.floors))
    judges = tuple(
        JudgeSection(
            id=name,
            model=name,
            prompts={"pairwise": "ab" * 32},
            settings={"is_language_model": language_model, **(judge_settings or {})},
        )
        for name in dict.fromkeys([one.judge for one in rows] or [JUDGE])
    )
    given: dict[str, Any] = {
        "command": "rollout",
        "models": ("old-model", "new-model"),
        "judges": judges,
        "data": {"dialogues": "cd" * 32},
        **(manifest or {}),
    }
    made = Manifest(
        **given,
        config={
            "policy": policy.model_dump(mode="json"),
            "floors": flags,
            "stop_early": False,
            "criteria": list(CRITERIA),
            **config,
        },
    )
    with open_run(folder, made) as run:
        asyncio.run(_fill(run.store, cases, rows))
    found = flags_of(cases, flags) if flagged is None else flagged
    write_derived(folder, Derived(found, probes, *replies))
    return folder


async def _fill(store: Any, cases: Sequence[Case], rows: Sequence[VerdictRow]) -> None:
    await store.put_cases((case.id, case.model_dump_json()) for case in cases)
    for judge in dict.fromkeys(one.judge for one in rows):
        await store.replace_rows(judge, [one for one in rows if one.judge == judge])
