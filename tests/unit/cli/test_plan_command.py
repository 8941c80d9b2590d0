import re

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.errors import UsageError


def plan(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["plan", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1])


def test_the_episodes_that_a_difference_needs() -> None:
    output = plan("--baseline", "0.9", "--detect", "0.03")
    # (1.960 sqrt(2 * 0.915 * 0.085) + 0.842 sqrt(0.9 * 0.1 + 0.93 * 0.07))^2 / 0.03^2 = 1355.1 (Fleiss)
    assert number(r"(\d+) episodes of each run, none shared,", output) == 1356
    assert "a difference of +3 points" in output
    assert "At a baseline of 90 %, with a chance of 80 % (alpha 0.05)" in output


def test_shared_episodes_that_seldom_differ_need_fewer() -> None:
    asked = ("--baseline", "0.9", "--detect", "0.03", "--paired")
    shared = number(r"(\d+) shared episodes", plan(*asked, "--discordance", "0.05"))
    cautious = number(r"(\d+) shared episodes", plan(*asked))
    assert shared < cautious / 2


def test_the_difference_that_episodes_show() -> None:
    output = plan("--baseline", "0.5", "--episodes", "500")
    # (1.960 + 0.842) sqrt(2 * 0.25 / 500) = 0.0886, a little less where the other rate has less spread.
    assert number(r"at least (\S+) points better", output) == pytest.approx(8.86, abs=0.1)
    assert number(r"or (\S+) points worse", output) == pytest.approx(8.86, abs=0.1)
    assert "show no difference at all" in plan("--baseline", "0.5", "--episodes", "1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--baseline", "0.9"], "either which difference is wanted"),
        (["--baseline", "0.9", "--detect", "0.1", "--episodes", "5"], "either which difference is wanted"),
        (["--baseline", "0.9", "--detect", "0.2"], "cannot be planned for"),
        (["--baseline", "90", "--detect", "0.2"], "baseline 90.0 must lie between 0 and 1"),
        (["--baseline", "0.9", "--detect", "0.01", "--discordance", "0.1"], "add --paired"),
        (["--baseline", "0.9", "--episodes", "0"], "at least 1 is needed"),
    ],
)
def test_what_cannot_be_planned_is_wrong_usage(arguments: list[str], message: str) -> None:
    error = CliRunner().invoke(cli, ["plan", *arguments]).exception
    assert isinstance(error, UsageError)
    assert message in str(error)
