"""``evalharness completion``: tab completion for a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that gives SHELL tab completion.

    \b
    Examples:
      evalharness completion bash >> ~/.bashrc
      evalharness completion fish > ~/.config/fish/completions/evalharness.fish
    """  # noqa: D301
    from harness.cli.main import cli

    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(cli, {}, "evalharness", "_EVALHARNESS_COMPLETE").source())
