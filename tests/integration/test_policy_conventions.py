"""`policies check --suite`: a policy that has learned from an expert's ways, and every mistake that it can be given."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from cloned import fit

from harness.checking.agreement import agreement, led
from harness.checking.training_data import Training, against_training
from harness.checking.walk import Stage
from harness.cli.main import cli
from harness.envs.libero.installation import missing_packages
from harness.preparation import prepare
from harness.registry import make_policy
from harness.request import Request

SOURCE = Path(__file__).parents[1] / "policies" / "cloned.py"

pytestmark = [
    pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed"),
    pytest.mark.xdist_group("policy_conventions"),
    pytest.mark.slow,
]


def staged(init):
    return Stage(prepare(Request("object", "zero", tasks="0", init=str(init), assets="lite", video="none")))


@pytest.fixture(scope="module")
def walks():
    """Of initial states 0 to 3; the first one is what policies are checked with, the others are learned from."""
    found = []
    for init in range(4):
        stage = staged(init)
        found.append(stage.walk())
        stage.close()
    return found


@pytest.fixture(scope="module")
def folder(walks, tmp_path_factory):
    place = tmp_path_factory.mktemp("cloned")
    fit(walks[1:], place)
    return place


@pytest.fixture(scope="module")
def stage():
    one = staged(0)
    yield one
    one.close()


@pytest.fixture
def found(stage, walks, folder):
    """Mistake -> the findings that are no "ok": what they are about, and what they say."""

    def check(mistake):
        policy = make_policy(f"py:{SOURCE}:Cloned?folder={folder}&mistake={mistake}", stage.spec)
        answers = led(policy, stage.spec, walks[0], walks[0].observations)
        findings = agreement(policy, stage.spec, stage.protocol, walks[0], answers)
        findings += against_training(policy, Training(policy.statistics, {}), walks[0].observations, answers)
        return [(finding.what, finding.detail) for finding in findings if finding.level != "ok"]

    return check


def test_nothing_is_said_of_a_good_policy(found) -> None:
    assert found("none") == []


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ("rotated", "rotated by 180 degrees"),
        ("flipped", "flipped upside down"),
        ("mirrored", "mirrored left to right"),
        ("bgr", "BGR in place of RGB"),
        ("chw", "channels first"),
    ],
)
def test_pictures_with_a_wrong_convention_are_named(found, mistake, named) -> None:
    details = [detail for what, detail in found(mistake) if what == "pictures"]
    assert len(details) == 1
    assert named in details[0]


@pytest.mark.parametrize(("mistake", "named"), [("wxyz", "xyzw read as wxyz"), ("antipodal", "other sign")])
def test_a_quaternion_with_a_wrong_convention_is_named_by_behaviour_and_by_statistics(found, mistake, named) -> None:
    details = [detail for what, detail in found(mistake) if what == "state"]
    assert len(details) == 2
    assert all(named in detail for detail in details)
    assert "What fits" in details[1]
    assert "angle up to 2 pi" in details[1]


def test_actions_that_stayed_normalised_are_named(found) -> None:
    assert any(what == "actions and data" and "un-normalised" in detail for what, detail in found("normalised"))


def test_actions_that_were_un_normalised_twice_are_named(found) -> None:
    assert {"saturation", "actions and data"} <= {what for what, _ in found("twice")}


def test_a_gripper_with_the_other_sign_is_named(found) -> None:
    assert found("gripper") == [("gripper", found("gripper")[0][1])]
    assert "the other way round" in found("gripper")[0][1]


def test_a_gripper_from_0_to_1_is_named(found) -> None:
    assert any(what == "gripper" and "0 to 1" in detail for what, detail in found("gripper01"))


def test_the_command_says_all_of_it_and_measures_answers_in_a_rollout(folder) -> None:
    uri = f"py:{SOURCE}:Cloned?folder={folder}&mistake=rotated"
    result = CliRunner().invoke(cli, ["policies", "check", uri, "--suite", "object", "--assets", "lite"])
    assert result.exit_code == 0
    words = " ".join(result.output.split())
    assert "rotated by 180 degrees" in words
    assert "40 answers" in words
    assert "p99" in words


def test_a_policy_that_fails_in_the_rollout_is_an_error(tmp_path) -> None:
    file = tmp_path / "late.py"
    file.write_text(
        "def act(observation):\n    if observation.step == 3:\n        raise KeyError('wrist_image')\n    return [0.0] * 7\n"
    )
    result = CliRunner().invoke(cli, ["policies", "check", f"py:{file}:act", "--suite", "object", "--assets", "lite"])
    assert result.exit_code == 1
    assert "after 3 steps" in " ".join(result.output.split())
