"""One compiled scene: where things are put, where they are, and what touches what."""

from __future__ import annotations

import typing

import numpy as np
import numpy.typing as npt

from harness.kinematics.robot import RobotModel
from harness.motion.drive import Drive
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

_FINGERS = ("gripper_link1", "gripper_link2")


class Simulation:
    """A scene with the arm in it. The world's frame is the arm's base frame.

    Attributes:
        model: The compiled scene.
        data: Its state.
        robot: The arm.
        drive: What moves the arm.
    """

    def __init__(self, spec: mujoco.MjSpec, robot: RobotModel, timestep_s: float) -> None:
        """Compiles a scene.

        Args:
            spec: From `harness.envs.piper.scene.base_scene`, with a task's things in it.
            robot: The arm in it.
            timestep_s: Of the physics.
        """
        import mujoco

        self._mujoco = mujoco
        spec.option.timestep = timestep_s
        self.model: mujoco.MjModel = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.robot = robot
        self.drive = Drive(self.model, self.data, robot)
        self._fingers = frozenset(int(self.model.body(name).id) for name in _FINGERS)

    def reset(self, joint_pos_rad: Float64Array, opening_m: float) -> None:
        """Forgets everything that happened, and puts the arm at rest at (6,) joints with its gripper `opening_m` wide."""
        self._mujoco.mj_resetData(self.model, self.data)
        self.drive.put(joint_pos_rad, opening_m)

    def place(self, name: str, pos_m: npt.ArrayLike, quat_wxyz: npt.ArrayLike = (1, 0, 0, 0)) -> None:
        """Puts a free body somewhere, at rest."""
        joint = self.model.joint(name)
        start = int(joint.qposadr[0])
        self.data.qpos[start : start + 3] = pos_m
        self.data.qpos[start + 3 : start + 7] = quat_wxyz
        self.data.qvel[int(joint.dofadr[0]) : int(joint.dofadr[0]) + 6] = 0.0

    def place_fixed(self, name: str, pos_m: npt.ArrayLike, quat_wxyz: npt.ArrayLike = (1, 0, 0, 0)) -> None:
        """Puts a body that is fixed to the world somewhere else."""
        body = self.model.body(name)
        body.pos[:] = pos_m
        body.quat[:] = quat_wxyz

    def forward(self) -> None:
        """Brings poses and contacts up to date with the state."""
        self._mujoco.mj_forward(self.model, self.data)

    def step(self) -> None:
        """One step of the physics."""
        self._mujoco.mj_step(self.model, self.data)

    @property
    def unstable(self) -> bool:
        """Whether MuJoCo gave up on the state: a NaN, or an acceleration beyond all bounds."""
        kinds = self._mujoco.mjtWarning
        return any(
            self.data.warning[kind].number for kind in (kinds.mjWARN_BADQPOS, kinds.mjWARN_BADQVEL, kinds.mjWARN_BADQACC)
        )

    def pose(self, body: str) -> Float64Array:
        """base_T_body, (4, 4)."""
        found = self.data.body(body)
        return _homogeneous(found.xmat, found.xpos)

    def site_pose(self, site: str) -> Float64Array:
        """base_T_site, (4, 4); ``tcp`` and ``flange`` are the arm's."""
        found = self.data.site(site)
        return _homogeneous(found.xmat, found.xpos)

    def speed(self, body: str) -> float:
        """How fast a free body's origin moves, m/s."""
        start = int(self.model.joint(body).dofadr[0])
        return float(np.linalg.norm(self.data.qvel[start : start + 3]))

    def joint_position(self, joint: str) -> float:
        """A hinge's angle (rad) or a slide's way (m)."""
        return float(self.data.qpos[int(self.model.joint(joint).qposadr[0])])

    def touching(self, first: str, second: str) -> bool:
        """Whether two bodies are in contact."""
        return self._in_contact(int(self.model.body(first).id), frozenset({int(self.model.body(second).id)}))

    def touched_by_fingers(self, body: str) -> bool:
        """Whether a finger of the gripper is in contact with a body."""
        return self._in_contact(int(self.model.body(body).id), self._fingers)

    def _in_contact(self, body: int, others: frozenset[int]) -> bool:
        pairs = self.model.geom_bodyid[self.data.contact.geom]
        return any((one == body and int(other) in others) or (other == body and int(one) in others) for one, other in pairs)


def _homogeneous(rotation: Float64Array, position_m: Float64Array) -> Float64Array:
    pose = np.eye(4)
    pose[:3, :3] = np.asarray(rotation).reshape(3, 3)
    pose[:3, 3] = position_m
    return pose
