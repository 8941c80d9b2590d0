from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyUnavailableError
from harness.policies.check import Finding, check_policy, synthetic_observation
from harness.preparation import spec_of
from harness.request import Request
from harness.types import EnvSpec

SPEC = libero_env_spec()

BODIES = {
    "good": "return np.clip(observation.state['vector'][:7], -1, 1) * 0.5",
    "wide": "return np.full((3, 7), 1.5)",
    "narrow": "return np.zeros(6)",
    "nan": "return np.full(7, np.nan)",
    "noisy": "return np.random.default_rng().uniform(size=7)",
    "writes": "observation.images['wrist'][0, 0] += 1\n    return np.zeros(7)",
    "fails": "raise ValueError('no such key')",
}
SOURCE = "import numpy as np\n" + "".join(f"def {name}(observation):\n    {body}\n" for name, body in BODIES.items())
CLASSES = """
class Counts:
    def reset(self, episode): self.asked = 0
    def infer(self, observation):
        self.asked += 1
        return [self.asked / 10] * 7

class Model:
    def infer(self, observation): return [0.0] * 7
    def close(self): raise OSError('already gone')
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE + CLASSES)
    return path


def levels(uri: str) -> dict[str, str]:
    return {finding.what: finding.level for finding in check_policy(uri, SPEC)}


@pytest.mark.parametrize("name", ["good", "Counts", "zero"])
def test_a_good_policy_has_no_other_finding_than_ok(file: Path, name: str) -> None:
    found = levels("zero" if name == "zero" else f"py:{file}:{name}")
    assert set(found) == {"describe", "make", "actions", "range", "latency", "repeatable", "input", "close"}
    assert set(found.values()) == {"ok"}


@pytest.mark.parametrize(
    ("name", "what", "level"),
    [
        ("wide", "range", "warning"),
        ("noisy", "repeatable", "warning"),
        ("writes", "input", "error"),
        ("narrow", "infer", "error"),
        ("nan", "infer", "error"),
        ("fails", "infer", "error"),
        ("Model", "close", "error"),
        ("absent", "describe", "error"),
    ],
)
def test_each_fault_is_found_and_nothing_else(file: Path, name: str, what: str, level: str) -> None:
    found = levels(f"py:{file}:{name}")
    assert {k: v for k, v in found.items() if v != "ok"} == {what: level}


def test_an_unknown_back_end_is_an_error_of_the_caller() -> None:
    with pytest.raises(PolicyUnavailableError):
        check_policy("nothing:here", SPEC)


def test_the_synthetic_observation_is_as_the_spec_says_and_always_the_same() -> None:
    spec = EnvSpec(1, (0.0,), (1.0,), {"front": (4, 6, 3)}, {"joint_pos": 7, "force": 5, "eef_pos": 2}, "a")
    first, second = synthetic_observation(spec), synthetic_observation(spec)
    assert first.images["front"].shape == (4, 6, 3)
    assert first.images["front"].dtype == np.uint8
    assert {name: value.shape for name, value in first.state.items()} == {"joint_pos": (7,), "force": (5,), "eef_pos": (2,)}
    assert np.array_equal(first.images["front"], second.images["front"])
    assert np.array_equal(first.state["force"], second.state["force"])
    assert synthetic_observation(spec, images=False).images == {}


def test_the_synthetic_state_is_consistent_in_itself() -> None:
    from scipy.spatial.transform import Rotation

    state = synthetic_observation(SPEC).state
    rotation = Rotation.from_quat(state["eef_quat_xyzw"])
    assert np.allclose(rotation.as_matrix(), Rotation.from_rotvec(state["eef_axis_angle"]).as_matrix())
    parts = [state["eef_pos"], state["eef_axis_angle"], state["gripper_qpos"]]
    assert np.array_equal(state["vector"], np.concatenate(parts))


@pytest.mark.parametrize(("name", "code"), [("good", 0), ("wide", 0), ("nan", 1)])
def test_the_command_exits_with_1_on_errors_alone(file: Path, name: str, code: int) -> None:
    result = CliRunner().invoke(cli, ["policies", "check", f"py:{file}:{name}"])
    assert result.exit_code == code
    assert f"{code} errors" in result.output


def test_the_command_leaves_a_wrong_uri_to_the_main_command() -> None:
    result = CliRunner().invoke(cli, ["policies", "check", "nothing:here"])
    assert isinstance(result.exception, PolicyUnavailableError)


def test_the_command_lists_every_scheme() -> None:
    result = CliRunner().invoke(cli, ["policies", "list"])
    assert result.exit_code == 0
    first_words = {line.split(" ")[0] for line in result.output.splitlines()}
    assert {"zero", "random", "replay", "py", "ws", "wss"} <= first_words


@pytest.mark.parametrize("command", ["list", "check"])
def test_help_has_examples(command: str) -> None:
    assert "evalharness policies " in CliRunner().invoke(cli, ["policies", command, "--help"]).output


def test_a_policy_that_needs_a_simulator_is_not_asked_without_one() -> None:
    findings = check_policy("expert", spec_of(Request("piper_lift", "expert")))
    assert [finding.what for finding in findings if finding.level != "ok"] == ["infer"]
    assert findings[-1] == Finding("ok", "close", "closed")
