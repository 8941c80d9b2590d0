"""Videos of what the simulated arm did."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from harness.kinematics.robot import RobotModel
from harness.motion.arm import arm_spec, frame_pose, joint_addresses
from harness.motion.execution import Executed
from harness.motion.trajectory import CONTROL_DT_S
from harness.motion.world import World
from harness.recording.video import caption, write_video
from harness.types import UInt8Array

if typing.TYPE_CHECKING:
    import mujoco

_FPS = 25
_WIDTH_PX, _HEIGHT_PX = 640, 480
# Seen from the front right, far enough for the whole workspace (0.77 m from the base at most).
_LOOK_AT_M = (0.22, 0.0, 0.25)
_DISTANCE_M, _AZIMUTH_DEG, _ELEVATION_DEG = 1.3, 140.0, -22.0


def film(path: Path, motions: Iterable[Executed], robot: RobotModel, world: World | None = None) -> None:
    """Writes an .mp4 of motions, one after the other, at their own speed.

    Under the picture stand the time and how far the frame is from its goal. Nothing is simulated: the recorded joint
    positions are drawn.

    Args:
        path: The final place.
        motions: At least one.
        robot: The arm that made them.
        world: The obstacles that stood around it.

    Raises:
        RenderingError: No OpenGL back end draws here, or MuJoCo was imported with another one than the one that does.
        StoreError: The file cannot be written.
    """
    from harness.envs.gl import choose_gl, use_gl

    use_gl(choose_gl())
    write_video(path, _frames(motions, robot, world), _FPS)


def _frames(motions: Iterable[Executed], robot: RobotModel, world: World | None) -> Iterator[UInt8Array]:
    import mujoco

    model = _scene(robot, world).compile()
    data = mujoco.MjData(model)
    qpos = joint_addresses(model, robot).qpos
    camera = mujoco.MjvCamera()
    camera.lookat[:] = _LOOK_AT_M
    camera.distance, camera.azimuth, camera.elevation = _DISTANCE_M, _AZIMUTH_DEG, _ELEVATION_DEG
    every = round(1 / (_FPS * CONTROL_DT_S))
    with mujoco.Renderer(model, _HEIGHT_PX, _WIDTH_PX) as renderer:
        for motion in motions:
            for index in (*range(0, len(motion.time_s) - 1, every), len(motion.time_s) - 1):
                data.qpos[qpos] = motion.joint_pos_rad[index]
                mujoco.mj_forward(model, data)
                renderer.update_scene(data, camera)
                off_m = np.linalg.norm(frame_pose(data, robot, motion.frame)[:3, 3] - motion.base_t_goal[:3, 3])
                text = f"{motion.frame} {1e3 * off_m:.1f} mm from its goal"
                yield caption(renderer.render(), text, f"{motion.time_s[index]:.2f} s")


def _scene(robot: RobotModel, world: World | None) -> mujoco.MjSpec:
    """The arm and its world on a floor that nothing can touch, in light."""
    import mujoco

    spec = arm_spec(robot, world)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = _WIDTH_PX, _HEIGHT_PX
    spec.worldbody.add_light(pos=(0.6, -0.9, 2.2), dir=(-0.15, 0.35, -0.9), castshadow=True)
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE, size=(5, 5, 0.1), rgba=(0.82, 0.84, 0.87, 1), contype=0, conaffinity=0
    )
    return spec
