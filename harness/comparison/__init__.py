"""Runs side by side: whether they may be compared, and what the comparison says."""

from harness.comparison.compare import BEST, compare
from harness.comparison.loading import load_runs
from harness.comparison.reference import load_reference
from harness.comparison.types import MEAN, Comparison, Difference, PairResult, Rate, ReferenceRow, RunResult, TaskRate

__all__ = [
    "BEST",
    "MEAN",
    "Comparison",
    "Difference",
    "PairResult",
    "Rate",
    "ReferenceRow",
    "RunResult",
    "TaskRate",
    "compare",
    "load_reference",
    "load_runs",
]
