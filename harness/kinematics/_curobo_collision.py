"""Whether an arm of spheres touches itself or an obstacle: plain NumPy, as a check on cuRobo's own word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.kinematics._curobo_robot import CuroboRobot
from harness.kinematics._curobo_world import distance_m
from harness.motion.world import World
from harness.types import Float64Array

# Single precision positions are off by less than a tenth of this; deeper is a touch.
_SLACK_M = 1e-5
# Joint vectors that are checked at a time, which bounds the memory of all pairs of spheres.
_ROWS = 64


class CollisionCheck:
    """The spheres of a robot file, and which pairs of them must not meet."""

    def __init__(self, robot: CuroboRobot) -> None:
        """Reads ``collision_spheres``, ``self_collision_ignore`` and the buffers of a robot file.

        Raises:
            UsageError: The file has no spheres.
        """
        kinematics = robot.kinematics
        spheres = kinematics.get("collision_spheres")
        if not isinstance(spheres, dict) or not spheres:
            raise UsageError(f"{robot.path} has no collision_spheres, so nothing can be said about collisions")
        names = [name for name in kinematics.get("collision_link_names") or spheres if spheres.get(name)]
        self._links = tuple(names)
        self._base = str(kinematics["base_link"])
        owner = np.array([index for index, name in enumerate(names) for _ in spheres[name]])
        every = [sphere for name in names for sphere in spheres[name]]
        self._centres = np.array([sphere["center"] for sphere in every], dtype=np.float64)
        self._radii = (
            np.array([sphere["radius"] for sphere in every]) + _buffers(kinematics, "collision_sphere_buffer", names)[owner]
        )
        self._owner = owner
        self._pairs = _pairs(kinematics, names, owner)
        self._apart = self._radii + _buffers(kinematics, "self_collision_buffer", names)[owner]

    def require_free_base(self, world: World) -> None:
        """Refuses a world in which nothing could ever be free of collisions.

        Raises:
            UsageError: An obstacle touches the base, which never moves.
        """
        if self._base not in self._links:
            return
        mine = self._owner == self._links.index(self._base)
        for obstacle in world.obstacles:
            depth = world.clearance_m + float((self._radii[mine] - distance_m(self._centres[mine], obstacle)).max())
            if depth > _SLACK_M:
                raise UsageError(
                    f"the obstacle {obstacle.name!r}, with its clearance, is {1e3 * depth:.1f} mm inside the spheres of "
                    f"{self._base!r}, which never moves, so every pose would collide: move it away, a table down by as much"
                )

    def touches(
        self, joint_pos_rad: Float64Array, world: World, forward: Callable[[Float64Array, str], Float64Array]
    ) -> npt.NDArray[np.bool_]:
        """Whether the arm touches itself, or comes nearer to an obstacle than the world's clearance.

        Args:
            joint_pos_rad: (N, 6).
            world: The obstacles.
            forward: Poses (N, 4, 4) of a link by its name.
        """
        result = np.zeros(len(joint_pos_rad), dtype=np.bool_)
        for start in range(0, len(joint_pos_rad), _ROWS):
            centres = self._placed(joint_pos_rad[start : start + _ROWS], forward)
            first, second = self._pairs
            gap = np.linalg.norm(centres[:, first] - centres[:, second], axis=-1) - self._apart[first] - self._apart[second]
            touching = (gap < -_SLACK_M).any(axis=1)
            for obstacle in world.obstacles:
                touching |= (distance_m(centres, obstacle) < self._radii + world.clearance_m - _SLACK_M).any(axis=1)
            result[start : start + _ROWS] = touching
        return result

    def _placed(self, joint_pos_rad: Float64Array, forward: Callable[[Float64Array, str], Float64Array]) -> Float64Array:
        """The spheres' centres (N, S, 3) in the base frame."""
        placed = np.zeros((len(joint_pos_rad), len(self._radii), 3))
        for index, link in enumerate(self._links):
            mine = self._owner == index
            if link == self._base:
                placed[:, mine] = self._centres[mine]
            else:
                pose = forward(joint_pos_rad, link)
                placed[:, mine] = self._centres[mine] @ pose[:, :3, :3].transpose(0, 2, 1) + pose[:, np.newaxis, :3, 3]
        return placed


def _pairs(kinematics: Mapping[str, Any], names: list[str], owner: npt.NDArray[np.int64]) -> tuple[Any, Any]:
    """Indices of the spheres that must not meet: those of different links that do not ignore each other."""
    ignore = kinematics.get("self_collision_ignore") or {}
    watched = np.array(
        [[a != b and b not in ignore.get(a, ()) and a not in ignore.get(b, ()) for b in names] for a in names]
    )
    first, second = np.triu_indices(len(owner), 1)
    meet = watched[owner[first], owner[second]]
    return first[meet], second[meet]


def _buffers(kinematics: Mapping[str, Any], key: str, names: list[str]) -> Float64Array:
    """What a robot file adds to the radii of each link's spheres: one number, or one a link."""
    buffers = kinematics.get(key) or 0.0
    return np.array([float(buffers.get(name, 0.0) if isinstance(buffers, dict) else buffers) for name in names])
