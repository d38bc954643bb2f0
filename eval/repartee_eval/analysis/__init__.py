"""From verdict rows and labels to every number about them (docs/verdicts.md, docs/statistics.md)."""

from repartee_eval.analysis.analyse import analyse
from repartee_eval.analysis.breakdown import win_rates_by
from repartee_eval.analysis.options import AnalysisOptions
from repartee_eval.analysis.results import Analysis

__all__ = ["Analysis", "AnalysisOptions", "analyse", "win_rates_by"]
