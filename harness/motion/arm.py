"""The arm as a MuJoCo model that planning and execution share, and where its joints are in it."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.kinematics.robot import RobotModel
from harness.motion.world import World, add_world
from harness.paths import robots_dir
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco


@dataclass(frozen=True)
class JointAddresses:
    """Where an arm's joints are in a compiled model.

    Attributes:
        qpos: (6,), indices into ``qpos``.
        dof: (6,), indices into ``qvel`` and forces.
    """

    qpos: npt.NDArray[np.int64]
    dof: npt.NDArray[np.int64]


def arm_spec(robot: RobotModel, world: World | None = None, path: Path | None = None) -> mujoco.MjSpec:
    """An arm's MuJoCo model, with obstacles, still open to additions.

    Args:
        robot: Its joint origins are put into the model, so that one file serves every variant of the arm.
        world: None adds no obstacles.
        path: An MJCF or URDF file whose bodies and joints are called as `robot` calls them, or, of a URDF, as the Piper's
            are; None takes the robot's own ``model``, or else ``NAME/NAME.xml`` in the folder of robots.

    Raises:
        UsageError: The file cannot be read, or lacks one of the robot's links or joints.
    """
    import mujoco

    path = path or robot.model or robots_dir() / robot.name / f"{robot.name}.xml"
    if path.suffix.lower() == ".urdf":
        from harness.description.external import load_driven_urdf

        spec = load_driven_urdf(path)
    else:
        try:
            spec = mujoco.MjSpec.from_file(str(path))
        except (OSError, ValueError) as error:
            raise UsageError(f"MuJoCo cannot use the arm's model {path}: {error}") from error
    _place_links(spec, robot, path)
    if world is not None:
        add_world(spec, world)
    return spec


def joint_addresses(model: mujoco.MjModel, robot: RobotModel) -> JointAddresses:
    """Where the arm's joints are in a model made from `arm_spec`."""
    joints = [model.joint(name) for name in robot.joint_names]
    return JointAddresses(
        qpos=np.array([joint.qposadr[0] for joint in joints]), dof=np.array([joint.dofadr[0] for joint in joints])
    )


def frame_pose(data: mujoco.MjData, robot: RobotModel, frame: str) -> Float64Array:
    """base_T_frame (4, 4) as the simulator has it now.

    Raises:
        UsageError: There is no such frame.
    """
    link_frame = robot.frame(frame)
    return np.linalg.inv(_body_pose(data, robot.base)) @ _body_pose(data, link_frame.link) @ link_frame.link_t_frame


def _body_pose(data: mujoco.MjData, name: str) -> Float64Array:
    body = data.body(name)
    pose = np.eye(4)
    pose[:3, :3] = body.xmat.reshape(3, 3)
    pose[:3, 3] = body.xpos
    return pose


def _place_links(spec: mujoco.MjSpec, robot: RobotModel, path: Path) -> None:
    from scipy.spatial.transform import Rotation

    bodies = {body.name: body for body in spec.bodies}
    joints = {joint.name for joint in spec.joints}
    missing = [name for name in (robot.base, *robot.link_names) if name not in bodies]
    missing += [name for name in robot.joint_names if name not in joints]
    if missing:
        raise UsageError(f"{path} lacks {', '.join(missing)}: it is no model of {robot.name}")
    for name, origin in zip(robot.link_names, robot.joint_origins, strict=True):
        bodies[name].pos = origin[:3, 3]
        bodies[name].quat = np.roll(Rotation.from_matrix(origin[:3, :3]).as_quat(), 1)
