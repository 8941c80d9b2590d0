"""Inverse kinematics that leaves out joints with which the arm would touch an obstacle or itself."""

from __future__ import annotations

import numpy as np

from harness.kinematics.base import POSITION_TOLERANCE_M, ROTATION_TOLERANCE_RAD, Kinematics, Solutions
from harness.kinematics.curobo import CuroboKinematics
from harness.motion.collision import CollisionChecker
from harness.types import Float64Array


class CollisionFreeKinematics:
    """A back end whose solutions keep a world's clearance, by `CollisionChecker`, whatever the back end itself checks.

    Attributes:
        name: The back end's.
        frames: The back end's.
    """

    def __init__(self, kinematics: Kinematics, checker: CollisionChecker) -> None:
        """Puts a checker behind a back end.

        Args:
            kinematics: The back end; cuRobo is given the checker's world.
            checker: Of the same arm.
        """
        self._kinematics = kinematics
        self._checker = checker
        self.name = kinematics.name
        self.frames = kinematics.frames

    def forward(self, joint_pos_rad: Float64Array, frame: str = "link6") -> Float64Array:
        """See `harness.kinematics.base.Kinematics`; collisions do not matter."""
        return self._kinematics.forward(joint_pos_rad, frame)

    def jacobian(self, joint_pos_rad: Float64Array, frame: str = "link6") -> Float64Array:
        """See `harness.kinematics.base.Kinematics`; collisions do not matter."""
        return self._kinematics.jacobian(joint_pos_rad, frame)

    def inverse(
        self,
        base_t_target: Float64Array,
        seed_rad: Float64Array | None = None,
        frame: str = "link6",
        *,
        position_tolerance_m: float = POSITION_TOLERANCE_M,
        rotation_tolerance_rad: float = ROTATION_TOLERANCE_RAD,
    ) -> Solutions:
        """See `harness.kinematics.base.Kinematics`.

        A pose that only colliding joints reach is no success: the nearest of them is returned, and the reason begins with
        ``collision`` and says what they touch.
        """
        given = {"position_tolerance_m": position_tolerance_m, "rotation_tolerance_rad": rotation_tolerance_rad}
        if isinstance(self._kinematics, CuroboKinematics):
            found = self._kinematics.inverse(base_t_target, seed_rad, frame, world=self._checker.world, **given)
        else:
            found = self._kinematics.inverse(base_t_target, seed_rad, frame, **given)
        return self._filtered(found, position_tolerance_m, rotation_tolerance_rad)

    def _filtered(self, found: Solutions, position_tolerance_m: float, rotation_tolerance_rad: float) -> Solutions:
        fields = (found.joint_pos_rad, found.position_error_m, found.rotation_error_rad)
        joints, position, rotation = (np.full_like(field, np.nan) for field in fields)
        count, success, reasons = found.count.copy(), found.success.copy(), list(found.reason)
        within = (found.position_error_m <= position_tolerance_m) & (found.rotation_error_rad <= rotation_tolerance_rad)
        for pose, rows in enumerate(found.count):
            kept = np.arange(rows)
            if success[pose]:
                reaching = np.flatnonzero(within[pose, :rows])
                kept = reaching[self._checker.collision_free(found.joint_pos_rad[pose, reaching])]
                if not len(kept):
                    kept, success[pose] = reaching[:1], False
                    reasons[pose] = self._reason(found.joint_pos_rad[pose, reaching])
            count[pose] = len(kept)
            for new, old in zip((joints, position, rotation), fields, strict=True):
                new[pose, : len(kept)] = old[pose, kept]
        return Solutions(joints, count, position, rotation, success, tuple(reasons))

    def _reason(self, joints: Float64Array) -> str:
        """What joints (K, 6), which all collide, touch."""
        touched = "; ".join(str(touch) for touch in self._checker.touches(joints[0]))
        return f"collision: the arm touches something in every solution found ({len(joints)}); in the nearest {touched}"
