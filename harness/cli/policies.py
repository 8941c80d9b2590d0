"""``evalharness policies``: which back ends there are, and whether a policy answers as it should."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from harness.errors import PolicyUnavailableError
from harness.types import EnvSpec

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}

# The \b keeps click from filling the lines.
_CHECK_EXAMPLES = """\b
Examples:
  evalharness policies check zero
  evalharness policies check 'py:my_policies.py:Model?device=cpu'
  evalharness policies check 'ws://localhost:8000?timeout_s=300'
  evalharness policies check py:my_policies.py:Model --suite pick-place"""


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
@click.option("--suite", metavar="NAME|FILE", help="Whose observations and actions.  [default: LIBERO's, as published]")
@click.pass_context
def check(ctx: click.Context, uri: str, suite: str | None) -> None:
    """Ask the policy at URI about a made-up observation, and judge its answers.

    No simulator is needed. Exit code 0: no error was found. 1: one was. 2: URI names no policy.
    """
    from harness.policies.check import check_policy

    try:
        spec = _spec(uri, suite)
    except PolicyUnavailableError:
        # It is said below, in the table: whatever the environment, this policy cannot be described.
        spec = _spec(uri, None)
    findings = check_policy(uri, spec)
    table = Table("", "what", Column("found", overflow="fold"), box=None, pad_edge=False)
    for finding in findings:
        table.add_row(Text(finding.level, style=_STYLES[finding.level]), finding.what, Text(finding.detail))
    Console().print(table)
    errors = sum(finding.level == "error" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    click.echo(f"{errors} errors, {warnings} warnings")
    ctx.exit(1 if errors else 0)


def _spec(uri: str, suite: str | None) -> EnvSpec:
    """What all of a suite's tasks show and take, in the action space that the policy declares."""
    from harness.envs.libero.spec import libero_env_spec
    from harness.preparation import spec_of
    from harness.request import Request

    return libero_env_spec() if suite is None else spec_of(Request(suite, uri))
