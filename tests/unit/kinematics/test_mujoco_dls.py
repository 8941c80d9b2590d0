import math

import mujoco
import numpy as np
import pytest

from harness.errors import UsageError
from harness.kinematics.mujoco_dls import MujocoKinematics

# Two hinges of 1 m and 0.5 m in a plane, on a base that is turned by 90 degrees and 1 m up; a slide that must stay.
PLANAR = """
<mujoco><compiler angle="radian"/><worldbody>
  <body name="base" pos="0 0 1" euler="0 0 1.5707963267948966">
    <geom size="0.01"/>
    <body name="upper"><joint name="a" axis="0 0 1" range="-3 3"/><geom size="0.01"/>
      <body name="fore" pos="1 0 0"><joint name="b" axis="0 0 1" range="-2 2"/><geom size="0.01"/>
        <site name="tip" pos="0.5 0 0"/>
        <body name="finger"><joint name="s" type="slide" axis="1 0 0" range="0 1"/><geom size="0.01"/></body>
      </body></body></body></worldbody></mujoco>
"""


@pytest.fixture(scope="module")
def planar():
    return MujocoKinematics(mujoco.MjModel.from_xml_string(PLANAR), base="base")


def test_any_model_gives_its_named_bodies_and_sites_as_frames(planar):
    assert planar.frames == ("world", "base", "upper", "fore", "finger", "tip")
    assert planar.joint_names == ("a", "b")
    assert planar.limits_rad.tolist() == [[-3.0, 3.0], [-2.0, 2.0]]


def test_poses_and_jacobians_are_in_the_base_frame(planar):
    joints = np.array([[math.pi / 2, math.pi / 2]])
    assert planar.forward(joints, "tip")[0, :3, 3] == pytest.approx([-0.5, 1.0, 0.0], abs=1e-12)
    expected = np.array([[-1.0, 0.0], [-0.5, -0.5], [0, 0], [0, 0], [0, 0], [1, 1]])
    assert planar.jacobian(joints, "tip")[0] == pytest.approx(expected, abs=1e-12)


def test_poses_are_in_the_world_without_a_base():
    kinematics = MujocoKinematics(mujoco.MjModel.from_xml_string(PLANAR))
    assert kinematics.forward(np.zeros((1, 2)), "tip")[0, :3, 3] == pytest.approx([0.0, 1.5, 1.0], abs=1e-12)


def test_a_model_of_two_joints_is_solved(planar):
    joints = np.array([[0.4, -1.1], [2.9, 1.9]])
    solutions = planar.inverse(planar.forward(joints, "tip"), frame="tip")
    assert solutions.success.all()
    assert solutions.joint_pos_rad[:, 0] == pytest.approx(joints, abs=1e-3)


@pytest.mark.parametrize(
    ("place", "turn", "category"),
    [((3.0, 0.0, 0.0), 0.0, "reach"), ((0.2, 0.0, 0.0), 0.0, "limits"), ((1.5, 0.0, 0.3), 0.0, "reach")],
)
def test_a_pose_out_of_reach_says_why(planar, place, turn, category):
    target = np.eye(4)[None].copy()
    target[0, :3, 3] = place
    solutions = planar.inverse(target, frame="tip")
    assert not solutions.success[0]
    assert solutions.reason[0].startswith(f"{category}: ")


def test_an_orientation_out_of_reach_says_so(planar):
    target = planar.forward(np.array([[0.4, -1.1]]), "tip")
    tilt = np.array([[1, 0, 0], [0, math.cos(0.012), -math.sin(0.012)], [0, math.sin(0.012), math.cos(0.012)]])
    target[0, :3, :3] = target[0, :3, :3] @ tilt
    assert planar.inverse(target, frame="tip").reason[0].startswith("orientation: ")


def test_frames_can_be_chosen_and_renamed():
    model = mujoco.MjModel.from_xml_string(PLANAR)
    assert MujocoKinematics(model, {"tool": ("site", "tip")}).frames == ("tool",)
    with pytest.raises(UsageError, match=r"no site 'tipp'\. Did you mean 'tip'"):
        MujocoKinematics(model, {"tool": ("site", "tipp")})
    with pytest.raises(UsageError, match="not a 'geom'"):
        MujocoKinematics(model, {"tool": ("geom", "tip")})
    with pytest.raises(UsageError, match="no body 'bas'"):
        MujocoKinematics(model, base="bas")


def test_a_model_without_hinges_or_ranges_is_refused():
    with pytest.raises(UsageError, match="no hinge joint"):
        MujocoKinematics(mujoco.MjModel.from_xml_string("<mujoco><worldbody/></mujoco>"))
    free = '<mujoco><worldbody><body><joint name="j"/><geom size="1"/></body></worldbody></mujoco>'
    with pytest.raises(UsageError, match="joint 'j' of the MuJoCo model has no range"):
        MujocoKinematics(mujoco.MjModel.from_xml_string(free))
