import numpy as np
import pytest

from harness.errors import UsageError
from harness.kinematics.analytic import AnalyticKinematics
from harness.kinematics.robot import load_robot
from harness.motion.execution import SimulatedArm, execute, execute_poses
from harness.motion.trajectory import jerk_limited
from harness.motion.world import Box, World
from harness.paths import robots_dir

pytest.importorskip("mujoco", reason="MuJoCo is not installed")
pytest.importorskip("ruckig", reason="ruckig is not installed")
pytestmark = pytest.mark.skipif(
    not (robots_dir() / "piper" / "piper.xml").is_file(), reason="robots/piper/piper.xml is not there"
)

READY = np.array([0, 1.2, -1.2, 0, 0.9, 0])
GOALS = np.array([[1, 2, -1.5, 0.5, -0.5, 1], [-1.5, 0.4, -0.9, -1.2, 1.0, -1.0], [0, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize("variant", ["current", "old-dh"])
@pytest.mark.parametrize("frame", ["tcp", "link6"])
def test_the_arm_gets_to_where_the_kinematics_say(variant: str, frame: str) -> None:
    robot = load_robot(variant)
    for goal, executed in zip(GOALS, execute_poses(GOALS, robot, frame=frame), strict=True):
        expected = AnalyticKinematics(robot).forward(goal[np.newaxis], frame)[0]
        np.testing.assert_allclose(executed.base_t_goal, expected, atol=1e-6)
        assert np.linalg.norm(executed.base_t_reached[:3, 3] - expected[:3, 3]) < 1e-3
        turned = executed.base_t_reached[:3, :3].T @ expected[:3, :3]
        assert np.arccos(min(1.0, (np.trace(turned) - 1) / 2)) < np.radians(0.5)
        assert executed.position_error_m < 1e-3
        assert executed.rotation_error_rad < np.radians(0.5)
        assert executed.settled
        assert executed.touched == ()


def test_the_arm_stays_near_its_trajectory_and_starts_where_it_starts() -> None:
    trajectory = jerk_limited(READY, GOALS[0])
    executed = execute(trajectory, load_robot())
    np.testing.assert_array_equal(executed.joint_pos_rad[0], READY)
    off = np.abs(executed.joint_pos_rad[: len(trajectory.time_s)] - trajectory.joint_pos_rad)
    np.testing.assert_allclose(executed.tracking_error_rad, off.max(axis=0))
    assert off.max() < np.radians(1)
    assert executed.time_s[-1] >= trajectory.duration_s


def test_an_arm_that_does_not_move_holds_its_pose_against_gravity() -> None:
    stretched = np.array([0, 1.9, -1.2, 0, 0, 0])
    executed = execute(jerk_limited(stretched, stretched), load_robot())
    assert executed.position_error_m < 1e-3


def test_a_motion_is_the_same_again_and_whatever_came_before() -> None:
    arm, trajectory = SimulatedArm(load_robot()), jerk_limited(READY, GOALS[1])
    alone = SimulatedArm(load_robot()).follow(trajectory)
    arm.follow(jerk_limited(READY, GOALS[0]))
    np.testing.assert_array_equal(arm.follow(trajectory).joint_pos_rad, alone.joint_pos_rad)


def test_an_arm_that_hits_a_wall_says_so_and_does_not_arrive() -> None:
    wall = Box(name="wall", size_m=(0.3, 0.02, 0.5), xyz_m=(0.4, 0, 0.25))
    left, right = READY + np.eye(6)[0] * 0.6, READY - np.eye(6)[0] * 0.6
    executed = execute(jerk_limited(left, right), load_robot(), world=World(obstacles=(wall,)))
    assert any("wall" in pair for pair in executed.touched)
    assert executed.position_error_m > 0.05


def test_what_cannot_be_driven_is_refused() -> None:
    robot = load_robot()
    with pytest.raises(UsageError, match=r"every 0\.002 s, not every 0\.01 s"):
        execute(jerk_limited(READY, GOALS[0], dt_s=0.01), robot)
    with pytest.raises(UsageError, match="no frame 'tpc'"):
        execute(jerk_limited(READY, GOALS[0]), robot, frame="tpc")
    with pytest.raises(UsageError, match="goal 1"):
        execute_poses([[0] * 6, [np.nan] * 6], robot)
