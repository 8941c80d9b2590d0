"""``evalharness policies``: which back ends there are, and whether a policy answers as it should."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from harness.errors import PolicyUnavailableError, UsageError
from harness.types import EnvSpec

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}

# The \b keeps click from filling the lines.
_CHECK_EXAMPLES = """\b
Examples:
  evalharness policies check zero
  evalharness policies check 'py:my_policies.py:Model?device=cpu'
  evalharness policies check 'ws://localhost:8000?timeout_s=300'
  evalharness policies check py:my_policies.py:Model --suite pick-place
  evalharness policies check ws://localhost:8000 --suite spatial --stats assets/physical-intelligence/libero"""


@click.group()
def policies() -> None:
    """List policy back ends, and check a policy before it is evaluated."""


@policies.command("list", epilog="\b\nExample:\n  evalharness policies list")
def list_schemes() -> None:
    """Show every kind of policy URI, built in or from an installed package."""
    from harness.registry import policy_schemes

    table = Table("scheme", "what it is", box=None, pad_edge=False)
    for scheme, text in policy_schemes().items():
        table.add_row(Text(scheme, style="bold"), Text(text))
    Console().print(table)


@policies.command(epilog=_CHECK_EXAMPLES)
@click.argument("uri")
@click.option("--suite", metavar="NAME|FILE", help="Also play on its first task, and be held against an expert there.")
@click.option(
    "--stats",
    type=click.Path(exists=True, path_type=Path),
    help="norm_stats.json or dataset_statistics.json of the training data, or its folder.  [default: the policy's own]",
)
@click.option("--unnorm-key", metavar="NAME", help="Which data set of --stats.")
@click.option("--assets", default="auto", show_default=True, metavar="auto|lite|PATH", help="LIBERO's meshes, for --suite.")
@click.pass_context
def check(ctx: click.Context, uri: str, suite: str | None, stats: Path | None, unnorm_key: str | None, assets: str) -> None:
    """Ask the policy at URI about a made-up observation, and judge its answers.

    With --suite it also plays for a moment and is led along an expert's way, which finds wrong conventions: turned
    pictures, BGR, a quaternion in the wrong order, the gripper's sign, statistics of another data set. Without, no
    simulator is needed.

    Exit code 0: no error was found. 1: one was. 2: URI names no policy.
    """
    from harness.checking.checker import check_on_suite
    from harness.policies.check import check_policy

    if suite is None and (stats is not None or unnorm_key is not None):
        raise UsageError("--stats and --unnorm-key are compared with what is seen in a suite; name one with --suite")

    try:
        spec = policy_spec(uri, suite)
    except PolicyUnavailableError:
        # It is said below, in the table: whatever the environment, this policy cannot be described.
        spec = policy_spec(uri, None)
    findings = check_policy(uri, spec)
    if suite is not None and not any(finding.level == "error" for finding in findings):
        findings += check_on_suite(uri, suite, assets=assets, statistics=stats, unnorm_key=unnorm_key)
    table = Table("", "what", Column("found", overflow="fold"), box=None, pad_edge=False)
    for finding in findings:
        table.add_row(Text(finding.level, style=_STYLES[finding.level]), finding.what, Text(finding.detail))
    Console().print(table)
    errors = sum(finding.level == "error" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    click.echo(f"{errors} errors, {warnings} warnings")
    ctx.exit(1 if errors else 0)


def policy_spec(uri: str, suite: str | None) -> EnvSpec:
    """What all of a suite's tasks show and take, in the action space that the policy declares."""
    from harness.envs.libero.spec import libero_env_spec
    from harness.preparation import spec_of
    from harness.request import Request

    return libero_env_spec() if suite is None else spec_of(Request(suite, uri))
