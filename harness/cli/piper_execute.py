"""``piper-ik --execute``: the solutions driven in the simulated arm, and what was measured there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.piper_output import fixed

if TYPE_CHECKING:
    from harness.kinematics.robot import RobotModel
    from harness.motion.execution import Executed
    from harness.motion.world import World
    from harness.types import Float64Array

NO_VIDEO = "none"


def video_path(text: str) -> Path | None:
    """Where a video is to go; None for ``none``.

    Raises:
        UsageError: It is no name of an .mp4 file.
    """
    from harness.errors import UsageError

    if text == NO_VIDEO:
        return None
    if Path(text).suffix.lower() != ".mp4":
        raise UsageError(f"--video {text}: the name must end in .mp4, or be none")
    return Path(text)


def prepare(video: Path | None) -> None:
    """Checks what execution needs before anything is solved; chooses the OpenGL back end before MuJoCo is imported."""
    from harness.motion.trajectory import require_ruckig

    require_ruckig()
    if video is not None:
        from harness.envs.gl import choose_gl, use_gl

        use_gl(choose_gl())


def executed(
    joint_pos_rad: Sequence[Float64Array],
    robot: RobotModel,
    *,
    frame: str,
    world: World | None,
    video: Path | None,
) -> list[Executed]:
    """Drives the arm from its ready pose to each joint vector and measures the pose that it really reaches."""
    from harness.motion.execution import execute_poses

    if not joint_pos_rad:
        return []
    motions = execute_poses(joint_pos_rad, robot, frame=frame, world=world, video=video)
    if video is not None:
        click.echo(f"written to {video}", err=True)
    return list(motions)


def as_data(motion: Executed) -> dict[str, Any]:
    """What was measured, for json."""
    from harness.kinematics.poses import poses_from_matrices

    return {
        "arrived": motion.arrived,
        "reached": poses_from_matrices(motion.base_t_reached[None])[0].tolist(),
        "position_error_m": motion.position_error_m,
        "rotation_error_rad": motion.rotation_error_rad,
        "duration_s": motion.duration_s,
        "touched": list(motion.touched),
    }


def as_words(index: int, motion: Executed) -> str:
    """What was measured, in a line."""
    how = "arrived" if motion.arrived else "did not arrive"
    touched = f", touched {', '.join(motion.touched)}" if motion.touched else ""
    error = f"{fixed(motion.position_error_m * 1e3, 4)} mm and {fixed(math.degrees(motion.rotation_error_rad), 4)} deg off"
    return f"pose {index} executed: {how}, {error}, {motion.duration_s:.2f} s of motion{touched}"
