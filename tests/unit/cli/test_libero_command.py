import os

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.errors import UsageError


def libero(*arguments: str):
    return CliRunner().invoke(cli, ["libero", *arguments], standalone_mode=False)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Runs in an empty folder, which must be empty afterwards."""
    monkeypatch.chdir(tmp_path)
    yield
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say which suite: --suite"),
        (["--suite", "goal"], "say which policy: --policy"),
        (["--suite", "goal", "--policy", "zero", "--repeats", "0"], "--repeats must be at least 1"),
        (["--suite", "goal", "--policy", "zero", "--max-steps", "0"], "--max-steps must be at least 1"),
        (["--suite", "goal", "--policy", "zero", "--workers", "-1"], "--workers must be at least 0"),
        (["--suite", "goal", "--policy", "zero", "--video", "some"], "--video 'some' is neither"),
        (["--suite", "goal", "--policy", "zero", "--episode-timeout", "0"], "--episode-timeout must be a positive"),
        (
            ["--suite", "goal", "--policy", "zero", "--episode-timeout", "5", "--workers", "0"],
            "--episode-timeout needs a worker",
        ),
        (["--suite", "goal", "--policy", "zero", "--tasks", "a-b"], "'a-b' is not a list of indices"),
        (["--resume", "nowhere"], "nowhere is not a run directory"),
        (["--resume", "nowhere", "--out", "elsewhere"], "--out and --resume exclude each other"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_built(arguments, message) -> None:
    result = libero(*arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


@pytest.mark.parametrize("arguments", [["--episodes", "x"], ["--gl", "vulkan"], ["--polcy", "zero"], ["spatial"]])
def test_what_click_refuses_is_exit_code_2(arguments) -> None:
    assert CliRunner().invoke(cli, ["libero", *arguments]).exit_code == 2


def test_every_option_of_the_request_can_be_given() -> None:
    help_text = CliRunner().invoke(cli, ["libero", "--help"]).output
    for name in (
        "suite", "policy", "tasks", "episodes", "init", "repeats", "seed", "protocol", "replan", "max-steps", "workers",
        "envs-per-worker", "engine", "assets", "gl", "video", "out", "resume", "retries", "episode-timeout",
        "errors-as-failures",
    ):  # fmt: skip
        assert f"--{name}" in help_text
