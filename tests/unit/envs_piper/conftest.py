"""A Piper scene whose things tests place by hand, and whose goal they watch."""

from __future__ import annotations

import numpy as np
import pytest

from harness.envs.piper.scene import base_scene
from harness.envs.piper.simulation import Simulation
from harness.envs.piper.task import START_OPENING_M, START_RAD
from harness.kinematics.registry import make_kinematics
from harness.kinematics.robot import load_robot

_TIMESTEP_S = 0.002
_STEPS_A_CONTROL_STEP = 25


class Table:
    """A scene with the arm out of the way, unless a test puts it elsewhere."""

    def __init__(self, scene):
        self.scene = scene
        spec = base_scene(load_robot())
        scene.build(spec)
        self.simulation = Simulation(spec, load_robot(), _TIMESTEP_S)
        self.reset()

    def reset(self, joints=START_RAD, opening_m=START_OPENING_M):
        """The arm at rest, and everything as the model has it."""
        self.simulation.reset(np.array(joints), opening_m)

    def reset_with_tcp_at(self, position_m, opening_m):
        """The arm at rest with its gripper pointing straight down, its fingers moving along the world's y."""
        target = np.diag([-1.0, 1.0, -1.0, 1.0])
        target[:3, 3] = position_m
        found = make_kinematics("analytic").inverse(target[np.newaxis], np.array(START_RAD), "tcp")
        assert found.success[0]
        self.reset(found.joint_pos_rad[0, 0], opening_m)

    def begin(self, init):
        """Puts the things where `init` says, and begins to watch."""
        self.scene.place(self.simulation, np.asarray(init, dtype=np.float64))
        self.simulation.forward()
        self.goal = self.scene.goal(self.simulation)

    def watch(self, control_steps, keep=lambda: None):
        """What the goal says after each control step; `keep` is called before it is asked."""
        answers = []
        for _ in range(control_steps):
            for _ in range(_STEPS_A_CONTROL_STEP):
                self.simulation.step()
            keep()
            self.simulation.forward()
            answers.append(self.goal.reached(self.simulation))
        return answers

    def throw(self, body, pos_m, velocity_m_s):
        """Lets a free body fly."""
        self.simulation.place(body, pos_m)
        start = int(self.simulation.model.joint(body).dofadr[0])
        self.simulation.data.qvel[start : start + 3] = velocity_m_s


@pytest.fixture(scope="session")
def make_table():
    """Makes a `Table` of a scene."""
    return Table
