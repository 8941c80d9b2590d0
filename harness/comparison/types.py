"""What a comparison of runs is made of: frozen data, with data frames where tables are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.statistics.intervals import Interval
from harness.statistics.paired import PairedCounts

if TYPE_CHECKING:
    import pandas as pd

# ``blocking``: rates are not comparable, and `compare` refuses without force. ``note``: good to know.
Severity = Literal["blocking", "note"]

Method = Literal["paired", "unpaired"]

# ``mcnemar`` and ``sign_flip`` are for shared episodes, the others for episodes that are not shared. ``none``: no episodes.
Test = Literal["mcnemar", "sign_flip", "boschloo", "score", "fisher", "none"]

# What is said of B, the run that is held against the baseline A. ``undecided``: no difference could be shown.
Verdict = Literal["better", "worse", "undecided", "no_episodes"]

# What stands for the mean over suites where a suite's name is expected, as in summary.csv.
MEAN = "mean"

# Two-sided chance of a false positive over a family of comparisons, and the nominal coverage of all intervals.
ALPHA = 0.05
CONFIDENCE = 0.95

# The usual rule of thumb for leaving small numbers to exact and score methods: ten of either kind.
LEAST_TO_RESAMPLE = 10

# The wanted chance to find a difference, in `PairResult.detectable`.
POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """A field in which runs differ.

    Attributes:
        field: Name, such as ``libero_spatial: protocol.max_steps`` or ``assets.kind``.
        values: Label of a run -> its value, in words. Every run that has the field is there.
        severity: Whether rates are comparable all the same.
    """

    field: str
    values: Mapping[str, str]
    severity: Severity

    def __str__(self) -> str:
        return f"{self.field}: " + "; ".join(f"{label} has {value}" for label, value in self.values.items())


@dataclass(frozen=True)
class Rate:
    """A success rate with its counts: of a task, of a suite, or the mean over suites.

    Attributes:
        episodes: Successes, failures and errors together.
        n: Episodes that count in the rate: ``episodes`` without errors, or with them where the run counts them as failures.
        successes: How many ended so.
        failures: How many ended so.
        errors: How many ended so, after all tries.
        rate: From 0 to 1; of the mean over suites their unweighted mean. NaN where no episode counts.
        interval: 95 %: Wilson's of a task or suite, MOVER of the mean. NaN, NaN where the rate is NaN.
    """

    episodes: int
    n: int
    successes: int
    failures: int
    errors: int
    rate: float
    interval: Interval


@dataclass(frozen=True)
class TaskRate:
    """The rate of one task.

    Attributes:
        suite: Its suite's name.
        task_id: Its position in the suite, from 0.
        task: Its name.
        rate: Rate and counts.
    """

    suite: str
    task_id: int
    task: str
    rate: Rate


@dataclass(frozen=True)
class RunResult:
    """One run in a comparison: a row of its tables.

    Attributes:
        label: What tables call the run; no other run of the comparison has it. The policy's name where that is enough.
        name: The directory's name.
        directory: The run directory.
        policy: The policy's name.
        assets: The set and the beginning of its hash, such as ``lite (0123456789ab)``.
        header: What the run was, name -> words, as on top of its summary.
        planned: Episodes that the run was asked for; None where it does not say.
        errors_as_failures: Whether its rates count an error like a failure.
        suites: Suite's name -> rate, in the run's order.
        tasks: Every task that has episodes, by suite and task_id.
        mean: Over its suites: sums of counts, unweighted mean of rates.
    """

    label: str
    name: str
    directory: Path
    policy: str
    assets: str
    header: Mapping[str, str]
    planned: int | None
    errors_as_failures: bool
    suites: Mapping[str, Rate]
    tasks: tuple[TaskRate, ...]
    mean: Rate

    @property
    def unfinished(self) -> bool:
        """Whether episodes are missing that the run was asked for."""
        return self.planned is not None and self.mean.episodes < self.planned


@dataclass(frozen=True)
class PairResult:
    """Run B against run A, the baseline, on one suite or over all suites that both have.

    Where the runs share episodes (the same keys: task, initial state, repeat, seed), these alone are compared, in pairs.
    Where they share none, all episodes of the tasks that both have are.

    Attributes:
        suite: Suite's name; `MEAN` for the unweighted mean over the suites that both have.
        a: Label of the baseline.
        b: Label of the other run.
        method: Whether episodes are shared.
        n_a: Episodes of A that are compared.
        n_b: The same of B; equal to `n_a` where they are paired.
        counts: Both, only A, only B, neither; None where episodes are not shared.
        rate_a: Success rate of A on these episodes; it differs from the run's rate where others are left out. NaN without.
        rate_b: The same of B.
        difference: ``rate_b - rate_a``: positive where B is better. NaN without episodes.
        interval: 95 % of the difference: Tango's where paired, Newcombe's where not, MOVER of the suites' over all suites.
        bootstrap_interval: 95 % of the difference, resampled within tasks; None where episodes are not shared.
        test: Where the p-value comes from.
        p_value: Two-sided. 1 without episodes.
        p_adjusted: Holm's, over all runs and suites of the comparison; the rows over all suites are a family of their own.
        detectable: The smallest difference, from 0 to 1, that a test of these episodes finds with a chance of 80 %, before
            Holm's adjustment; NaN where there is none.
        verdict: From the adjusted p-value at 5 %.
        errors_left_out: Pairs (or, unpaired, episodes) left out because of an error in either run.
        unshared_a: Episodes of A in this suite that B does not have, left out.
        unshared_b: Episodes of B in this suite that A does not have, left out.
    """

    suite: str
    a: str
    b: str
    method: Method
    n_a: int
    n_b: int
    counts: PairedCounts | None
    rate_a: float
    rate_b: float
    difference: float
    interval: Interval
    bootstrap_interval: Interval | None
    test: Test
    p_value: float
    p_adjusted: float
    detectable: float
    verdict: Verdict
    errors_left_out: int
    unshared_a: int
    unshared_b: int

    @property
    def shown_interval(self) -> Interval:
        """The interval that tables and sentences show: the bootstrap's, or `interval` where there is too little to resample.

        The bootstrap is shown where at least `LEAST_TO_RESAMPLE` shared episodes end differently and as many end alike. With
        fewer it is too narrow, down to a point where all are of one kind.
        """
        counts = self.counts
        if self.bootstrap_interval is None or counts is None:
            return self.interval
        if min(counts.only_a + counts.only_b, counts.both + counts.neither) < LEAST_TO_RESAMPLE:
            return self.interval
        return self.bootstrap_interval

    @property
    def words(self) -> str:
        """The verdict in a sentence, such as ``B is better than A: +6.2 points [2.1, 10.3], p = 0.004``."""
        from harness.comparison.words import verdict_words

        return verdict_words(self)


@dataclass(frozen=True)
class ReferenceRow:
    """A published success rate: shown beside measured ones, never part of a test.

    Attributes:
        checkpoint: As its source calls it.
        suite: Suite's name; `MEAN` for the published mean over LIBERO's four suites.
        rate: From 0 to 1, with the digits that were published.
        standard_error: From 0 to 1; None where none is published.
        n: Episodes a suite and seed; None where not stated.
        seeds: How many training or evaluation seeds; None where not stated.
        protocol: Whose evaluation code; empty where not stated.
        source: Where it is published.
    """

    checkpoint: str
    suite: str
    rate: float
    standard_error: float | None
    n: int | None
    seeds: int | None
    protocol: str
    source: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs side by side. Everything that tables and pages show is in here; nothing is printed.

    Attributes:
        runs: In the order given; labels are unique.
        suites: Names of all suites of any run: the columns of tables.
        baseline: Label of the run that the others are held against.
        pairs: For every other run, in order: a row a suite that both have, then the one over all of them (suite `MEAN`).
        differences: All of them, blocking ones first. With a blocking one the comparison was forced.
        reference: Published rows, if asked for.
        notes: Sentences that belong under every table of this comparison: errors left out, unfinished runs, missing videos.
        episodes: A row a final episode of a run. Columns: ``label`` and ``run``, the fields of ``episodes.jsonl`` (see
            docs/results.md) in its order, then ``counted``, whether it is part of the rate.
        flips: A row a shared episode that exactly one run of a pair solves. Columns: ``a``, ``b`` (labels), ``winner`` (the
            label of the one that succeeds), ``key``, ``suite``, ``task_id``, ``task``, ``init``, ``repeat``, ``seed``,
            ``steps_a``, ``steps_b``, ``video_a``, ``video_b`` (absolute paths as text; None where there is no file).
    """

    runs: tuple[RunResult, ...]
    suites: tuple[str, ...]
    baseline: str
    pairs: tuple[PairResult, ...]
    differences: tuple[Difference, ...]
    reference: tuple[ReferenceRow, ...]
    notes: tuple[str, ...]
    episodes: pd.DataFrame
    flips: pd.DataFrame

    @property
    def forced(self) -> bool:
        """Whether runs are compared that are not comparable; tables and pages must say so."""
        return any(difference.severity == "blocking" for difference in self.differences)

    def run(self, label: str) -> RunResult:
        """The run of a label.

        Raises:
            KeyError: There is none.
        """
        return {run.label: run for run in self.runs}[label]

    def rates(self) -> pd.DataFrame:
        """Rates in long form: a row a run and suite, the mean over suites last.

        Columns: ``label``, ``run``, ``policy``, ``assets``, ``suite``, ``episodes``, ``n``, ``successes``, ``failures``,
        ``errors``, ``rate``, ``ci_low``, ``ci_high``.
        """
        from harness.comparison.frames import rates_frame

        return rates_frame(self.runs)

    def task_rates(self) -> pd.DataFrame:
        """Rates in long form: a row a run and task. Columns as in `rates`, with ``task_id`` and ``task`` after ``suite``."""
        from harness.comparison.frames import tasks_frame

        return tasks_frame(self.runs)

    def heat_map(self) -> pd.DataFrame:
        """Rates, task x run: index ``suite``, ``task_id``, ``task``; a column a label; NaN where no episode counts."""
        from harness.comparison.frames import heat_map_frame

        return heat_map_frame(self.runs)

    def pairs_frame(self) -> pd.DataFrame:
        """The pairs, a row each: the fields of `PairResult` with intervals and counts as columns, and ``words``."""
        from harness.comparison.frames import pairs_frame

        return pairs_frame(self.pairs)
