"""Shows by simulation what the sequential tests keep and save; writes the tables of docs/statistics.md.

Usage: python scripts/simulate_sequential.py [--runs 10000] [--seed 0] [--out TABLES.md]

First: how often a test at level 0.05 decides where there is no difference, looked at up to 2,000 times. Second: how many of
500 or 2,000 episodes are saved by stopping at the decision where there is one, beside the fixed-n test at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

from harness.files import written_aside
from harness.statistics.betting import log_capital
from harness.statistics.planning import PairedDesign

ALPHA = 0.05
SIZES = (500, 2_000)
CORRELATION = 0.3
# Reference rate, and the run's: gaps of 2, 5, 10 and 20 points up and down.
GAPS = [(0.7, 0.72), (0.7, 0.75), (0.7, 0.8), (0.7, 0.9), (0.9, 0.88), (0.9, 0.85), (0.9, 0.8), (0.9, 0.7)]
# Ten tasks with a mean rate of 0.9: the first ones solved always, the last ones seldom.
TASKS = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.95, 0.85, 0.7, 0.5])

_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


def crossings(n_max: int, mean: float) -> _Ints:
    """(n_max + 1,) the least wins of n scores of 0 and 1 that decide for a mean above `mean`; n + 1 where none do."""
    n = np.arange(n_max + 1)
    low, high = np.zeros_like(n), n + 1
    while (low < high).any():
        middle = np.minimum((low + high) // 2, n)
        decides = log_capital(n - middle, np.zeros_like(n), middle, mean) >= np.log(2 / ALPHA)
        high = np.where(decides & (low < high), middle, high)
        low = np.where(decides | (low >= high), low, middle + 1)
    return high


def first_decision(wins: _Ints, losses: _Ints, mean: float, looks: int = 1) -> tuple[_Ints, _Bools]:
    """When each run is decided, and whether for "better".

    Args:
        wins: (runs, n) scores of 1 up to each episode.
        losses: (runs, n) scores of 0.
        mean: The mean score that is tested.
        looks: A look every so many episodes.

    Returns:
        (runs,) episodes until the decision, 0 where there is none; (runs,) whether it was "better".
    """
    n_max = wins.shape[1]
    better = wins >= crossings(n_max, mean)[wins + losses]
    decided = better | (losses >= crossings(n_max, 1 - mean)[wins + losses])
    decided[:, np.arange(1, n_max + 1) % looks != 0] = False
    first = decided.argmax(axis=1)
    found = decided.any(axis=1)
    return np.where(found, first + 1, 0), better[np.arange(len(wins)), first] & found


def rate_runs(rng: np.random.Generator, runs: int, rates: npt.NDArray[np.float64]) -> tuple[_Ints, _Ints]:
    """Cumulative successes and failures of runs whose episodes have these rates (n,)."""
    wins = (rng.random((runs, len(rates))) < rates).cumsum(axis=1)
    return wins, np.arange(1, len(rates) + 1) - wins


def paired_runs(rng: np.random.Generator, runs: int, n: int, discordance: float, difference: float) -> tuple[_Ints, _Ints]:
    """Cumulative episodes that only the run solves, and only the reference."""
    draw = rng.random((runs, n))
    better = (discordance + difference) / 2
    return (draw < better).cumsum(axis=1), ((draw >= better) & (draw < discordance)).cumsum(axis=1)


def in_parts(runs: int) -> Iterator[int]:
    """Sizes of parts that fit into memory."""
    yield from [1_000] * (runs // 1_000) + ([runs % 1_000] if runs % 1_000 else [])


def false_positives(rng: np.random.Generator, runs: int) -> list[str]:
    """Rows of the first table."""
    n, per_task = max(SIZES), max(SIZES) // len(TASKS)
    rows = []
    cases = [(f"rate {rate:g} against {rate:g}", np.full(n, rate), 1) for rate in (0.5, 0.7, 0.9, 0.97)]
    cases.append(("ten tasks of mean rate 0.9 against 0.9, in rounds", np.tile(TASKS, per_task), len(TASKS)))
    cases.append(("the same, **wrongly** one task after the other", np.repeat(TASKS, per_task), 1))
    for name, rates, looks in cases:
        mean = float(rates.mean())
        found = [first_decision(*rate_runs(rng, part, rates), mean, looks)[0] > 0 for part in in_parts(runs)]
        rows.append(false_positive_row(name, looks, np.concatenate(found)))
    for discordance in (0.05, 0.15, 0.4):
        found = [first_decision(*paired_runs(rng, part, n, discordance, 0), 0.5)[0] > 0 for part in in_parts(runs)]
        rows.append(false_positive_row(f"paired, {discordance:.0%} discordant episodes", 1, np.concatenate(found)))
    return rows


def false_positive_row(name: str, looks: int, found: _Bools) -> str:
    every = "episode" if looks == 1 else f"{looks} episodes"
    return f"| {name} | {every} | {found.mean():.4f} |"


def savings(rng: np.random.Generator, runs: int, paired: bool) -> list[str]:
    """Rows of the second table, of one of the two tests."""
    rows = []
    for reference, rate in GAPS:
        design = PairedDesign(reference, correlation=CORRELATION)
        parts = []
        for part in in_parts(runs):
            if paired:
                parts.append(paired_runs(rng, part, max(SIZES), design.discordant(rate - reference), rate - reference))
            else:
                parts.append(rate_runs(rng, part, np.full(max(SIZES), rate)))
        mean = 0.5 if paired else reference
        decisions = [first_decision(wins, losses, mean) for wins, losses in parts]
        episodes, better = (np.concatenate(values) for values in zip(*decisions, strict=True))
        for size in SIZES:
            wins, losses = (np.concatenate([part[side][:, size - 1] for part in parts]) for side in (0, 1))
            in_time = (episodes > 0) & (episodes <= size)
            wrong = in_time & (better != (rate > reference))
            used = np.where(in_time, episodes, size)
            rows.append(
                f"| {'paired' if paired else 'rate'} | {reference:.2f} | {rate:.2f} | {size} "
                f"| {fixed_test(wins, losses, mean).mean():.1%} | {in_time.mean():.1%} | {wrong.mean():.2%} "
                f"| {used.mean():.0f} | {size - used.mean():.0f} ({1 - used.mean() / size:.0%}) |"
            )
    return rows


def fixed_test(wins: _Ints, losses: _Ints, mean: float) -> _Bools:
    """Whether the exact binomial test, of twice the smaller tail, rejects; on discordant episodes it is McNemar's."""
    from scipy.stats import binom

    n = wins + losses
    rejected: _Bools = 2 * np.minimum(binom.cdf(wins, n, mean), binom.sf(wins - 1, n, mean)) <= ALPHA
    return rejected


@click.command()
@click.option("--runs", default=10_000, show_default=True, help="Simulated runs of each row.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File for the tables, otherwise printed.")
def main(runs: int, seed: int, out: Path | None) -> None:
    """Simulate, and write both tables as Markdown."""
    rng = np.random.default_rng(seed)
    lines = [
        f"| no difference: {runs:,} runs of {max(SIZES):,} episodes | a look every | share ever decided (at most {ALPHA}) |",
        "| --- | --- | ---: |",
        *false_positives(rng, runs),
        "",
        "| test | reference | rate | n | fixed-n power | decided by n | wrong way | mean episodes | mean saved |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *savings(rng, runs, paired=False),
        *savings(rng, runs, paired=True),
    ]
    text = "\n".join(lines) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    with written_aside(out) as path:
        path.write_text(text)


if __name__ == "__main__":
    main()
