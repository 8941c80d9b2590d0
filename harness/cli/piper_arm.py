"""Which arm a Piper command is about: its description, its frame and its tool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.cli.piper_output import warn

if TYPE_CHECKING:
    from harness.kinematics.robot import RobotModel

_Command = TypeVar("_Command", bound=Callable[..., Any])

_VARIANT = "current"

description_option = click.option(
    "--description",
    metavar="FILE.urdf",
    type=click.Path(path_type=Path),
    help="Take the arm from this URDF, such as the manufacturer's, in place of ours.",
)


def arm_options(command: _Command) -> _Command:
    """Adds ``--frame``, ``--tcp-offset``, ``--variant`` and ``--description``."""
    offset = "Where the frame tcp is, from the flange: x,y,z (m) or x,y,z,roll,pitch,yaw (rad). Implies --frame tcp."
    variants = "current, or old-dh (firmware before S-V1.6-3)."
    options = (
        click.option("--frame", help="link6 (the default), flange, gripper_base or tcp (the finger tips)."),
        click.option("--tcp-offset", metavar="X,Y,Z[,R,P,Y]", help=offset),
        click.option("--variant", show_default=_VARIANT, help=variants),
        description_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class ChosenArm:
    """An arm, its tool in place.

    Attributes:
        robot: The arm.
        frame: The frame that poses are of; all joints move it.
        told: What results say of it: ``frame``, ``variant``, and ``description`` where one was given.
    """

    robot: RobotModel
    frame: str
    told: dict[str, str]


def chosen_arm(options: dict[str, Any], *, simulated: bool = False) -> ChosenArm:
    """The arm that `arm_options` ask for; what looks wrong in a given description is warned of.

    Args:
        options: Of the command.
        simulated: Whether shapes and drives are needed, besides kinematics.

    Raises:
        UsageError: Options that contradict each other, a wrong or unusable description, an unknown variant or frame, or an
            offset that is malformed or would not matter because another frame was asked for.
    """
    frame, offset = _frame_and_offset(options["frame"], options["tcp_offset"])
    robot, told = _robot(options["variant"], options["description"], simulated)
    _require_known(frame, robot.tool_frames)
    return ChosenArm(robot if offset is None else robot.with_tcp_offset(offset), frame, {"frame": frame, **told})


def as_words(told: dict[str, str]) -> str:
    """The arm and its frame, as the last line of a table names them."""
    what = "description" if "description" in told else "variant"
    return f"frame {told['frame']}, {what} {told[what]}"


def _robot(variant: str | None, description: Path | None, simulated: bool) -> tuple[RobotModel, dict[str, str]]:
    from harness.errors import UsageError

    if description is None:
        from harness.kinematics.robot import load_robot

        robot = load_robot(variant or _VARIANT)
        return robot, {"variant": robot.variant}
    if variant is not None:
        raise UsageError("--variant is one of our own description's: use it or --description, not both")
    from harness.description.urdf_robot import read_urdf_robot

    found = read_urdf_robot(description)
    warn(found.warnings)
    robot, note = found.simulated() if simulated else (found.robot, "")
    warn([note] if note else [])
    return robot, {"variant": robot.variant, "description": str(description)}


def _frame_and_offset(frame: str | None, tcp_offset: str | None) -> tuple[str, Sequence[float] | None]:
    """The frame that poses are of, and where the tool is."""
    from harness.errors import UsageError
    from harness.kinematics.robot import parse_tcp_offset

    if tcp_offset is None:
        return frame or "link6", None
    if frame not in (None, "tcp"):
        raise UsageError(
            f"--tcp-offset moves the frame tcp, and --frame is {frame}: leave one of the two out, or use --frame tcp"
        )
    return "tcp", parse_tcp_offset(tcp_offset)


def _require_known(frame: str, frames: Sequence[str]) -> None:
    from harness.errors import UsageError, suggest

    if frame not in frames:
        raise UsageError(f"there is no frame {frame!r}. {suggest(frame, frames)}")
