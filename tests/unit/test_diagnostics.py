import json

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.diagnostics import diagnose, version_problems

GOOD = {"hf-libero": "0.1.4", "robosuite": "1.4.0", "bddl": "1.0.1", "mujoco": "3.3.2", "numpy": "2.4.6", "torch": None}


@pytest.fixture(scope="module")
def report():
    return diagnose()


def only(problems):
    assert len(problems) == 1
    return problems[0]


@pytest.mark.parametrize("python", [(3, 11), (3, 12)])
def test_the_pinned_versions_are_no_problem(python):
    assert version_problems(GOOD, python) == []


@pytest.mark.parametrize(
    ("version", "said", "fatal"),
    [
        ("3.9.0", "robosuite 1.4.0 does not work", True),
        ("4.0", "robosuite 1.4.0 does not work", True),
        ("3.10.1", "robosuite 1.4.0 does not work", True),
        ("3.8.1", "rests 8 mm higher", False),
        ("3.4.0", "rests 8 mm higher", False),
        ("3.3.7", "floors of libero_object", False),
        ("3.3.3", "floors of libero_object", False),
        ("3.2.3", "not been compared", False),
        ("2.3.7", "not been compared", False),
    ],
)
def test_every_other_mujoco_is_named_with_what_it_changes(version, said, fatal):
    problem = only(version_problems({**GOOD, "mujoco": version}, (3, 11)))
    assert version in problem.what
    assert said in problem.what
    assert problem.fatal is fatal
    assert "mujoco==3.3.2" in problem.remedy


@pytest.mark.parametrize("package", ["hf-libero", "robosuite", "bddl", "mujoco", "numpy"])
def test_a_missing_package_is_fatal(package):
    problem = only(version_problems({**GOOD, package: None}, (3, 11)))
    assert problem.fatal
    assert problem.what == f"{package} is not installed."


@pytest.mark.parametrize(("version", "fatal"), [("1.4.1", False), ("1.5.0", True), ("1.5", True)])
def test_another_robosuite_is_fatal_only_where_it_cannot_work(version, fatal):
    problem = only(version_problems({**GOOD, "robosuite": version}, (3, 11)))
    assert problem.fatal is fatal
    assert problem.remedy == "pip install robosuite==1.4.0"


def test_a_python_that_the_harness_is_not_made_for_is_a_warning():
    problem = only(version_problems(GOOD, (3, 13)))
    assert "3.13" in problem.what
    assert not problem.fatal


def test_the_report_of_this_machine_is_filled(report):
    assert report.versions["python"].startswith("3.")
    assert set(report.backends) == {"egl", "osmesa", "glfw"}
    assert report.machine.cores >= 1
    assert report.machine.memory_bytes > 2**20
    assert report.machine.disk_free_bytes > 0
    assert report.commit is None or len(report.commit.removesuffix("-dirty")) == 40


def test_a_machine_without_fatal_problems_has_what_libero_needs(report):
    if report.can_run:
        assert report.gl is not None
        assert report.assets is not None
        assert report.assets.missing == 0
    else:
        assert report.problems[0].fatal
    assert all(problem.what and problem.remedy for problem in report.problems)


def test_fatal_problems_come_first(tmp_path):
    fatal = [problem.fatal for problem in diagnose(str(tmp_path)).problems]
    assert fatal[0]
    assert fatal == sorted(fatal, reverse=True)


def test_incomplete_assets_are_fatal_and_counted(tmp_path):
    for name in ("scenes", "articulated_objects"):
        (tmp_path / name).mkdir()
    found = diagnose(str(tmp_path))
    assert not found.can_run
    assert (found.assets.missing, found.assets.modified) == (166, 0)
    assert any("166 of 166 asset files are missing" in problem.what for problem in found.problems)


def test_doctor_prints_each_problem_with_its_remedy_and_exits_with_1(tmp_path):
    result = CliRunner().invoke(cli, ["doctor", "--assets", str(tmp_path / "nowhere")])
    assert result.exit_code == 1
    assert "nowhere, which is not a folder" in " ".join(result.output.split())
    assert "-> Get them with `evalharness assets fetch`" in result.output
    assert result.output.endswith("LIBERO cannot run here.\n")


def test_doctor_json_agrees_with_its_exit_status(report):
    result = CliRunner().invoke(cli, ["doctor", "--json"])
    content = json.loads(result.output)
    assert content["can_run"] is report.can_run
    assert result.exit_code == (0 if report.can_run else 1)
    assert content["versions"]["python"] == report.versions["python"]
    assert [problem["what"] for problem in content["problems"]] == [problem.what for problem in report.problems]
