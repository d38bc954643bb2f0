"""What a report says in words: the decision, what to do next, how far to trust it, and what made the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from repartee_eval.analysis.results import WinRate
from repartee_eval.decision import Line, Outcome
from repartee_eval.run_result import RunResult

WORDS: Final[dict[Outcome, str]] = {
    "ship": "Ship",
    "hold": "Hold",
    "reject": "Reject",
    "inconclusive": "Inconclusive",
}
REHEARSAL: Final = (
    "The offline baseline judged. It is no language model, it counts words and phrases: decide nothing from "
    "this report. With REPARTEE_JUDGE__API_KEY set, a language model judges."
)
_MOST_TIMES: Final = 20
_HASH: Final = 12


@dataclass(frozen=True, slots=True)
class Headline:
    """The first thing to read. `cautions` are reasons to trust the decision less.

    `rehearsal` is empty where language models judged, else it says why this is no decision.
    """

    outcome: Outcome
    word: str
    reason: str
    next_step: str
    rehearsal: str
    cautions: tuple[str, ...]


def headline(result: RunResult) -> Headline:
    """Return the decision with what follows from it."""
    decision = result.decision
    return Headline(
        outcome=decision.outcome,
        word=WORDS[decision.outcome],
        reason=decision.reason,
        next_step=_next_step(result),
        rehearsal="" if result.judged_by_language_model else REHEARSAL,
        cautions=_cautions(result),
    )


def title(result: RunResult) -> str:
    """Return the name of the report."""
    return f"{result.manifest.command}: {result.decision.model_b} against {result.decision.model_a}"


def facts(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return what made the run, as names and values."""
    manifest, policy = result.manifest, result.policy
    config = [
        (name, _short(value)) for name, value in manifest.config.items() if name not in {"policy", "floors"}
    ]
    named = [
        ("command", f"repartee-eval {manifest.command}"),
        ("created", f"{manifest.created:%Y-%m-%d %H:%M} UTC"),
        ("A, the old model", result.decision.model_a),
        ("B, the new model", result.decision.model_b),
        *(("judge", _judge(section.id, section.model, section.endpoint)) for section in manifest.judges),
        *((f"data {name}", value[:_HASH]) for name, value in manifest.data.items()),
        *(
            (f"prompt {name} of {section.id}", value[:_HASH])
            for section in manifest.judges
            for name, value in section.prompts.items()
        ),
        *((f"prompt {name}", value[:_HASH]) for name, value in manifest.prompts.items()),
        *config,
        ("floor checks", _short(manifest.config.get("floors")) or "not asked for"),
        (
            "policy",
            f"margin {policy.margin:g}, level {policy.level:g}, criteria {', '.join(policy.criteria)}",
        ),
        ("seed", str(manifest.seed)),
        ("code", manifest.git_revision or "unknown"),
        ("versions", ", ".join(f"{name} {number}" for name, number in manifest.versions.items())),
        ("cases", f"{len(result.cases)}, of which {result.unjudged_cases} not judged"),
    ]
    return tuple(named)


def _judge(name: str, model: str, endpoint: str) -> str:
    of = f" ({model})" if model != name else ""
    return f"{name}{of}{f' at {endpoint}' if endpoint else ''}"


def _short(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "–" if value is None else str(value)


# --- how far to trust it ------------------------------------------------------------------------------


def _cautions(result: RunResult) -> tuple[str, ...]:
    found = []
    if result.emulated:
        found.append("Emulated: a model played the user in dialogues that were judged.")
    if result.policy.floors and not result.floors:
        found.append("Floors were not checked in this run.")
    if result.stopped_early:
        found.append(f"Stopped early, with intervals that allow for it: {result.stopped_early}.")
    found += [f"Judge: {flag}." for flag in result.analysis.bias.flags]
    return tuple(found)


# --- what to do next ----------------------------------------------------------------------------------


def _next_step(result: RunResult) -> str:
    lines = result.decision.lines
    match result.decision.outcome:
        case "ship":
            return "Put B in the place of A, and compare next week's dialogues with this week's."
        case "reject":
            return "Keep A. Read the flagged replies of B below, change B, and run again."
        case "hold" if _named(lines, "not worse", False):
            return "Keep A. Read the cases that B lost, change B, and run again."
        case "hold":
            return "Keep A, unless B is cheaper or faster: no criterion speaks against B."
        case _:
            return _more_data(result)


def _more_data(result: RunResult) -> str:
    lines, policy = result.decision.lines, result.policy
    if _named(lines, "calls answered", False):
        return "Keep A. See below why calls failed, and repeat the command: answers that are there are kept."
    if _named(lines, "enough data", False):
        return (
            f"Keep A. Add dialogues: each criterion needs {policy.minimum_items} items of "
            f"{policy.minimum_clusters} dialogues."
        )
    if _named(lines, "run finished", False):
        return "Keep A. Repeat the command to go on: answers that are there are kept."
    unproven = _named(lines, "not inferior", False) | _named(lines, "not inferior", None)
    unchecked = [line.subject for line in lines if line.rule == "floor" and line.passed is None]
    if unchecked and not unproven:
        return f"Keep A. Ask for the floor checks {', '.join(unchecked)} too, or take them out of the policy."
    return _settled_by([rate for rate in result.win_rates if rate.criterion in unproven])


def _settled_by(rates: Sequence[WinRate]) -> str:
    """Return how much more data would decide about criteria that are neither worse nor as good."""
    times = [_times(rate) for rate in rates]
    if not times or None in times:
        return "Keep A. More dialogues may tell; read the cases that B lost first."
    most = max(one for one in times if one is not None)
    if most > _MOST_TIMES:
        return "Keep A. B is close to the margin: more dialogues will hardly settle it."
    return f"Keep A. If the rates stay as they are, about {most:.1f} times as many dialogues would settle it."


def _times(rate: WinRate) -> float | None:
    """Return how much more data brings the lower bound over the margin; None where no amount does.

    The distance of a bound from the rate falls with the square root of the number of dialogues.
    """
    if rate.win_rate_b is None or rate.lower is None:
        return None
    room = rate.win_rate_b - (0.5 - rate.margin)
    return None if room <= 0 else max(1.1, ((rate.win_rate_b - rate.lower) / room) ** 2)


def _named(lines: tuple[Line, ...], rule: str, passed: bool | None) -> set[str]:
    return {line.subject for line in lines if line.rule == rule and line.passed is passed}
