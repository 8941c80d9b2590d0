import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import harness
from harness.cli.main import cli

ROOT = Path(harness.__file__).parents[1]
HEAVY = {"mujoco", "robosuite", "torch", "pandas", "numpy", "av", "libero", "rich", "yaml"}


def command(*arguments: str, **options) -> subprocess.Popen:
    """The command line in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("environment", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen([sys.executable, "-m", "harness.cli.main", *arguments], env=environment, **pipes)


def run(*arguments: str, **options) -> tuple[int, str, str]:
    process = command(*arguments, **options)
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def test_help_lists_every_command_and_an_example() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for name in ("libero", "suites", "policies", "report", "doctor", "completion"):
        assert f"\n  {name} " in result.output
    assert "evalharness libero --suite spatial --policy random" in result.output


def test_every_command_that_help_lists_can_be_loaded_and_has_help() -> None:
    for name in cli.list_commands(click.Context(cli)):
        result = CliRunner().invoke(cli, [name, "-h"])
        assert result.exit_code == 0, result.output
        assert "Usage:" in result.output


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output.split()[-1] == harness.__version__


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"]])
def test_what_needs_no_library_imports_none(arguments) -> None:
    code = (
        "import sys\n"
        "from harness.cli import main\n"
        "sys.argv = ['evalharness', *sys.argv[1:]]\n"
        "try:\n"
        "    main.main()\n"
        "except SystemExit:\n"
        "    print('modules', *sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    modules = done.stdout.splitlines()[-1].split()
    assert "click" in modules
    assert not HEAVY & set(modules)


def test_an_unknown_command_is_answered_with_the_nearest_and_exit_code_2() -> None:
    code, output, errors = run("liberro")
    assert (code, output) == (2, "")
    assert "no such command 'liberro'. Did you mean 'libero'" in " ".join(errors.split())
    assert "Traceback" not in errors


def test_an_unknown_option_is_exit_code_2() -> None:
    code, _, errors = run("suites", "--sweet")
    assert code == 2
    assert "--sweet" in errors


def test_no_command_shows_help_and_is_exit_code_2() -> None:
    code, output, errors = run()
    assert code == 2
    assert "Commands:" in output + errors


def test_a_usage_error_is_one_message_and_exit_code_2() -> None:
    code, output, errors = run("suites", "spacial")
    assert (code, output) == (2, "")
    assert errors.startswith("evalharness: unknown suite 'spacial'. Did you mean 'spatial'")
    assert errors.count("\n") == 1


def test_a_run_that_is_damaged_is_one_message_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{")
    code, output, errors = run("report", str(tmp_path))
    assert (code, output) == (1, "")
    assert errors.startswith(f"evalharness: {tmp_path}/run.json is damaged")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_command_with_its_own_exit_code_and_no_traceback(tmp_path: Path, number, code) -> None:
    # A named pipe as run.json: the command is known to be at work while it waits for the other end to write.
    os.mkfifo(tmp_path / "run.json")
    process = command("report", str(tmp_path))
    with open(tmp_path / "run.json", "w"):
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors


@pytest.mark.parametrize("arguments", [["completion", "bash"], ["policies", "list"]])
def test_a_reader_that_goes_away_ends_a_command_quietly(arguments) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code, _, errors = run(*arguments, stdout=writing)
    os.close(writing)
    assert (code, errors) == (141, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_asks_this_program(shell) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert f"_EVALHARNESS_COMPLETE={shell}_complete" in result.output


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_the_script_for_bash_is_bash() -> None:
    script = CliRunner().invoke(cli, ["completion", "bash"]).output
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_an_unknown_shell_is_refused() -> None:
    assert CliRunner().invoke(cli, ["completion", "csh"]).exit_code == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("evalharness su", {"suites"}),
        ("evalharness libero --suite sp", {"spatial"}),
        ("evalharness libero --suite libero_s", {"libero_spatial"}),
        ("evalharness libero --protocol open", {"openpi", "openvla"}),
        ("evalharness libero --policy r", {"random", "replay"}),
        ("evalharness libero --gl e", {"egl"}),
        ("evalharness completion z", {"zsh"}),
    ],
)
def test_the_tab_key_completes_commands_suites_protocols_and_policies(words, expected) -> None:
    environment = {
        "_EVALHARNESS_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    result = CliRunner().invoke(cli, [], prog_name="evalharness", env=environment)
    assert {line.partition(",")[2] for line in result.output.splitlines()} == expected
