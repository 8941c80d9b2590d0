"""Run B against run A: in pairs on the episodes that they share, or as two samples where they share none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.comparison.types import ALPHA, CONFIDENCE, MEAN, POWER, PairResult, Test
from harness.statistics.paired import PairedComparison, compare_paired
from harness.statistics.planning import PairedDesign, UnpairedDesign
from harness.statistics.unpaired import Counts, UnpairedComparison, compare_unpaired, compare_unpaired_suites


@dataclass(frozen=True, eq=False)
class _Matched:
    """The episodes of one suite of two runs, matched.

    Attributes:
        suite: Its name.
        pairs: A row a shared episode that counts in both: ``task_id``, ``success_a``, ``success_b``.
        a: Successes and episodes of A over the tasks that both have, shared or not.
        b: The same of B.
        errors_paired: Shared episodes with an error in either that does not count.
        errors_unpaired: Episodes of either with such an error, in the tasks that both have.
        unshared: Episodes of A, and of B, that the other does not have.
    """

    suite: str
    pairs: pd.DataFrame
    a: Counts
    b: Counts
    errors_paired: int
    errors_unpaired: int
    unshared: tuple[int, int]

    @property
    def paired(self) -> bool:
        """Whether episodes are shared."""
        return len(self.pairs) + self.errors_paired > 0


def compare_pair(a: pd.DataFrame, b: pd.DataFrame, labels: tuple[str, str]) -> list[PairResult]:
    """Compares run B with run A.

    Args:
        a: Final episodes of A, with ``counted``.
        b: The same of B.
        labels: Of A and B.

    Returns:
        A row a suite that both have, by A's order, and one over all of them; none where they have no suite in common. No
        p-value is adjusted yet.
    """
    of_a, of_b = ({str(name): part for name, part in run.groupby("suite", sort=False)} for run in (a, b))
    matched = [_match(suite, part, of_b[suite]) for suite, part in of_a.items() if suite in of_b]
    rows = [_one_suite(one, labels) for one in matched]
    return [*rows, _all_suites(matched, labels)] if rows else []


def _match(suite: str, a: pd.DataFrame, b: pd.DataFrame) -> _Matched:
    columns = ["key", "task_id", "counted", "success"]
    first, second = (run.assign(success=run["outcome"] == "success")[columns] for run in (a, b))
    # Sorted, so that nothing depends on the order of episodes.
    shared = first.merge(second, on=["key", "task_id"], suffixes=("_a", "_b")).sort_values("key")
    counted = shared["counted_a"] & shared["counted_b"]
    tasks = set(first["task_id"]) & set(second["task_id"])
    here = [run[run["task_id"].isin(tasks)] for run in (first, second)]
    counts = [(int(run.loc[run["counted"], "success"].sum()), int(run["counted"].sum())) for run in here]
    return _Matched(
        suite=suite,
        pairs=shared[counted],
        a=counts[0],
        b=counts[1],
        errors_paired=int((~counted).sum()),
        errors_unpaired=sum(int((~run["counted"]).sum()) for run in here),
        unshared=(len(first) - len(shared), len(second) - len(shared)),
    )


def _one_suite(matched: _Matched, labels: tuple[str, str]) -> PairResult:
    if matched.paired:
        return _paired_row(matched.suite, [matched], labels, _paired(matched.pairs, by_suite=False))
    compared = compare_unpaired(matched.a, matched.b, CONFIDENCE)
    return _unpaired_row(matched.suite, [matched], labels, compared)


def _all_suites(matched: Sequence[_Matched], labels: tuple[str, str]) -> PairResult:
    """Over all suites: in pairs where all of them are, so that one test is made of the whole."""
    if all(one.paired for one in matched):
        pairs = pd.concat([one.pairs.assign(suite=one.suite) for one in matched])
        complete = all(len(one.pairs) for one in matched)  # a mean that left a suite out would be of something else
        return _paired_row(MEAN, matched, labels, _paired(pairs if complete else pairs[:0], by_suite=True))
    compared = compare_unpaired_suites([one.a for one in matched], [one.b for one in matched], CONFIDENCE)
    return _unpaired_row(MEAN, matched, labels, compared)


def _paired(pairs: pd.DataFrame, *, by_suite: bool) -> PairedComparison:
    return compare_paired(
        pairs["success_a"].to_numpy(),
        pairs["success_b"].to_numpy(),
        pairs["task_id"].to_numpy(),
        suites=pairs["suite"].to_numpy() if by_suite else None,
        confidence=CONFIDENCE,
    )


def _paired_row(suite: str, matched: Sequence[_Matched], labels: tuple[str, str], compared: PairedComparison) -> PairResult:
    counts = compared.counts
    sizes = {len(one.pairs) for one in matched}
    test: Test = "none" if counts.n == 0 else "mcnemar" if len(sizes) == 1 else "sign_flip"
    return PairResult(
        suite=suite,
        a=labels[0],
        b=labels[1],
        method="paired",
        n_a=counts.n,
        n_b=counts.n,
        counts=counts,
        rate_a=compared.rate_a,
        rate_b=compared.rate_b,
        difference=compared.difference,
        interval=compared.interval,
        bootstrap_interval=compared.bootstrap_interval,
        test=test,
        p_value=compared.p_value,
        p_adjusted=compared.p_value,
        detectable=_detectable_paired(compared),
        verdict="undecided" if counts.n else "no_episodes",
        errors_left_out=sum(one.errors_paired for one in matched),
        unshared_a=sum(one.unshared[0] for one in matched),
        unshared_b=sum(one.unshared[1] for one in matched),
    )


def _unpaired_row(
    suite: str, matched: Sequence[_Matched], labels: tuple[str, str], compared: UnpairedComparison
) -> PairResult:
    known = not math.isnan(compared.difference)
    n_a, n_b = sum(one.a[1] for one in matched), sum(one.b[1] for one in matched)
    return PairResult(
        suite=suite,
        a=labels[0],
        b=labels[1],
        method="unpaired",
        n_a=n_a,
        n_b=n_b,
        counts=None,
        rate_a=compared.rate_a,
        rate_b=compared.rate_b,
        difference=compared.difference,
        interval=compared.interval,
        bootstrap_interval=None,
        test=compared.method if known else "none",
        p_value=compared.p_value,
        p_adjusted=compared.p_value,
        detectable=_detectable_unpaired(compared, n_a, n_b) if known else math.nan,
        verdict="undecided" if known else "no_episodes",
        errors_left_out=sum(one.errors_unpaired for one in matched),
        unshared_a=0,
        unshared_b=0,
    )


def _detectable_paired(compared: PairedComparison) -> float:
    """With the share of discordant episodes that was seen, which half an episode keeps from being 0."""
    counts = compared.counts
    if counts.n == 0:
        return math.nan
    baseline = _baseline(compared.rate_a, compared.rate_b, counts.n)
    discordance = (counts.only_a + counts.only_b + 0.5) / (counts.n + 1)
    design = PairedDesign(baseline, discordance=discordance, alpha=ALPHA)
    # With a given share of discordant episodes both directions are alike, and there is more room away from the nearer end.
    return design.detectable(counts.n, POWER, worse=baseline > 0.5)


def _detectable_unpaired(compared: UnpairedComparison, n_a: int, n_b: int) -> float:
    """The smaller of what is found upwards and downwards: all differences below it stay hidden."""
    n = max(1, round(2 / (1 / n_a + 1 / n_b)))  # as good as two runs of this many: the harmonic mean
    design = UnpairedDesign(_baseline(compared.rate_a, compared.rate_b, n), alpha=ALPHA)
    found = [design.detectable(n, POWER, worse=worse) for worse in (False, True)]
    return float(np.nanmin(found)) if not np.isnan(found).all() else math.nan


def _baseline(rate_a: float, rate_b: float, n: int) -> float:
    """The rate that both runs have where they do not differ, kept off 0 and 1 by half an episode."""
    return min(max((rate_a + rate_b) / 2, 0.5 / (n + 1)), 1 - 0.5 / (n + 1))
