"""Runs a Piper command in this process."""

from __future__ import annotations

from dataclasses import dataclass

import click
from click.testing import CliRunner

from harness.cli.main import cli
from harness.errors import HarnessError, UsageError


@dataclass(frozen=True)
class Ran:
    code: int
    output: str
    errors: str


def run(*arguments: str, given: str | None = None) -> Ran:
    """The exit code as the entry point would choose it, standard output, and standard error or the error's message."""
    result = CliRunner().invoke(cli, arguments, standalone_mode=False, input=given)
    error = result.exception
    if isinstance(error, click.ClickException):
        return Ran(error.exit_code, result.stdout, error.format_message())
    if isinstance(error, HarnessError):
        return Ran(2 if isinstance(error, UsageError) else 1, result.stdout, str(error))
    if error is not None:
        raise error
    return Ran(int(result.return_value or 0), result.stdout, result.stderr)
