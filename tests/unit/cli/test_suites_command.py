import re

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.envs.libero.installation import missing_packages

pytestmark = pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")


def run(*arguments: str) -> list[str]:
    result = CliRunner().invoke(cli, ["suites", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output.splitlines()


def test_all_suites_are_listed_with_aliases_tasks_and_steps() -> None:
    rows = {line.split("  ")[0]: re.split(r"\s{2,}", line) for line in run() if line.startswith("libero_")}
    assert rows["libero_spatial"][1:4] == ["spatial", "10", "220"]
    assert rows["libero_10"][1:4] == ["10, long", "10", "520"]
    assert rows["libero_90"][1:4] == ["90", "90", "400"]
    assert rows["libero_all"][1:4] == ["all", "40", "220, 280, 300, 520"]
    assert len(rows) == 6


def test_the_protocols_are_named() -> None:
    assert any("standard, lerobot, openpi, openvla, vla-eval" in line for line in run())


def test_a_suite_is_listed_with_tasks_instructions_initial_states_and_protocol() -> None:
    lines = run("goal")
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines if re.match(r"\d ", line)]
    assert [int(row[0]) for row in rows] == list(range(10))
    instruction, name = "open the middle drawer of the cabinet", "open_the_middle_drawer_of_the_cabinet"
    assert rows[0] == ["0", instruction, "50", name]
    assert any(re.fullmatch(r"max_steps\s+300\s*", line) for line in lines)
    assert any(re.fullmatch(r"replan_steps\s+None\s*", line) for line in lines)


def test_a_suite_is_listed_with_the_protocol_asked_for() -> None:
    lines = run("goal", "--protocol", "openpi")
    assert any(re.fullmatch(r"replan_steps\s+5\s*", line) for line in lines)
    assert any(re.fullmatch(r"scene_seed\s+7\s*", line) for line in lines)


def test_a_collection_is_listed_suite_by_suite() -> None:
    titles = [line.split(":")[0] for line in run("all") if line.startswith("libero_")]
    assert titles == ["libero_spatial", "libero_object", "libero_goal", "libero_10"]
