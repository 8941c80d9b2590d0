from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.action_spaces import ACTION_SPACES
from harness.envs.piper.control import Controller
from harness.envs.piper.scene import base_scene
from harness.envs.piper.simulation import Simulation
from harness.kinematics.registry import make_kinematics
from harness.kinematics.robot import load_robot
from harness.policies.expert.encode import encode
from harness.policies.expert.view import Command, View

# Away from all limits, and from joint 5 at 0, where joints 4 and 6 turn about one axis.
START_RAD = np.array((0.0, 1.0, -0.9, 0.0, 0.8, 0.0))
# Within what the joints do in a control step at 3 rad/s, and the tcp at 1 m/s and 10 rad/s.
STEP_RAD = 0.04


@pytest.fixture(scope="module")
def arm_alone():
    """The arm over an empty table, and a controller of each action space."""
    simulation = Simulation(base_scene(load_robot()), load_robot(), 0.002)
    kinematics = make_kinematics("analytic")
    return simulation, {space: Controller(simulation, kinematics, space, 20) for space in ACTION_SPACES}


def begin(simulation, controller, arm, joints):
    simulation.reset(joints, 0.05)
    simulation.forward()
    controller.reset()
    told = controller.base_t_tcp_commanded()
    return View(Command(told, 0.05), arm.joints(told, joints), told, 0.05, {}, {}, arm)


def gap(first, second):
    """Distance (m) and angle (rad) between two poses."""
    turn = Rotation.from_matrix(first[:3, :3]).inv() * Rotation.from_matrix(second[:3, :3])
    return np.linalg.norm(first[:3, 3] - second[:3, 3]), turn.magnitude()


def vectors(low, high):
    return st.tuples(*[st.floats(low, high)] * 6).map(np.array)


@settings(max_examples=25, deadline=None)
@given(
    away=vectors(-0.3, 0.3),
    step=vectors(-STEP_RAD, STEP_RAD),
    opening_m=st.floats(0.0, 0.07),
    space=st.sampled_from(list(ACTION_SPACES)),
)
def test_the_environment_does_what_was_encoded(arm_alone, arm, away, step, opening_m, space):
    simulation, controllers = arm_alone
    view = begin(simulation, controllers[space], arm, START_RAD + away)
    command = Command(arm.pose(START_RAD + away + step), opening_m)
    controllers[space].apply(encode(space, command, view))
    metres, radians = gap(controllers[space].base_t_tcp_commanded(), command.base_t_tcp)
    assert metres < 1e-6
    assert radians < 1e-6
    assert simulation.data.actuator("gripper").ctrl[0] == pytest.approx(opening_m, abs=1e-12)


@pytest.mark.parametrize("space", ACTION_SPACES)
def test_an_action_of_a_possible_command_lies_in_its_space(arm, space):
    told = arm.pose(START_RAD)
    view = View(Command(told, 0.05), START_RAD, told, 0.05, {}, {}, arm)
    for opening_m in (0.0, 0.07):
        action = encode(space, Command(arm.pose(START_RAD + STEP_RAD), opening_m), view)
        assert (action >= ACTION_SPACES[space].low).all()
        assert (action <= ACTION_SPACES[space].high).all()


def test_a_delta_that_is_too_far_keeps_its_direction(arm):
    told = arm.pose(START_RAD)
    far = told.copy()
    far[:3, 3] += (0.1, -0.02, 0.05)
    action = encode("eef_delta", Command(far, 0.05), View(Command(told, 0.05), START_RAD, told, 0.05, {}, {}, arm))
    assert action[:3] == pytest.approx([1.0, -0.2, 0.5])
    assert action[3:6] == pytest.approx([0.0, 0.0, 0.0])
