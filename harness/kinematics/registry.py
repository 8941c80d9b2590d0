"""Kinematics back ends by name; each is imported only when it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.errors import UsageError, suggest
from harness.kinematics.base import Kinematics
from harness.kinematics.robot import TCP, RobotModel, load_robot

AUTO = "auto"


def make_kinematics(
    backend: str = AUTO,
    variant: str = "current",
    tcp_offset: Sequence[float] | None = None,
) -> Kinematics:
    """Makes a back end for the arm.

    Args:
        backend: One of `backend_names`; ``auto`` is ``analytic``, the fastest, which needs nothing else.
        variant: One of the variants in the robot's file.
        tcp_offset: ``x, y, z`` (m), or with ``roll, pitch, yaw`` (rad): where the frame ``tcp`` is, seen from the flange.

    Raises:
        UsageError: An unknown back end or variant, a wrong offset, or what a back end needs is not there.
    """
    if backend not in backend_names():
        raise UsageError(f"unknown kinematics back end {backend!r}. {suggest(backend, backend_names())}")
    robot = load_robot(variant)
    if tcp_offset is not None:
        robot = robot.with_tcp_offset(tcp_offset)
    return _BACKENDS["analytic" if backend == AUTO else backend](robot)


def backend_names() -> tuple[str, ...]:
    """The names that `make_kinematics` knows."""
    return (AUTO, *_BACKENDS)


def _analytic(robot: RobotModel) -> Kinematics:
    from harness.kinematics.analytic import AnalyticKinematics

    return AnalyticKinematics(robot)


def _mujoco(robot: RobotModel) -> Kinematics:
    try:
        from harness.kinematics.mujoco_dls import MujocoKinematics

        return MujocoKinematics.for_robot(robot)
    except ModuleNotFoundError as error:
        raise UsageError(f"the kinematics back end 'mujoco' needs MuJoCo: {error}. Install evalharness[libero].") from error


def _curobo(robot: RobotModel) -> Kinematics:
    from harness.kinematics.curobo import CuroboKinematics

    if robot.variant != "current":
        raise UsageError(
            f"the kinematics back end 'curobo' knows the variant 'current' alone, not {robot.variant!r}; "
            "analytic and mujoco know all"
        )
    kinematics: Kinematics = CuroboKinematics(tool_frames={TCP: robot.tool(TCP)})
    return kinematics


_BACKENDS: dict[str, Callable[[RobotModel], Kinematics]] = {"analytic": _analytic, "mujoco": _mujoco, "curobo": _curobo}
