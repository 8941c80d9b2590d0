"""Kinematics back ends by name; each is imported only when it is chosen."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.errors import UsageError, suggest
from harness.kinematics.base import Kinematics
from harness.kinematics.robot import TCP, RobotModel, load_robot

if typing.TYPE_CHECKING:
    from harness.kinematics.curobo import CuroboKinematics
    from harness.motion.world import World

AUTO = "auto"
# The variant that cuRobo's robot file is made for.
CUROBO_VARIANT = "current"


@dataclass(frozen=True)
class Choice:
    """A back end that was made.

    Attributes:
        kinematics: The back end; its ``name`` is the one that is really used.
        note: Why ``auto`` did not take what it would have preferred; empty when it did.
    """

    kinematics: Kinematics
    note: str = ""


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
    _require_known(backend)
    robot = load_robot(variant)
    if tcp_offset is not None:
        robot = robot.with_tcp_offset(tcp_offset)
    return choose_kinematics(robot, backend).kinematics


def choose_kinematics(robot: RobotModel, backend: str = AUTO, world: World | None = None) -> Choice:
    """Makes a back end for an arm that need not be one of ours.

    Args:
        robot: The arm, its tool in place.
        backend: One of `backend_names`. ``auto`` takes ``curobo`` where collisions are to be avoided, cuRobo finds a CUDA
            device and has a file of this arm; else ``analytic``; and ``mujoco`` for an arm that no closed form fits.
        world: The obstacles to avoid, if any, and the arm itself; None when collisions do not matter.

    Raises:
        UsageError: An unknown back end, one that cannot be used here, or one that does not fit the arm.
    """
    _require_known(backend)
    if backend != AUTO:
        return Choice(_BACKENDS[backend](robot))
    if world is not None:
        from harness.kinematics._curobo_install import has_cuda_curobo

        if robot.variant == CUROBO_VARIANT and has_cuda_curobo():
            return _curobo_for(robot, world)
    return _closed_form_or_mujoco(robot)


def backend_names() -> tuple[str, ...]:
    """The names that `make_kinematics` knows."""
    return (AUTO, *_BACKENDS)


def _require_known(backend: str) -> None:
    if backend not in backend_names():
        raise UsageError(f"unknown kinematics back end {backend!r}. {suggest(backend, backend_names())}")


def _curobo_for(robot: RobotModel, world: World) -> Choice:
    """cuRobo; the closed form where cuRobo cannot take the world."""
    kinematics = _curobo(robot)
    try:
        kinematics.require_free_base(world)
    except UsageError as error:
        return Choice(_analytic(robot), f"the back end is analytic, not curobo: {error}")
    return Choice(kinematics)


def _closed_form_or_mujoco(robot: RobotModel) -> Choice:
    try:
        return Choice(_analytic(robot))
    except UsageError as error:
        why = str(error).removesuffix(" Use the mujoco back end.")
        return Choice(_mujoco(robot), f"the back end is mujoco, which finds one solution of a pose, not all: {why}")


def _analytic(robot: RobotModel) -> Kinematics:
    from harness.kinematics.analytic import AnalyticKinematics

    return AnalyticKinematics(robot)


def _mujoco(robot: RobotModel) -> Kinematics:
    try:
        from harness.kinematics.mujoco_dls import MujocoKinematics

        return MujocoKinematics.for_robot(robot)
    except ModuleNotFoundError as error:
        raise UsageError(f"the kinematics back end 'mujoco' needs MuJoCo: {error}. Install evalharness[libero].") from error


def _curobo(robot: RobotModel) -> CuroboKinematics:
    from harness.kinematics.curobo import CuroboKinematics

    if robot.variant != CUROBO_VARIANT:
        raise UsageError(
            f"the kinematics back end 'curobo' knows the variant {CUROBO_VARIANT!r} alone, not {robot.variant!r}; "
            "analytic and mujoco know all"
        )
    return CuroboKinematics(tool_frames={TCP: robot.tool(TCP)})


_BACKENDS: dict[str, Callable[[RobotModel], Kinematics]] = {"analytic": _analytic, "mujoco": _mujoco, "curobo": _curobo}
