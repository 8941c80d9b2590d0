"""``evalharness report``: a run's table, made again from its episodes."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
def report(run: Path) -> None:
    """Print the table of RUN, a run directory, and write its summary.csv and summary.md anew.

    \b
    Example:
      evalharness report results/20260101T120000Z-spatial-random-0a1b2c3d
    """  # noqa: D301
    from harness.cli.output import print_summary
    from harness.runs import Run

    opened = Run(run)
    opened.write_summary()
    print_summary(opened)
