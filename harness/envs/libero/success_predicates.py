"""The questions that LIBERO's goals are made of, asked of a MuJoCo simulation by ids and not by names.

Each gives upstream's answer (hf-libero 0.1.4, ``object_states`` and ``objects``) without a side effect of its own.
Inequalities on coordinates are decided with Python's floats where both sides differ by more than `_CLEAR_M`. Nearer than
that, or where a number is no number, upstream's own expression decides, as its products may be rounded otherwise. So the
answer is upstream's for all coordinates below 1e8 m: there, rounding is less than `_CLEAR_M`.

Arrays called views are views of the simulation's memory, so that they are always as it is now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.types import Float64Array

_CLEAR_M = 1e-6

# ObjectState.check_ontop: how far the origins of two bodies may lie apart, in x and y.
_ON_OBJECT_M = 0.03
_ON_OBJECT_FAR = (_ON_OBJECT_M + _CLEAR_M) ** 2
_ON_OBJECT_NEAR = (_ON_OBJECT_M - _CLEAR_M) ** 2
# SiteObject.in_box: how much deeper than its half size a region reaches.
_BELOW_BOX_M = 0.01
# SiteObject.under: from how far below a site's upper side to how far above it an origin may lie.
_BELOW_TOP_M, _ABOVE_TOP_M = 0.005, 0.10


@dataclass(frozen=True, slots=True)
class Joints:
    """A predicate of an articulated object's joints.

    Attributes:
        method: Upstream's method of the object, asked about one joint's position; it reads the object's ranges each time.
        qpos: The simulation's positions, a view.
        addresses: Where in it the joints are.
        every: Whether it must hold of all joints, or of one; no more of them are asked than needed, as upstream does.
    """

    method: Callable[[Any], bool]
    qpos: Float64Array
    addresses: tuple[int, ...]
    every: bool

    def holds(self) -> bool:
        """What upstream says of the joints now."""
        for address in self.addresses:
            if self.method(self.qpos[address]) != self.every:
                return not self.every
        return self.every


@dataclass(frozen=True, slots=True)
class Contact:
    """Whether any geom of one object touches any of another, as robosuite's ``check_contact``.

    Attributes:
        data: The simulation's `mujoco.MjData`.
        first: The geoms of the one, a mask over all geoms, (ngeom,).
        second: The geoms of the other, likewise.
    """

    data: Any
    first: npt.NDArray[np.bool_]
    second: npt.NDArray[np.bool_]

    def holds(self) -> bool:
        """Whether the last collision detection found a contact between the two."""
        geoms = self.data.contact.geom
        first, second = self.first[geoms], self.second[geoms]
        return bool((first & second[:, ::-1]).any())


@dataclass(frozen=True, slots=True)
class OnObject:
    """``ObjectState.check_ontop``: an object on another.

    Attributes:
        below: The origin of the lower body, a view, (3,), m.
        above: The origin of the upper body, a view, (3,), m.
        contact: Whether they touch.
    """

    below: Float64Array
    above: Float64Array
    contact: Contact

    def holds(self) -> bool:
        """What upstream says of the two objects now."""
        below_x, below_y, below_z = self.below.tolist()
        x, y, z = self.above.tolist()
        if not below_z <= z:
            return False
        squared = (below_x - x) ** 2 + (below_y - y) ** 2
        if squared > _ON_OBJECT_FAR:
            return False
        if not squared < _ON_OBJECT_NEAR and not np.linalg.norm(self.below[:2] - self.above[:2]) < _ON_OBJECT_M:
            return False
        return self.contact.holds()


@dataclass(frozen=True, slots=True)
class Region:
    """A region of upstream's, which is a site, and the object that is to be there.

    Attributes:
        site: Upstream's ``SiteObject`` or ``TargetZone``.
        size: Its half sizes, m.
        position: The site's position, a view, (3,), m.
        rotation: world_R_site, a view, (3, 3).
        thing: The origin of the object's body, a view, (3,), m.
        contact: Whether the object touches what the region is part of; None where that is nothing.
    """

    site: Any
    size: tuple[float, float, float]
    position: Float64Array
    rotation: Float64Array
    thing: Float64Array
    contact: Contact | None

    def contains(self) -> bool:
        """``SiteObject.in_box``: the origin is in the box whose half sizes are those of the site, turned as a vector."""
        size_x, size_y, size_z = self.size
        clear = True
        for axis, (row, here, there) in enumerate(
            zip(self.rotation.tolist(), self.position.tolist(), self.thing.tolist(), strict=True)
        ):
            half = abs(row[0] * size_x + row[1] * size_y + row[2] * size_z)
            offset = there - here
            inside = min(half - offset, half + offset + (_BELOW_BOX_M if axis == 2 else 0.0))
            if inside < -_CLEAR_M:
                return False
            clear = clear and inside > _CLEAR_M
        return clear or bool(self.site.in_box(self.position, self.rotation, self.thing))

    def carries(self) -> bool:
        """``SiteObjectState.check_ontop``: the origin is above the site, and the object touches what the site is part of."""
        return self._is_under_thing() and (self.contact is None or self.contact.holds())

    def _is_under_thing(self) -> bool:
        """``SiteObject.under``, which turns the offset by the site's rotation, not back by it."""
        size_x, size_y, size_z = self.size
        row_x, row_y, row_z = self.rotation.tolist()
        here_x, here_y, here_z = self.position.tolist()
        x, y, z = self.thing.tolist()
        x, y, z = x - here_x, y - here_y, z - here_z
        up = row_z[0] * x + row_z[1] * y + row_z[2] * z - size_z
        aside_x = abs(row_x[0] * x + row_x[1] * y + row_x[2] * z)
        aside_y = abs(row_y[0] * x + row_y[1] * y + row_y[2] * z)
        margins = (size_x - aside_x, size_y - aside_y, up + _BELOW_TOP_M, _ABOVE_TOP_M - up)
        clear = True
        for inside in margins:
            if inside < -_CLEAR_M:
                return False
            clear = clear and inside > _CLEAR_M
        return clear or bool(self.site.under(self.position, self.rotation, self.thing))
