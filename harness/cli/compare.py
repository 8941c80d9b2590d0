"""``evalharness compare``: runs side by side, and what their differences are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.run_arguments import asked_page, complete_run, file_options, write_files


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=complete_run)
@click.option(
    "--baseline", metavar="RUN", shell_complete=complete_run,
    help="What the others are held against: a run, its label, or `best`.  [default: the first]",
)  # fmt: skip
@click.option(
    "--reference", is_flag=False, flag_value="all", metavar="[NAME]",
    help="Show published rates beside: all, a checkpoint such as pi0.5, or a CSV file. Without NAME, put it last.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Compare runs that differ in what moves their numbers; the result is marked.")
@file_options
def compare(runs: tuple[str, ...], baseline: str | None, reference: str | None, force: bool, **options: Any) -> None:
    """Compare runs: RUN is a run directory, a folder that holds some, or a pattern.

    Every run is held against the baseline on the episodes that both have: rates, the difference with its interval, and
    whether it could be chance. Runs that differ in protocol, assets, versions or anything else that moves their numbers are
    refused, and every such field is named.

    Exit code 0: compared; 1: a run is damaged; 2: wrong usage, or the runs are not comparable.

    \b
    Examples:
      evalharness compare results/run_a results/run_b
      evalharness compare results/*pi0* --baseline best --md table.md --latex table.tex
      evalharness compare results/run_a results/run_b --per-task --csv tasks.csv
      evalharness compare results/run_a --reference pi0.5
      evalharness compare results/run_a results/run_b --episodes-csv episodes.csv
      evalharness compare results/run_a results/run_b --html compare.html
    """  # noqa: D301
    from rich.console import Console

    from harness.comparison import compare as compare_runs
    from harness.comparison import load_runs
    from harness.errors import UsageError
    from harness.reports.comparison_terminal import print_comparison

    page = asked_page(options)
    if reference is not None and Path(reference).is_dir():
        raise UsageError(f"--reference has taken {reference} for the name of published rates: write --reference all")
    opened = load_runs(*runs)
    if len(opened) < 2 and reference is None:
        raise UsageError(f"{opened[0].directory} is one run; name another to compare it with, or use evalharness report")
    comparison = compare_runs(opened, baseline=baseline, force=force, reference=reference)
    console = Console(width=None if Console().is_terminal else 120)
    print_comparison(comparison, console, per_task=options["per_task"])
    write_files(comparison, options)
    if page:
        from harness.pages.compare import write_compare_page

        write_compare_page(comparison, page, embed=options["embed"])
        click.echo(f"wrote {page}", err=True)
