"""``evalharness piper``: a policy on the Piper's own suites."""

from __future__ import annotations

from typing import Any

import click

from harness.action_spaces import ACTION_SPACES
from harness.cli.run_options import run, run_options, suite_option


@click.command()
@suite_option(
    "piper",
    "up-down, reach, lift, pick-place, stack, press-button, open-drawer, peg, all, or a suite's YAML file.",
)
@run_options
@click.option(
    "--action-space",
    type=click.Choice(list(ACTION_SPACES)),
    help="What the policy's numbers mean.  [default: what the policy declares, else the suite's, eef_delta]",
)
@click.option("--language", default="en", show_default=True, metavar="en|zh", help="Language of the instructions.")
@click.pass_context
def piper(ctx: click.Context, /, **options: Any) -> None:
    """Evaluate a policy on tasks of the AgileX Piper arm: videos, traces, success rates with 95 % intervals.

    --policy expert is a scripted expert that knows the simulator's state: the upper bound of every table.
    Several policies, or --checkpoints, make a sweep: a run for each and one comparison (docs/sweeps.md).
    Ctrl-C keeps what was done; --resume goes on. Exit code 0: done; 1: episodes in error remain; 2: wrong usage.

    \b
    Examples:
      evalharness piper --suite lift --policy expert --episodes 5
      evalharness piper --suite all --policy ws://localhost:8000 --workers 4
      evalharness piper --suite peg --policy py:my_policy.py:Model --action-space joint_position
      evalharness piper --suite pick-place --policy expert --language zh --video failures
      evalharness piper --resume results/my_run --workers 8
      evalharness piper --suite lift --policy 'py:my_policy.py:Model?checkpoint={}' --checkpoints 'runs/step_*'
      evalharness piper --suite lift --policy ws://localhost:8000 --stop-when decided --against 0.9
    """  # noqa: D301
    run(ctx, "piper", options)
