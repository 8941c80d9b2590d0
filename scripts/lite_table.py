"""Joins what compare_assets.py and check_goals.py found into the table of docs/lite.md.

Usage: python scripts/lite_table.py COMPARED.json ... --goals OTHER.csv LITE.csv

COMPARED.json: from `compare_assets.py --json`; OTHER.csv and LITE.csv: from `check_goals.py --out`, of either set.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import click

_HEAD = (
    "| Task | near | mm: median, worst | degrees: median, worst | worst | success at the start: other, lite "
    "| goal: other, lite |\n| --- | ---: | ---: | ---: | --- | ---: | --- |"
)


def goals(path: Path) -> dict[tuple[str, int], bool]:
    """(suite, task) -> whether its goal can be reached, and left again."""
    with path.open(newline="") as file:
        checks = ("false_at_start", "true_in_goal", "false_after")
        return {
            (row["suite"], int(row["task"])): all(row[name] == "True" for name in checks) for row in csv.DictReader(file)
        }


@click.command()
@click.argument("compared", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--goals", "goal_files", nargs=2, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(compared: tuple[Path, ...], goal_files: tuple[Path, Path]) -> None:
    """Print the table, a row a task."""
    reached = [goals(path) for path in goal_files]
    click.echo(_HEAD)
    for row in (row for path in compared for row in json.loads(path.read_text())):
        cells = [
            f"{row['suite']} {row['task']}",
            f"{row['near']}/{row['states']}",
            f"{row['median_mm']:.1f}, {row['worst_mm']:.1f}",
            f"{row['median_deg']:.1f}, {row['worst_deg']:.1f}",
            row["worst"],
            f"{row['success_official']}, {row['success_lite']}",
            ", ".join("yes" if found[row["suite"], row["task"]] else "no" for found in reached),
        ]
        click.echo(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
