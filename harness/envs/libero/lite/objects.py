"""The frame that every object's file has, for the modules that describe objects.

robosuite 1.4.0 (models/objects/objects.py, MujocoXMLObject) takes the body ``object`` out of an unnamed one and reads the
places of three sites beside it when it puts objects somewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.envs.libero.lite.mjcf import Body, Geom, Inertia, MjcfFile, Site, Vector


def loose(
    path: str,
    inertia: Inertia,
    geoms: Sequence[Geom],
    *,
    regions: Sequence[Site] = (),
    pos: Vector = (0.0, 0.0, 0.0),
    extent: Vector = (-0.06, 0.04, 0.025),
) -> MjcfFile:
    """An object of one body that can be picked up.

    Args:
        path: Of its file, relative to the set's root.
        inertia: Measured on the official object.
        geoms: Solid and seen parts, in any order.
        regions: The places that LIBERO's tasks name, see `region`.
        pos: Where the official file puts the body.
        extent: Heights of the bottom's and the top's marks and the radius, as upstream's placement takes them; these are
            the official files' nominal numbers, not the shape's.
    """
    thing = Body("object", pos, inertia=inertia, sites=tuple(regions), geoms=tuple(geoms))
    return framed(path, thing, extent)


def framed(path: str, thing: Body, extent: Vector) -> MjcfFile:
    """A file around a body named ``object``; `extent` as in `loose`."""
    low, high, radius = extent
    marks = (
        Site("bottom_site", (0.0, 0.0, low)),
        Site("top_site", (0.0, 0.0, high)),
        Site("horizontal_radius_site", (radius, radius, 0.0)),
    )
    return MjcfFile(path, Body(bodies=(Body(bodies=(thing,), sites=marks),)))


def region(name: str, pos: Vector, half: Vector, quat: Vector = (1.0, 0.0, 0.0, 0.0)) -> Site:
    """A box in which LIBERO's predicates look for objects."""
    return Site(name, pos, half, quat, "box")
