"""Statistics held against what a policy is given and answers."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from harness.checking.training_data import Training, against_training, read_training
from harness.errors import PolicyUnavailableError
from harness.transforms.statistics import Statistics, VectorStatistics
from harness.types import Observation

# A gripper that looks down: half a turn about x, with a little lean. The quaternion's angle is a little less than pi.
DOWN = np.array([0.9998, 0.01, 0.005, 0.0165])
DOWN /= np.linalg.norm(DOWN)
ANGLE = 2 * np.arccos(DOWN[3])
AXIS_ANGLE = DOWN[:3] / np.linalg.norm(DOWN[:3]) * ANGLE
VECTOR = np.array([-0.05, 0.0, 1.17, *AXIS_ANGLE, 0.04, -0.04])
SEEN = Observation({}, {"eef_quat_xyzw": DOWN, "eef_axis_angle": AXIS_ANGLE, "vector": VECTOR}, "do it", 0)
# Of published LIBERO data, rounded: orientation about [3.0, 0, -0.1] with deviations of 0.1 to 0.3 rad.
STATE = VectorStatistics(
    mean=(-0.05, 0.03, 1.0, 2.97, -0.22, -0.13, 0.03, -0.03), std=(0.1, 0.15, 0.3, 0.34, 0.9, 0.36, 0.014, 0.014)
)
ACTIONS = VectorStatistics(mean=(0.0,) * 7, std=(0.3, 0.3, 0.3, 0.05, 0.05, 0.05, 1.0))
PLAIN = SimpleNamespace()


def statistics(state=STATE, actions=ACTIONS, key=None):
    return Statistics(actions, state, "0" * 64, key)


def with_quantiles(vectors):
    return VectorStatistics(vectors.mean, vectors.std, vectors.mean, vectors.mean)


def findings(policy=PLAIN, chosen=None, others=None, answers=None):
    answers = np.random.default_rng(0).normal(0, ACTIONS.std, (20, 7)) if answers is None else answers
    found = against_training(policy, Training(chosen or statistics(), others or {}), [SEEN], answers)
    return {finding.what: (finding.level, finding.detail) for finding in found}


def test_the_environments_state_fits_data_like_liberos() -> None:
    assert findings()["state"][0] == "ok"


def test_data_with_the_quaternion_read_in_the_other_order_are_told_from_it() -> None:
    misread = np.roll(DOWN, -1)
    angle = 2 * np.arccos(misread[3])
    orientation = misread[:3] / np.linalg.norm(misread[:3]) * angle
    # With 2 acos(0.9998) = 0.04 rad the misread orientation is near zero, 8.5 deviations from the data of the facts.
    assert np.abs(orientation).max() < 0.06
    policy = SimpleNamespace(model_state=lambda observation: np.array([*VECTOR[:3], *orientation, *VECTOR[6:]]))
    level, detail = findings(policy)["state"]
    assert level == "warning"
    assert "dimension 3 is 8." in detail
    assert "gives its model this: xyzw read as wxyz" in detail


def test_a_state_that_no_convention_explains_is_said_so() -> None:
    far = VectorStatistics(mean=(9.0,) * 8, std=(0.1,) * 8)
    level, detail = findings(chosen=statistics(state=far))["state"]
    assert (level, "no other convention" in detail) == ("warning", True)


def test_statistics_that_are_padded_are_compared_as_far_as_the_state_goes() -> None:
    padded = VectorStatistics(mean=(*STATE.mean, *[0.0] * 24), std=(*STATE.std, *[0.0] * 24))
    assert findings(chosen=statistics(state=padded))["state"][0] == "ok"


def test_a_state_that_is_longer_than_the_datas_is_an_error() -> None:
    short = VectorStatistics(mean=STATE.mean[:7], std=STATE.std[:7])
    level, detail = findings(chosen=statistics(state=short))["state"]
    assert level == "error"
    assert "8 numbers" in detail
    assert "have 7" in detail


def test_missing_quantiles_are_named() -> None:
    level, detail = findings()["statistics"]
    assert level == "warning"
    assert "q01 and q99 of actions and state are missing" in detail
    whole = statistics(state=with_quantiles(STATE), actions=with_quantiles(ACTIONS))
    assert findings(chosen=whole)["statistics"][0] == "ok"


def test_the_data_set_that_fits_is_named_in_place_of_a_wrong_unnorm_key() -> None:
    bridge = VectorStatistics(
        mean=(0.3, 0.0, 0.06, 0.0, -0.08, 0.1, 0.7, 0.0), std=(0.06, 0.1, 0.05, 0.1, 0.1, 0.5, 0.1, 0.1)
    )
    found = findings(chosen=statistics(state=bridge, key="bridge_orig"), others={"libero_spatial_no_noops": statistics()})
    level, detail = found["unnorm_key"]
    assert level == "warning"
    assert "unnorm_key=libero_spatial_no_noops?" in detail
    right = findings(chosen=statistics(key="libero_spatial_no_noops"), others={"bridge_orig": statistics(state=bridge)})
    assert right["unnorm_key"][0] == "ok"


@pytest.mark.parametrize(
    ("scale", "level"),
    [
        pytest.param(np.array([0.3, 0.3, 0.3, 0.05, 0.05, 0.05, 1.0]), "ok", id="like the data"),
        pytest.param(np.ones(7), "warning", id="normalised by z-scores"),
        pytest.param(np.full(7, 1e-3), "warning", id="nearly still"),
    ],
)
def test_the_spread_of_actions_is_compared_with_the_datas(scale, level) -> None:
    answers = np.random.default_rng(1).normal(0, scale, (20, 7))
    assert findings(answers=answers)["actions and data"][0] == level


def test_all_data_sets_of_a_file_are_read_and_damaged_ones_that_nobody_asked_about_left_out(tmp_path) -> None:
    vectors = {"mean": [0.0] * 7, "std": [1.0] * 7}
    content = {name: {"action": vectors} for name in ("mine", "yours")} | {"broken": {"action": 3}}
    (tmp_path / "dataset_statistics.json").write_text(json.dumps(content))
    training = read_training(tmp_path, "mine")
    assert training.chosen.key == "mine"
    assert list(training.others) == ["yours"]
    with pytest.raises(PolicyUnavailableError, match="not a map"):
        read_training(tmp_path, "broken")
