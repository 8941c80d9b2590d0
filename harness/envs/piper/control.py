"""From an action to the motion of one control step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from harness.action_spaces import EEF_DELTA_M, EEF_DELTA_RAD, GRIPPER_OPENING_M, MAX_JOINT_SPEED_RAD_S
from harness.envs.piper.simulation import Simulation
from harness.errors import EpisodeError
from harness.kinematics.base import Kinematics
from harness.types import Float64Array

_TCP = "tcp"

# How far the set points may stay ahead of joints that are held up, by an obstacle say, after a control step: enough for the
# full force of the big servos, several times what they lag in free motion, and little enough to turn round at once.
_MAX_LEAD_RAD = 0.05

# The way to another branch of the inverse kinematics is longer than this, that to a pose nearby shorter.
_TURNS_OVER_RAD = 0.5


class Controller:
    """Turns actions into set points of the arm's servos, and runs the physics for a control step.

    The set points are remembered: what an action moves is where the arm was told to be, not where it is, so that neither
    gravity nor contact makes it drift. They go straight from one action's to the next one's within the control step, no
    joint faster than the SDK allows; a farther goal is approached as far as that gets.
    """

    def __init__(self, simulation: Simulation, kinematics: Kinematics, action_space: str, control_freq_hz: int) -> None:
        """Makes a controller; `reset` it before the first action.

        Args:
            simulation: What is driven.
            kinematics: Of the same arm.
            action_space: One of `harness.action_spaces.ACTION_SPACES`.
            control_freq_hz: Actions a simulated second.
        """
        self._simulation = simulation
        self._kinematics = kinematics
        self._decode = self._decoders()[action_space]
        self._period_s = 1.0 / control_freq_hz
        self._substeps = round(self._period_s / simulation.model.opt.timestep)
        self._limits_rad = simulation.robot.limits_rad
        self._joints = np.zeros(6)

    def reset(self) -> None:
        """Takes the joints as they are for the set points."""
        self._joints = self._simulation.drive.joint_pos_rad

    def base_t_tcp_commanded(self) -> Float64Array:
        """Where the tcp was told to be, (4, 4)."""
        return np.asarray(self._kinematics.forward(self._joints[np.newaxis], _TCP)[0])

    def hold(self) -> None:
        """One control step in which nothing is asked to move."""
        self._run(self._joints)

    def apply(self, action: Float64Array) -> None:
        """One control step.

        Args:
            action: (7,), as the action space says.

        Raises:
            EpisodeError: The simulation became unstable.
        """
        goal, opening_m = self._decode(action)
        self._simulation.drive.grip(float(np.clip(opening_m, *GRIPPER_OPENING_M)))
        self._run(goal)
        if self._simulation.unstable:
            raise EpisodeError("the simulation became unstable (a NaN or a huge acceleration)")

    def _run(self, goal_rad: Float64Array) -> None:
        start = self._joints
        way = np.clip(goal_rad, self._limits_rad[:, 0], self._limits_rad[:, 1]) - start
        fastest = float(np.abs(way).max()) / self._period_s
        way *= min(1.0, MAX_JOINT_SPEED_RAD_S / fastest) if fastest > 0 else 1.0
        velocity = way / self._period_s
        for substep in range(1, self._substeps + 1):
            self._simulation.drive.move(start + way * (substep / self._substeps), velocity)
            self._simulation.step()
        self._simulation.forward()
        real = self._simulation.drive.joint_pos_rad
        self._joints = np.clip(start + way, real - _MAX_LEAD_RAD, real + _MAX_LEAD_RAD)

    def _decoders(self) -> Mapping[str, Callable[[Float64Array], tuple[Float64Array, float]]]:
        """Action space -> what makes (joints (6,) in rad, opening in m) of an action."""
        return {
            "joint_position": lambda action: (action[:6], action[6]),
            "joint_delta": lambda action: (self._joints + action[:6], action[6]),
            "eef_pose": self._eef_pose,
            "eef_delta": self._eef_delta,
        }

    def _eef_pose(self, action: Float64Array) -> tuple[Float64Array, float]:
        return self._solve(action[:3], Rotation.from_rotvec(action[3:6])), action[6]

    def _eef_delta(self, action: Float64Array) -> tuple[Float64Array, float]:
        clipped = np.clip(action, -1.0, 1.0)
        commanded = self.base_t_tcp_commanded()
        position = commanded[:3, 3] + EEF_DELTA_M * clipped[:3]
        turned = Rotation.from_rotvec(EEF_DELTA_RAD * clipped[3:6]) * Rotation.from_matrix(commanded[:3, :3])
        closed, opened = GRIPPER_OPENING_M
        return self._solve(position, turned), opened + (closed - opened) * (clipped[6] + 1.0) / 2.0

    def _solve(self, position_m: Float64Array, rotation: Rotation) -> Float64Array:
        """The joints nearest to the set points that bring the tcp to a pose.

        Of a pose out of reach, those that come nearest to it; where these are far from the set points, so that the arm would
        turn over for a pose that it cannot have, the set points.
        """
        target = np.eye(4)
        target[:3, :3], target[:3, 3] = rotation.as_matrix(), position_m
        solutions = self._kinematics.inverse(target[np.newaxis], self._joints, _TCP)
        found = np.asarray(solutions.joint_pos_rad[0, 0])
        turns_over = not solutions.success[0] and np.abs(found - self._joints).max() > _TURNS_OVER_RAD
        return self._joints if turns_over else found
