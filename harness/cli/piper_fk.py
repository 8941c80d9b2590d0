"""``evalharness piper-fk``: where a frame of the Piper is for given joints."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from harness.cli.piper_arm import arm_options, chosen_arm
from harness.cli.piper_output import as_columns, as_csv, as_json, deliver, fixed, format_option, read_joints, warn

if TYPE_CHECKING:
    from harness.kinematics.robot import RobotModel
    from harness.types import Float64Array

_COLUMNS = ("x", "y", "z", "qw", "qx", "qy", "qz")
# Joints that were rounded to six digits may lie this far outside.
_ROUNDING_RAD = 1e-6


@click.command("piper-fk")
@click.option(
    "--joints", required=True, metavar="JOINTS", help='"q1 q2 q3 q4 q5 q6" in rad, a file, or - for standard input.'
)
@click.option("--degrees", is_flag=True, help="The joints are in degrees.")
@arm_options
@format_option
def piper_fk(**options: Any) -> None:
    """Print the pose of a frame of the AgileX Piper, in its base frame, for given joints.

    A file is .csv (header q1,...,q6), .json, .npy (N, 6) or .txt. Joints outside their limits are computed, with a warning.

    \b
    Examples:
      evalharness piper-fk --joints "0 1.2 -1.2 0 0.9 0"
      evalharness piper-fk --joints "-10 70 -70 0 50 0" --degrees --frame tcp
      evalharness piper-fk --joints joints.csv --variant old-dh --format csv
      evalharness piper-fk --joints "0 1.2 -1.2 0 0.9 0" --tcp-offset 0,0,0.145 --format json
      evalharness piper-fk --joints "0 1.2 -1.2 0 0.9 0" --description piper_description.urdf
    """  # noqa: D301
    from harness.kinematics.poses import poses_from_matrices
    from harness.kinematics.registry import choose_kinematics

    values = read_joints(options["joints"], degrees=options["degrees"], option="--joints")
    arm = chosen_arm(options)
    warn(_outside_limits(arm.robot, values))
    # Every back end has the same forward kinematics, so it does not matter which one `auto` takes.
    poses = poses_from_matrices(choose_kinematics(arm.robot).kinematics.forward(values, arm.frame))
    deliver(_text(values, poses, arm.frame, options["layout"] or "table"), None)


def _outside_limits(robot: RobotModel, joints: Float64Array) -> Iterator[str]:
    """One sentence for every joint that is outside its limits in any row."""
    import numpy as np

    for index, (name, (lower, upper)) in enumerate(zip(robot.joint_names, robot.limits_rad, strict=True)):
        column = joints[:, index]
        rows = np.flatnonzero((column < lower - _ROUNDING_RAD) | (column > upper + _ROUNDING_RAD))
        if len(rows):
            value = column[rows[0]]
            more = f" (row {rows[0]}, and {len(rows) - 1} more rows)" if len(rows) > 1 else ""
            yield (
                f"{name} is {value:.6g} rad ({math.degrees(value):.6g} degrees){more}, outside its limits "
                f"{lower:.6g} to {upper:.6g} rad ({math.degrees(lower):.6g} to {math.degrees(upper):.6g} degrees)"
            )


def _text(joints: Float64Array, poses: Float64Array, frame: str, layout: str) -> str:
    if layout == "json":
        return as_json(
            {"joint_pos_rad": q.tolist(), "frame": frame, "position_m": p[:3].tolist(), "quat_wxyz": p[3:].tolist()}
            for q, p in zip(joints, poses, strict=True)
        )
    if layout == "csv":
        names = (*(f"q{j}" for j in range(1, 7)), *_COLUMNS)
        rows = zip(joints.tolist(), poses.tolist(), strict=True)
        return as_csv([{**dict(zip(names, q + p, strict=True)), "frame": frame} for q, p in rows])
    return _table(poses, frame)


def _table(poses: Float64Array, frame: str) -> str:
    from harness.kinematics.poses import matrix_from_quat, rpy_from_matrix

    header = ["row", "frame", "x m", "y m", "z m", "qw", "qx", "qy", "qz", "roll deg", "pitch deg", "yaw deg"]
    rows = []
    for index, (pose, rpy) in enumerate(zip(poses, rpy_from_matrix(matrix_from_quat(poses[:, 3:])), strict=True)):
        angles = (fixed(math.degrees(angle), 4) for angle in rpy)
        rows.append([str(index), frame, *(fixed(value, 6) for value in pose), *angles])
    return as_columns(header, rows)
