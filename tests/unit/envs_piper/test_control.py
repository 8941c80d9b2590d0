import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.action_spaces import ACTION_SPACES
from harness.envs.piper.control import Controller
from harness.envs.piper.scene import base_scene
from harness.envs.piper.simulation import Simulation
from harness.errors import EpisodeError
from harness.kinematics.registry import make_kinematics
from harness.kinematics.robot import load_robot

ROBOT, KINEMATICS = load_robot(), make_kinematics("analytic")
# Looking down at 55 degrees, with way to go in every direction.
START_POSE = np.array([[-0.82, 0, 0.57, 0.32], [0, 1, 0, 0], [-0.57, 0, -0.82, 0.16], [0, 0, 0, 1]])
START_POSE[:3, :3] = Rotation.from_matrix(START_POSE[:3, :3]).as_matrix()
START = KINEMATICS.inverse(START_POSE[np.newaxis], np.array([0, 1.0, -0.9, 0, 1.0, 0]), "tcp").joint_pos_rad[0, 0]
SIMULATIONS = {step: Simulation(base_scene(ROBOT), ROBOT, step) for step in (0.002, 0.001)}
HOLD = {
    "eef_delta": np.zeros(7),
    "joint_delta": np.array([0, 0, 0, 0, 0, 0, 0.035]),
    "joint_position": np.array([*START, 0.035]),
}


def controller(space: str, joints=START, timestep_s=0.002) -> tuple[Controller, Simulation]:
    simulation = SIMULATIONS[timestep_s]
    simulation.reset(np.asarray(joints, dtype=float), 0.035)
    simulation.forward()
    made = Controller(simulation, KINEMATICS, space, 20)
    made.reset()
    return made, simulation


def tcp(simulation) -> np.ndarray:
    return simulation.site_pose("tcp").copy()


def as_action(pose, opening_m=0.035) -> np.ndarray:
    """An absolute pose in the space ``eef_pose``."""
    return np.array([*pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_rotvec(), opening_m])


@pytest.mark.parametrize("space", HOLD)
def test_an_arm_that_is_told_to_stay_stays(space):
    control, simulation = controller(space)
    before = tcp(simulation)
    for _ in range(100):
        control.apply(HOLD[space])
    assert np.linalg.norm(tcp(simulation)[:3, 3] - before[:3, 3]) < 1e-3
    assert simulation.drive.opening_m == pytest.approx(0.035, abs=1e-3)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [-1, 1])
def test_one_is_five_centimetres_along_the_bases_axis(axis, sign):
    control, simulation = controller("eef_delta")
    before = tcp(simulation)
    action = np.zeros(7)
    action[axis] = 0.2 * sign
    for _ in range(5):
        control.apply(action)
    for _ in range(10):
        control.apply(np.zeros(7))
    expected = before[:3, 3].copy()
    expected[axis] += 5 * 0.2 * 0.05 * sign
    np.testing.assert_allclose(tcp(simulation)[:3, 3], expected, atol=1e-3)
    turned = Rotation.from_matrix(tcp(simulation)[:3, :3].T @ before[:3, :3]).magnitude()
    assert turned < 5e-3


@pytest.mark.parametrize("axis", range(3))
def test_one_is_half_a_radian_about_the_bases_axis(axis):
    control, simulation = controller("eef_delta")
    before = Rotation.from_matrix(tcp(simulation)[:3, :3])
    action = np.zeros(7)
    action[3 + axis] = 0.1
    for _ in range(4):
        control.apply(action)
    for _ in range(10):
        control.apply(np.zeros(7))
    turn = Rotation.from_matrix(tcp(simulation)[:3, :3]) * before.inv()
    np.testing.assert_allclose(turn.as_rotvec(), 0.2 * np.eye(3)[axis], atol=5e-3)


@pytest.mark.parametrize(("number", "opening_m"), [(-1, 0.07), (-3, 0.07), (0, 0.035), (1, 0.0), (0.5, 0.0175)])
def test_the_gripper_of_a_delta_opens_at_minus_one_and_closes_at_one(number, opening_m):
    control, simulation = controller("eef_delta")
    for _ in range(40):
        control.apply(np.array([0, 0, 0, 0, 0, 0, number]))
    assert simulation.drive.opening_m == pytest.approx(opening_m, abs=1e-3)


@pytest.mark.parametrize("space", ["eef_pose", "joint_position", "joint_delta"])
@pytest.mark.parametrize("opening_m", [0.0, 0.02, 0.07, 0.2])
def test_the_other_spaces_take_the_opening_in_metres_within_its_range(space, opening_m):
    control, simulation = controller(space)
    action = {**HOLD, "eef_pose": as_action(tcp(simulation))}[space].copy()
    action[6] = opening_m
    for _ in range(40):
        control.apply(action)
    assert simulation.drive.opening_m == pytest.approx(min(opening_m, 0.07), abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-0.08, 0.08), min_size=6, max_size=6))
def test_all_four_spaces_reach_one_goal_alike(offsets):
    joints = START + np.array(offsets)
    goal = KINEMATICS.forward(joints[np.newaxis], "tcp")[0]
    first = KINEMATICS.forward(START[np.newaxis], "tcp")[0]
    move = (goal[:3, 3] - first[:3, 3]) / 0.05 / 5
    turn = Rotation.from_matrix(goal[:3, :3] @ first[:3, :3].T).as_rotvec() / 0.5 / 5
    actions = {
        "joint_position": [np.array([*joints, 0.035])] * 25,
        "joint_delta": [np.array([*(np.array(offsets) / 5), 0.035])] * 5 + [HOLD["joint_delta"]] * 20,
        "eef_pose": [as_action(goal)] * 25,
        "eef_delta": [np.array([*move, *turn, 0])] * 5 + [np.zeros(7)] * 20,
    }
    for space, sequence in actions.items():
        control, simulation = controller(space)
        for action in sequence:
            control.apply(action)
        assert np.linalg.norm(tcp(simulation)[:3, 3] - goal[:3, 3]) < 1e-3, space
        assert Rotation.from_matrix(tcp(simulation)[:3, :3].T @ goal[:3, :3]).magnitude() < 5e-3, space


@pytest.mark.parametrize("space", ACTION_SPACES)
@pytest.mark.parametrize("extreme", ["action_low", "action_high"])
def test_no_joint_is_told_to_move_faster_than_the_sdk_allows(space, extreme):
    control, simulation = controller(space)
    action = np.array(ACTION_SPACES[space].low if extreme == "action_low" else ACTION_SPACES[space].high)
    joints = [simulation.drive.joint_pos_rad]
    for _ in range(15):
        control.apply(action)
        joints.append(simulation.drive.joint_pos_rad)
    half_second = np.abs(np.array(joints)[10:] - np.array(joints)[:-10]).max() * 2
    assert half_second < 3.0 * 1.02


def test_joints_stay_within_their_limits_whatever_is_asked():
    control, simulation = controller("joint_position")
    for _ in range(60):
        control.apply(np.array([9.0, -9.0, 9.0, -9.0, 9.0, 9.0, 0.0]))
    joints = simulation.drive.joint_pos_rad
    assert (joints <= ROBOT.limits_rad[:, 1] + 5e-3).all()
    assert (joints >= ROBOT.limits_rad[:, 0] - 5e-3).all()


def test_an_arm_that_was_pressed_against_the_table_comes_up_again_at_once():
    control, simulation = controller("eef_delta")
    for _ in range(20):
        control.apply(np.array([0, 0, -0.6, 0, 0, 0, 1.0]))
    pressed = tcp(simulation)[2, 3]
    assert pressed < 0.03
    for _ in range(8):
        control.apply(np.array([0, 0, 0.3, 0, 0, 0, 1.0]))
    assert tcp(simulation)[2, 3] > pressed + 0.05


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_for_a_pose_out_of_reach_the_arm_does_not_turn_over(direction):
    control, simulation = controller("eef_delta")
    action = np.array([*direction, 0.0])
    joints = [simulation.drive.joint_pos_rad]
    for _ in range(12):
        before, reachable = control.base_t_tcp_commanded(), simulation.drive.joint_pos_rad
        goal = before.copy()
        goal[:3, 3] += 0.05 * action[:3]
        goal[:3, :3] = (Rotation.from_rotvec(0.5 * action[3:6]) * Rotation.from_matrix(before[:3, :3])).as_matrix()
        found = KINEMATICS.inverse(goal[np.newaxis], reachable, "tcp")
        control.apply(action)
        joints.append(simulation.drive.joint_pos_rad)
        far = np.abs(found.joint_pos_rad[0, 0] - reachable).max() > 0.6
        if far and not found.success[0]:
            assert np.abs(joints[-1] - joints[-2]).max() < 0.06, "it stays, but for what its servos still lag"


def test_a_finer_time_step_gives_the_same_motion():
    reached = []
    for step in (0.002, 0.001):
        control, simulation = controller("eef_delta", timestep_s=step)
        for _ in range(20):
            control.apply(np.array([0.1, 0.2, -0.1, 0, 0, 0.05, 0]))
        reached.append(tcp(simulation))
    assert np.linalg.norm(reached[0][:3, 3] - reached[1][:3, 3]) < 5e-4


def test_an_unstable_simulation_is_an_error_of_the_episode(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes a log of its warnings into the current folder
    control, simulation = controller("eef_delta")
    simulation.data.qvel[:] = 1e9
    with pytest.raises(EpisodeError, match="unstable"):
        control.apply(np.zeros(7))
