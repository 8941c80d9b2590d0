"""The entry point: sub-commands are loaded when they are called, and errors become one message and an exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import click

import harness
from harness.errors import HarnessError, UsageError, suggest

# Name -> (module:attribute, one line for --help). Loading them lazily keeps `evalharness --help` and completion quick.
_COMMANDS = {
    "libero": ("harness.cli.libero:libero", "Evaluate a policy on LIBERO suites."),
    "piper": ("harness.cli.piper:piper", "Evaluate a policy on suites of the Piper arm."),
    "suites": ("harness.cli.suites:suites", "List suites, tasks, instructions and initial states."),
    "policies": ("harness.cli.policies:policies", "List policy back ends; check that a policy works."),
    "serve": ("harness.cli.serve:serve", "Put a policy behind a port, for clients elsewhere."),
    "report": ("harness.cli.report:report", "Print a run's table and write its summaries anew."),
    "compare": ("harness.cli.compare:compare", "Say which of several runs is better, and how sure that is."),
    "plan": ("harness.cli.plan:plan", "Say how many episodes a comparison needs."),
    "replay": ("harness.cli.replay:replay", "Make a run's videos again, or verify its episodes bit for bit."),
    "collect": ("harness.cli.collect:collect", "Run a policy and make a dataset of its successes."),
    "export": ("harness.cli.export:export", "Make a dataset from a run's episodes."),
    "assets": ("harness.cli.assets:assets", "Find, fetch and verify LIBERO's meshes and textures."),
    "piper-ik": ("harness.cli.piper_ik:piper_ik", "Find joints that bring the Piper arm to poses."),
    "piper-fk": ("harness.cli.piper_fk:piper_fk", "Print where the Piper arm is for given joints."),
    "piper-plan": ("harness.cli.piper_plan:piper_plan", "Plan a path of the Piper arm around obstacles."),
    "piper-diagnose": ("harness.cli.piper_diagnose:piper_diagnose", "Say where measured Piper poses come from."),
    "doctor": ("harness.cli.doctor:doctor", "Say what is here and what is wrong with it."),
    "completion": ("harness.cli.completion:completion", "Print a script for tab completion."),
}


class _Commands(click.Group):
    """Loads a sub-command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            ctx.fail(f"no such command {args[0]!r}. {suggest(args[0], _COMMANDS)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, SystemExit) as error:
            # rich turns a BrokenPipeError into a SystemExit.
            if not any(isinstance(e, BrokenPipeError) for e in (error, error.__context__)):
                raise
            # Whoever read our output, such as head, has gone. A listing that this cuts short has not failed, and a run that
            # it cuts short must not look done: the code is the one that SIGPIPE gives to other programs.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(141)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(harness.__version__, prog_name="evalharness")
def cli() -> None:
    """Evaluate robot policies in simulation, and trust the numbers.

    \b
    Examples:
      evalharness doctor
      evalharness libero --suite spatial --policy random --tasks 0 --episodes 2
      evalharness libero --suite all --policy ws://localhost:8000 --workers 4
      evalharness libero --resume results/20260101T120000Z-spatial-random-0a1b2c3d
    """  # noqa: D301  # the backspace keeps click from wrapping the examples


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: a cluster's scheduler wants the job to end. Handled as Ctrl-C is."""


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise Terminated


def main() -> NoReturn:
    """Runs the command line.

    Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM, 141 the reader of our output has gone.
    """
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        code: Any = cli.main(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except HarnessError as error:
        click.echo(f"evalharness: {error}", err=True)
        return 2 if isinstance(error, UsageError) else 1
    except (KeyboardInterrupt, click.Abort) as error:
        # click turns a KeyboardInterrupt, and so a Terminated, into an Abort.
        return 143 if isinstance(error, Terminated) or isinstance(error.__cause__, Terminated) else 130


if __name__ == "__main__":
    main()
