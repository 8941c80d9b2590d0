"""``evalharness libero``: the main job."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from harness.cli.run_options import run, run_options, suite_option


def _complete_protocol(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from harness.suites import preset_names

    return [CompletionItem(name) for name in preset_names() if name.startswith(incomplete)]


@click.command()
@suite_option("libero", "spatial, object, goal, 10 (or long), 90, all (the first four), or a suite's YAML file.")
@run_options
@click.option(
    "--protocol",
    default="standard",
    show_default=True,
    shell_complete=_complete_protocol,
    help="standard, or whose evaluation script to reproduce: openpi, openvla, lerobot, vla-eval.",
)
@click.option("--assets", default="auto", show_default=True, metavar="auto|lite|PATH", help="LIBERO's meshes and textures.")
@click.pass_context
def libero(ctx: click.Context, /, **options: Any) -> None:
    """Evaluate a policy on LIBERO: videos, traces, success rates with 95 % intervals.

    Several policies, or --checkpoints, make a sweep: a run for each and one comparison (docs/sweeps.md).
    Ctrl-C keeps what was done; --resume goes on. Exit code 0: done; 1: episodes in error remain; 2: wrong usage.

    \b
    Examples:
      evalharness libero --suite spatial --policy random --tasks 0-1 --episodes 2
      evalharness libero --suite all --policy ws://localhost:8000 --protocol openpi --workers 4
      evalharness libero --suite 10 --policy py:my_policy.py:Model --video failures
      evalharness libero --suite my_suite.yaml --policy replay:results/my_run
      evalharness libero --resume results/my_run --workers 8
      evalharness libero --suite spatial --policy 'py:my_policy.py:Model?checkpoint={}' --checkpoints 'runs/step_*'
      evalharness libero --suite spatial --policy ws://localhost:8000 --stop-when decided --against 0.9
    """  # noqa: D301
    run(ctx, "libero", options)
