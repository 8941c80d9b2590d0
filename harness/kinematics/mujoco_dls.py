"""Kinematics of any MuJoCo model by damped least squares: slower than a closed form, and free of what that needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.transform import Rotation

from harness.errors import UsageError, suggest
from harness.kinematics._checks import checked_joints, checked_poses, checked_seeds
from harness.kinematics.base import POSITION_TOLERANCE_M, ROTATION_TOLERANCE_RAD, Solutions
from harness.kinematics.robot import RobotModel
from harness.types import Float64Array

if TYPE_CHECKING:
    import mujoco

_RESTARTS = 50
_ITERATIONS = 60
_LENGTH = 0.1  # m/rad: makes an error in rotation comparable; the ratio of the default tolerances, 1 mm to 0.01 rad
_DONE = 1e-7  # m and rad: below this an iteration stops, whatever the tolerances


class MujocoKinematics:
    """Forward and inverse kinematics of the hinges of a MuJoCo model, with limits and restarts.

    Inverse kinematics gives one joint vector a pose: the first that meets the tolerances, from the seed and then from evenly
    spread starts, so it is near to the seed but need not be the nearest.

    Attributes:
        name: ``mujoco``.
        frames: The bodies and sites that poses can be asked for.
        limits_rad: (J, 2).
    """

    name = "mujoco"

    def __init__(
        self, model: mujoco.MjModel, frames: Mapping[str, tuple[str, str]] | None = None, base: str | None = None
    ) -> None:
        """Takes all hinges of a model.

        Args:
            model: Any model; what is no hinge stays where ``qpos0`` has it.
            frames: Name -> (``body`` or ``site``, its name in the model); None takes all that are named, sites last.
            base: The body that poses are given in, which no hinge may move; None is the world.

        Raises:
            UsageError: There is no hinge, a hinge has no range, or a name is unknown.
        """
        import mujoco

        self._mujoco: Any = mujoco
        self._model: Any = model
        self._data: Any = mujoco.MjData(model)
        joints = np.flatnonzero(np.asarray(model.jnt_type) == mujoco.mjtJoint.mjJNT_HINGE)
        if not joints.size:
            raise UsageError("the MuJoCo model has no hinge joint, so there is nothing to solve for")
        for joint in joints:
            if not model.jnt_limited[joint]:
                raise UsageError(f"joint {model.joint(joint).name!r} of the MuJoCo model has no range; give it one")
        self.joint_names = tuple(str(model.joint(joint).name) for joint in joints)
        self.limits_rad: Float64Array = np.array(model.jnt_range[joints], dtype=np.float64)
        self._qpos = np.asarray(model.jnt_qposadr)[joints]
        self._dofs = np.asarray(model.jnt_dofadr)[joints]
        named = _named_frames(model) if frames is None else dict(frames)
        self._frames = MappingProxyType({name: self._index(*frame) for name, frame in named.items()})
        self.frames = tuple(self._frames)
        self._data.qpos[:] = model.qpos0
        self._update(np.zeros(len(joints)))
        base_kind, base_index = ("body", 0) if base is None else self._index("body", base)
        self._world_t_base = self._pose(base_kind, base_index)

    @classmethod
    def for_robot(cls, robot: RobotModel) -> MujocoKinematics:
        """The same for a robot model, whose bodies, hinges and frames are made in memory, without shapes."""
        import mujoco

        frames = {name: ("site", f"frame/{name}") for name in robot.tool_frames}
        return cls(mujoco.MjModel.from_xml_string(_mjcf(robot)), frames)

    def forward(self, joint_pos_rad: Float64Array, frame: str = "link6") -> Float64Array:
        """Poses of a frame: base_T_frame (N, 4, 4) for joints (N, J); see `harness.kinematics.base.Kinematics`.

        Raises:
            UsageError: Unknown frame, wrong shape, or a number that is not finite.
        """
        joints, (kind, index) = checked_joints(joint_pos_rad, len(self.limits_rad)), self._frame(frame)
        poses = np.empty((len(joints), 4, 4))
        for n, q in enumerate(joints):
            self._update(q)
            poses[n] = self._pose(kind, index)
        return np.linalg.inv(self._world_t_base) @ poses

    def jacobian(self, joint_pos_rad: Float64Array, frame: str = "link6") -> Float64Array:
        """Geometric Jacobians (N, 6, J) in the base frame, linear rows first; see `harness.kinematics.base.Kinematics`.

        Raises:
            UsageError: As `forward`.
        """
        joints, (kind, index) = checked_joints(joint_pos_rad, len(self.limits_rad)), self._frame(frame)
        result = np.empty((len(joints), 6, len(self.limits_rad)))
        base = self._world_t_base[:3, :3]
        for n, q in enumerate(joints):
            self._update(q)
            jacobian = self._world_jacobian(kind, index)
            result[n, :3], result[n, 3:] = base.T @ jacobian[:3], base.T @ jacobian[3:]
        return result

    def inverse(
        self,
        base_t_target: Float64Array,
        seed_rad: Float64Array | None = None,
        frame: str = "link6",
        *,
        position_tolerance_m: float = POSITION_TOLERANCE_M,
        rotation_tolerance_rad: float = ROTATION_TOLERANCE_RAD,
    ) -> Solutions:
        """One joint vector a pose; see `harness.kinematics.base.Kinematics`.

        Raises:
            UsageError: Unknown frame, wrong shape, a number that is not finite, or a matrix that is no pose.
        """
        kind, index = self._frame(frame)
        targets = self._world_t_base @ checked_poses(base_t_target)
        seeds = checked_seeds(seed_rad, len(targets), self.limits_rad)
        tolerance = (position_tolerance_m, rotation_tolerance_rad)
        joints, errors = np.empty((len(targets), 1, len(self.limits_rad))), np.empty((len(targets), 1, 2))
        for n, target in enumerate(targets):
            joints[n, 0], errors[n, 0] = self._solve(target, seeds[n % len(seeds)], kind, index, tolerance)
        success = np.all(errors[:, 0] <= tolerance, axis=1)
        return Solutions(
            joint_pos_rad=joints,
            count=np.ones(len(targets), dtype=np.int64),
            position_error_m=errors[..., 0],
            rotation_error_rad=errors[..., 1],
            success=success,
            reason=tuple(
                "" if ok else self._reason(q[0], e[0], tolerance) for ok, q, e in zip(success, joints, errors, strict=True)
            ),
        )

    def _solve(
        self, target: Float64Array, seed: Float64Array, kind: str, index: int, tolerance: tuple[float, float]
    ) -> tuple[Float64Array, Float64Array]:
        """The first joints from any start that meet the tolerances, or else the best; and their two errors."""
        low, high = self.limits_rad.T
        generator = np.random.default_rng(0)
        best: tuple[float, Float64Array, Float64Array] | None = None
        for start in range(_RESTARTS):
            q = np.clip(seed, low, high) if start == 0 else generator.uniform(low, high)
            q, errors = self._descend(target, q, kind, index)
            cost = float(errors[0] ** 2 + (_LENGTH * errors[1]) ** 2)
            if best is None or cost < best[0]:
                best = (cost, q, errors)
            if (errors <= tolerance).all():
                return q, errors
        assert best is not None
        return best[1], best[2]

    def _descend(self, target: Float64Array, q: Float64Array, kind: str, index: int) -> tuple[Float64Array, Float64Array]:
        """Damped least squares from one start, within the limits (Levenberg-Marquardt; joints pushed beyond are held)."""
        low, high = self.limits_rad.T
        error = self._error(target, q, kind, index)
        damping = 1e-3
        for _ in range(_ITERATIONS):
            cost = _cost(error)
            if cost < _DONE**2 or damping > 1e3:
                break
            weights = np.array([1.0, 1.0, 1.0, _LENGTH, _LENGTH, _LENGTH])
            jacobian = self._world_jacobian(kind, index) * weights[:, np.newaxis]
            slope = jacobian.T @ (weights * error)
            free = ~(((q <= low) & (slope < 0)) | ((q >= high) & (slope > 0)))
            better = False
            while not better and damping <= 1e3:
                hessian = jacobian[:, free].T @ jacobian[:, free] + damping * np.eye(int(free.sum()))
                next_q = q.copy()
                next_q[free] += np.linalg.solve(hessian, slope[free])
                next_q = np.clip(next_q, low, high)
                next_error = self._error(target, next_q, kind, index)
                better = _cost(next_error) < cost
                damping = max(damping / 10, 1e-12) if better else damping * 8
            if better:
                q, error = next_q, next_error
        return q, _lengths(error)

    def _error(self, target: Float64Array, q: Float64Array, kind: str, index: int) -> Float64Array:
        """What is missing to the target in the world's frame (6,): m, then rad."""
        self._update(q)
        pose = self._pose(kind, index)
        turn = Rotation.from_matrix(target[:3, :3] @ pose[:3, :3].T).as_rotvec()
        return np.concatenate([target[:3, 3] - pose[:3, 3], turn])

    def _reason(self, q: Float64Array, errors: Float64Array, tolerance: tuple[float, float]) -> str:
        """Why a pose failed, as far as the nearest joints found can tell."""
        nearest = f"the nearest pose found is {1e3 * errors[0]:.2f} mm and {np.degrees(errors[1]):.2f} deg away"
        if errors[0] <= tolerance[0]:
            return f"orientation: {nearest}"
        on_limit = [
            name
            for name, value, (low, high) in zip(self.joint_names, q, self.limits_rad, strict=True)
            if value <= low + 1e-9 or value >= high - 1e-9
        ]
        return f"limits: {nearest}, with {', '.join(on_limit)} at a limit" if on_limit else f"reach: {nearest}"

    def _update(self, q: Float64Array) -> None:
        self._data.qpos[self._qpos] = q
        self._mujoco.mj_kinematics(self._model, self._data)
        self._mujoco.mj_comPos(self._model, self._data)  # mj_jac needs what it computes

    def _pose(self, kind: str, index: int) -> Float64Array:
        pose = np.eye(4)
        pose[:3, :3] = (self._data.site_xmat if kind == "site" else self._data.xmat)[index].reshape(3, 3)
        pose[:3, 3] = (self._data.site_xpos if kind == "site" else self._data.xpos)[index]
        return pose

    def _world_jacobian(self, kind: str, index: int) -> Float64Array:
        jacobian = np.empty((6, self._model.nv))
        function = self._mujoco.mj_jacSite if kind == "site" else self._mujoco.mj_jacBody
        function(self._model, self._data, jacobian[:3], jacobian[3:], index)
        chosen: Float64Array = jacobian[:, self._dofs]
        return chosen

    def _frame(self, name: str) -> tuple[str, int]:
        if name not in self._frames:
            raise UsageError(f"the MuJoCo model has no frame {name!r}. {suggest(name, self._frames)}")
        return self._frames[name]

    def _index(self, kind: str, name: str) -> tuple[str, int]:
        objects = {"body": self._mujoco.mjtObj.mjOBJ_BODY, "site": self._mujoco.mjtObj.mjOBJ_SITE}
        if kind not in objects:
            raise UsageError(f"a frame is a 'body' or a 'site' of the MuJoCo model, not a {kind!r}")
        index = int(self._mujoco.mj_name2id(self._model, objects[kind], name))
        if index < 0:
            count = self._model.nsite if kind == "site" else self._model.nbody
            known = [str(getattr(self._model, kind)(i).name) for i in range(count)]
            raise UsageError(f"the MuJoCo model has no {kind} {name!r}. {suggest(name, filter(None, known))}")
        return kind, index


def _cost(error: Float64Array) -> float:
    return float(error[:3] @ error[:3] + _LENGTH**2 * (error[3:] @ error[3:]))


def _lengths(error: Float64Array) -> Float64Array:
    return np.array([np.linalg.norm(error[:3]), np.linalg.norm(error[3:])])


def _named_frames(model: Any) -> dict[str, tuple[str, str]]:
    bodies = {str(model.body(i).name): ("body", str(model.body(i).name)) for i in range(model.nbody)}
    sites = {str(model.site(i).name): ("site", str(model.site(i).name)) for i in range(model.nsite)}
    return {name: frame for name, frame in {**bodies, **sites}.items() if name}


def _mjcf(robot: RobotModel) -> str:
    """The arm as MJCF: a body and a hinge for every joint, a site for every frame. Masses are only there to be there."""
    opening, closing = [], []
    for i, (link, joint) in enumerate(zip(robot.link_names, robot.joint_names, strict=True)):
        low, high = robot.limits_rad[i].tolist()
        opening.append(
            f'<body name="{link}" {_placement(robot.joint_origins[i])}>'
            f'<inertial pos="0 0 0" mass="1" diaginertia="1 1 1"/>'
            f'<joint name="{joint}" type="hinge" axis="0 0 1" limited="true" range="{low!r} {high!r}"/>'
        )
        closing.append("</body>")
    sites = "".join(f'<site name="frame/{name}" {_placement(robot.tool(name))}/>' for name in robot.tool_frames)
    tree = "".join(opening) + sites + "".join(closing)
    return f'<mujoco><compiler angle="radian"/><worldbody>{tree}</worldbody></mujoco>'


def _placement(parent_t_child: Float64Array) -> str:
    x, y, z, w = Rotation.from_matrix(parent_t_child[:3, :3]).as_quat().tolist()
    position = " ".join(map(repr, parent_t_child[:3, 3].tolist()))
    return f'pos="{position}" quat="{w!r} {x!r} {y!r} {z!r}"'
