"""Everything that a run's folder says, put together: what reports draw from and decisions are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from repartee_eval.analysis import Analysis, AnalysisOptions, analyse, win_rates_by
from repartee_eval.analysis.breakdown import Part
from repartee_eval.analysis.results import WinRate
from repartee_eval.cases import Case
from repartee_eval.comparison import anytime_analysis, settled
from repartee_eval.decision import Decision, Floor, decide
from repartee_eval.derived import Derived, read_derived
from repartee_eval.errors import EvalError
from repartee_eval.floor_checks import floors_of
from repartee_eval.policy import Policy
from repartee_eval.runs.folder import read_run
from repartee_eval.runs.manifest import Manifest
from repartee_eval.runs.records import Spending
from repartee_eval.verdict_rows import LabelRow, VerdictRow

PARTS: Final[tuple[Part, ...]] = ("character", "depth", "scenario")


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run as it stands. `rows` are of the judges that count; A is the old model, B the new one.

    `unjudged_cases` have no row of any kind: their calls were not made.
    """

    folder: Path
    manifest: Manifest
    policy: Policy
    cases: Mapping[str, Case]
    rows: tuple[VerdictRow, ...]
    derived: Derived
    analysis: Analysis
    parts: Mapping[Part, Mapping[str, tuple[WinRate, ...]]]
    floors: tuple[Floor, ...]
    decision: Decision
    spending: Spending
    unjudged_cases: int
    stopped_early: str

    @property
    def win_rates(self) -> tuple[WinRate, ...]:
        """The win rates between the two models that the decision is about."""
        pair = (self.decision.model_a, self.decision.model_b)
        return tuple(rate for rate in self.analysis.win_rates if (rate.model_a, rate.model_b) == pair)

    @property
    def judged_by_language_model(self) -> bool:
        """Whether every judge that counts is a language model; the offline baseline is none."""
        heard = {row.judge for row in self.rows}
        judges = [judge for judge in self.manifest.judges if judge.id in heard] or self.manifest.judges
        return all(judge.settings.get("is_language_model", True) for judge in judges)

    @property
    def emulated(self) -> bool:
        """Whether a model played the user in any judged dialogue."""
        return any(case.a.emulated or case.b.emulated for case in self.cases.values())


def read_result(
    folder: Path,
    *,
    policy: Policy | None = None,
    judges: tuple[str, ...] = (),
    labels: tuple[LabelRow, ...] = (),
) -> RunResult:
    """Read a run and decide. `policy` and `judges` default to those of the run. Raises EvalError."""
    with read_run(folder) as (manifest, store):
        if not manifest.config.get("criteria"):
            raise EvalError(f"{folder} holds a run of {manifest.command}, which compares no two models")
        wanted = policy or _policy_of(manifest, folder)
        cases = {case_id: _case(text, folder) for case_id, text in store.cases()}
        rows = tuple(row for row in store.rows() if not judges or row.judge in judges)
        spending = store.spending()
    if unknown := [name for name in judges if manifest.judge(name) is None]:
        known = ", ".join(judge.id for judge in manifest.judges)
        raise EvalError(f"{folder}: no judge {unknown[0]}; there are: {known}")
    derived = read_derived(folder)
    options = AnalysisOptions(margin=wanted.margin, level=wanted.level, seed=manifest.seed)
    analysis = analyse(rows, labels, options)
    stops_early = bool(manifest.config.get("stop_early"))
    if stops_early:
        analysis = anytime_analysis(analysis, rows, manifest.seed, wanted)
    reason = settled(rows, manifest.seed, wanted) if stops_early else ""
    flags = _flags_of(manifest)
    floors = floors_of(derived.flagged, flags, wanted.level)
    unjudged = len(cases.keys() - {row.item for row in rows})
    unasked = 2 * (len(cases) - unjudged) - len(derived.flagged) if flags else 0
    model_a, model_b = _models(manifest, cases)
    return RunResult(
        folder=folder,
        manifest=manifest,
        policy=wanted,
        cases=cases,
        rows=rows,
        derived=derived,
        analysis=analysis,
        parts={part: win_rates_by(part, rows, options) for part in PARTS},
        floors=floors,
        decision=decide(
            analysis,
            wanted,
            model_a,
            model_b,
            floors,
            finished=unasked <= 0 and (bool(reason) or not _left_out(rows, unjudged)),
            replies=derived.replies,
            unanswered=derived.unanswered,
            longer=_longer(rows),
            checked=len(_checked(derived)),
            unchecked=sum(not answered for answered in _checked(derived).values()),
        ),
        spending=spending,
        unjudged_cases=unjudged,
        stopped_early=reason,
    )


def _left_out(rows: tuple[VerdictRow, ...], unjudged: int) -> bool:
    return unjudged > 0 or any(row.failure == "budget_spent" for row in rows)


def _longer(rows: tuple[VerdictRow, ...]) -> float | None:
    """Return how much longer B's judged texts are than A's, as a share of A's; each case counts once."""
    lengths = {row.item: (row.len_a, row.len_b) for row in rows}
    known = [(a, b) for a, b in lengths.values() if a is not None and b is not None]
    total = sum(a for a, _ in known)
    return sum(b for _, b in known) / total - 1 if total else None


def _policy_of(manifest: Manifest, folder: Path) -> Policy:
    try:
        return Policy.model_validate(manifest.config["policy"])
    except (KeyError, ValidationError):
        raise EvalError(f"{folder}: the run has no policy of this version: give one with --policy") from None


def _case(text: str, folder: Path) -> Case:
    try:
        return Case.model_validate_json(text)
    except ValidationError:
        raise EvalError(f"{folder}: a case is not of this version: judge the dialogues anew") from None


def _flags_of(manifest: Manifest) -> tuple[str, ...]:
    """Return the ids of the flags that were asked about, whether or not any call was answered."""
    asked = manifest.config.get("floors")
    return tuple(map(str, asked)) if isinstance(asked, list) else ()


def _checked(derived: Derived) -> dict[tuple[str, str], bool]:
    """Return for every distinct text of a side whether the floor checks have an answer."""
    return {(one.side, one.subject): one.readings is not None for one in derived.flagged}


def _models(manifest: Manifest, cases: Mapping[str, Case]) -> tuple[str, str]:
    if len(manifest.models) == 2:
        return manifest.models[0], manifest.models[1]
    first = next(iter(cases.values()), None)
    return (first.a.model, first.b.model) if first else ("a", "b")
