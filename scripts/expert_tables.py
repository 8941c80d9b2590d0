"""Prints the tables of docs/expert.md from runs of the expert: a row a suite, and the tasks of each.

Usage: python scripts/expert_tables.py RUN... [--every libero_90]

Tasks without a failure are left out, but for suites that are named with --every.
"""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from harness import Run

SUITE_ROW = "(suite)"


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--every", multiple=True, help="A suite whose tasks are all listed.")
def expert_tables(runs: tuple[Path, ...], every: tuple[str, ...]) -> None:
    """Print Markdown tables of RUNS."""
    summaries = [Run(run).summary() for run in runs]
    table = pd.concat(summaries)
    print("| suite | assets | episodes | successes | rate, 95 % |\n| --- | --- | ---: | ---: | --- |")
    for row in table[table["task"] == SUITE_ROW].itertuples():
        limits = f"{100 * row.success_rate:.1f} % [{100 * row.ci_low:.1f}, {100 * row.ci_high:.1f}]"
        print(f"| `{row.suite}` | {row.assets} | {row.episodes} | {row.successes} | {limits} |")
    tasks = table[table["task_id"].notna()]
    for (suite, assets), rows in tasks.groupby(["suite", "assets"], sort=False):
        above = int((rows["success_rate"] > 0.8).sum())
        print(f"\n`{suite}`, {assets}: {above} of {len(rows)} tasks above 80 %\n")
        if suite not in every:
            rows = rows[rows["successes"] < rows["episodes"]]
        if rows.empty:
            continue
        print("| task | successes | | task | successes |\n| --- | ---: | --- | --- | ---: |")
        cells = [f"{int(row.task_id)}: {_words(row.task)} | {row.successes} of {row.episodes}" for row in rows.itertuples()]
        half = -(-len(cells) // 2)
        for left, right in zip(cells[:half], [*cells[half:], "|"][:half], strict=True):
            print(f"| {left} | | {right} |")


def _words(task: str) -> str:
    """A task's name without its scene, in words."""
    parts = task.split("_")
    scene = next((i for i, part in enumerate(parts) if part.startswith("SCENE")), -1)
    return " ".join(parts[scene + 1 :])


if __name__ == "__main__":
    expert_tables()
