"""What an analysis finds. Frozen, of plain values: `dataclasses.asdict` of any of them is valid JSON content.

None stands where something is not known; `notes`, `unknown` and `reason` say why. There is no NaN.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from repartee_eval.analysis.options import AnalysisOptions
from repartee_eval.statistics.estimate import Estimate

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class RowCounts:
    """The verdicts of one pair counted row by row, as most published tables count.

    `win_rate_b` is (wins_b + ties / 2) / verdicts.
    """

    verdicts: int
    wins_a: int
    wins_b: int
    ties: int
    win_rate_b: float | None


@dataclass(frozen=True, slots=True)
class LengthControl:
    """The win rate at equal length, and how much length moves the verdict; `reason` where it has no fit.

    `slope`: log odds of B per tanh((len_b - len_a) / sd), `p_value` two-sided for a slope of 0.
    """

    win_rate_b: Estimate
    slope: Estimate
    p_value: float | None
    mean_difference: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class WinRate:
    """How often B is better than A on one criterion; items that were judged in two orders count once.

    wins_a + wins_b + ties + flips = items. `flips`: both orders have a verdict and they are not the same.
    Ties and flips count one half. `failed` and `not_applicable` count rows, they are never part of the rate;
    `unjudged` counts items of which no row has a verdict. `interval` is two-sided at `level`;
    `lower` and `upper` are the one-sided bounds at the same level.
    """

    criterion: str
    model_a: str
    model_b: str
    wins_a: int
    wins_b: int
    ties: int
    flips: int
    failed: int
    not_applicable: int
    unjudged: int
    items: int
    win_rate_b: float | None
    se: float | None
    interval: Interval | None
    clusters: int
    method: str
    level: float
    lower: float | None
    upper: float | None
    p_value: float | None
    """Two-sided, of a win rate of 1/2."""
    p_holm: float | None
    """The same, adjusted by Holm over the criteria of this pair of models."""
    p_non_inferior: float | None
    """One-sided, of a win rate of 1/2 - margin or less."""
    margin: float
    superior: bool | None
    """The rate is above 1/2 and p_holm below 1 - level."""
    inferior: bool | None
    """The rate is below 1/2 and p_holm below 1 - level."""
    non_inferior: bool | None
    """The one-sided lower bound is above 1/2 - margin."""
    discrete_win_rate_b: float | None
    """From verdicts only, where `win_rate_b` is from probabilities; otherwise the same number."""
    probability_win_rate_b: Estimate | None
    """The mean probability of B over items, where probabilities are known."""
    rows: RowCounts
    length: LengthControl | None


@dataclass(frozen=True, slots=True)
class RankedModel:
    """A model's place. `raw` is the library's own number; `score` is scaled as docs/statistics.md says."""

    model: str
    score: float | None
    raw: float | None
    rank: int


@dataclass(frozen=True, slots=True)
class CriterionRankings:
    """Rankings by method from the verdicts on one criterion."""

    criterion: str
    rankings: Mapping[str, tuple[RankedModel, ...]]


@dataclass(frozen=True, slots=True)
class RankSet:
    """The places that a model can have: from `best` to `worst`, at the level for each model by itself.

    `log_score` is the logarithm of the Newman score (Bradley-Terry with ties), mean 0.
    """

    model: str
    log_score: float
    se: float
    interval: Interval
    best: int
    worst: int


@dataclass(frozen=True, slots=True)
class RankSets:
    """The places of all models, or why there are none."""

    models: tuple[RankSet, ...]
    n: int
    clusters: int
    method: str
    level: float
    seed: int
    resamples: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class ClassQuality:
    """How well one answer (`a`, `b` or `tie`) is found; `support` labels and `predicted` verdicts say it."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


@dataclass(frozen=True, slots=True)
class JudgeQuality:
    """Verdicts per item against the strict plurality of the labels. Precision, recall and F1 are macro.

    `decisive_accuracy` is over the items on which label and verdict both name a side.
    `vote_agreement` compares with every single label instead of the plurality.
    """

    n: int
    clusters: int
    accuracy: float | None
    interval: Interval | None
    se: float | None
    method: str
    precision: float | None
    recall: float | None
    f1: float | None
    kappa: float | None
    decisive_accuracy: float | None
    decisive_n: int
    decisive_interval: Interval | None
    first_share: float | None
    classes: tuple[ClassQuality, ...]
    confusion: Mapping[str, Mapping[str, int]]
    """Label, then verdict."""
    vote_agreement: float | None
    vote_n: int
    decisive_vote_agreement: float | None
    decisive_vote_n: int
    unlabelled: int
    """Items with a verdict and no label with a strict plurality."""
    unjudged: int
    """Items with a label and no verdict."""


@dataclass(frozen=True, slots=True)
class CriterionQuality:
    """The judge's quality on one criterion."""

    criterion: str
    quality: JudgeQuality


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What the order of showing does. Accuracies are against the labels, None without any."""

    n: int
    """Items with a verdict in both orders."""
    consistency: float | None
    """Share of them with the same verdict in both."""
    consistency_interval: Interval | None
    flip_rate: float | None
    """Share of them whose two verdicts differ: 1 - consistency."""
    reversal_rate: float | None
    """Share of them with opposite winners."""
    accuracy_first_a: float | None
    accuracy_first_b: float | None
    accuracy_both: float | None
    """Right in both orders."""
    accuracy_mean: float | None
    """Mean of the two orders (LLMBar)."""
    accuracy_counter: float | None
    """More right than wrong over the two orders, a tie being neither (JudgeBench)."""
    labelled: int
    """Items with a label and a verdict in both orders."""
    first_a_n: int
    first_b_n: int
    repeats: int
    """Groups of repeated calls: same item, order and judge."""
    repeat_consistency: float | None
    """Share of pairs of repeated calls with the same verdict."""


@dataclass(frozen=True, slots=True)
class SelfPreference:
    """How often a judge prefers models of its own family, over what the labels say of the same items."""

    family: str
    win_rate: Estimate
    excess: Estimate
    """The judge's win rate of its family minus the people's, where judge and most people name a side."""


@dataclass(frozen=True, slots=True)
class BiasReport:
    """What moves the verdict beside quality. `flags` are sentences, one per finding; empty where none."""

    first_share: float | None
    first: Estimate
    flip_rate: Estimate
    tie_rate: Estimate
    prefers_longer: Estimate
    length_slope: Estimate
    length_p_value: float | None
    self_preference: tuple[SelfPreference, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far judges, or people, agree. `alpha` is the judges' where there are several, else the people's."""

    alpha: float | None
    of: str | None
    raters: int
    units: int
    judges_alpha: float | None
    judges_fleiss_kappa: float | None
    judges_pair_agreement: float | None
    annotators_alpha: float | None
    annotators_fleiss_kappa: float | None
    annotators_pair_agreement: float | None
    annotators_pairs: int
    annotators_decisive_agreement: float | None
    annotators_decisive_pairs: int


@dataclass(frozen=True, slots=True)
class CorrectedWinRate:
    """The win rate that people would give, estimated from all verdicts and the labelled items."""

    criterion: str
    model_a: str
    model_b: str
    labelled: int
    raw: float | None
    labels_only: Estimate
    rogan_gladen: Estimate
    ppi: Estimate
    ppi_lambda: float | None


@dataclass(frozen=True, slots=True)
class JudgeAnalysis:
    """One of several judges by itself."""

    judge: str
    n: int
    failed: int
    win_rates: tuple[WinRate, ...]
    judge_quality: JudgeQuality
    order: OrderReport
    bias: BiasReport


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything found. With several judges the top level is about their jury, `judges` about each."""

    n: int
    """Rows."""
    failed: int
    """Rows without a verdict because the call failed."""
    not_applicable: int
    items: int
    clusters: int
    win_rates: tuple[WinRate, ...]
    rankings: Mapping[str, tuple[RankedModel, ...]]
    criterion_rankings: tuple[CriterionRankings, ...]
    rank_sets: RankSets
    judge_quality: JudgeQuality
    quality_by_criterion: tuple[CriterionQuality, ...]
    order: OrderReport
    bias: BiasReport
    agreement: Agreement
    corrected: tuple[CorrectedWinRate, ...]
    judges: tuple[JudgeAnalysis, ...]
    options: AnalysisOptions
    notes: tuple[str, ...]
