"""Scenes of boxes for tests of the LIBERO expert: a table at height 0 and what stands on it."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from harness.policies.expert.libero.scene import Scene
from harness.privileged import SURROUNDINGS, Body, Goal, ScenePrivileged, SceneRegion, Shape, Thing


def pose(x=0.0, y=0.0, z=0.0, yaw=0.0):
    made = np.eye(4)
    made[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    made[:3, 3] = x, y, z
    return made


def thing(name, place, *boxes, movable=True):
    """A thing of boxes, each a half size (3,) and a centre (3,) in its own frame."""
    shapes = tuple(Shape("", "box", np.array(half, dtype=float), pose(*centre)) for half, centre in boxes)
    return Thing(name, name.rstrip("_1234567890"), movable, place, (Body(name, place, shapes),))


def region(name, place, half_size, parent=None):
    return SceneRegion(name, parent, place, np.array(half_size, dtype=float), ())


def scene(*things, regions=(), goals=(), contacts=()):
    table = thing(SURROUNDINGS, np.eye(4), ((1.0, 1.0, 0.05), (0.0, 0.0, -0.05)), movable=False)
    world = ScenePrivileged(
        task="libero",
        poses=MappingProxyType({"grip": pose(z=0.3), "base": pose(x=-0.6)}),
        values=MappingProxyType({}),
        goals=tuple(Goal(predicate, tuple(arguments)) for predicate, *arguments in goals),
        things=MappingProxyType({each.name: each for each in (*things, table)}),
        joints=MappingProxyType({}),
        regions=MappingProxyType({each.name: each for each in regions}),
        contacts=frozenset(tuple(sorted(pair)) for pair in contacts),
    )
    return Scene(world, np.array([0.0, 0.0, 0.3]), np.eye(3), 0.08, 0.8, np.zeros(3), 0)


def tray(name, place, half=0.07, wall=0.005, height=0.06):
    """An open box: a floor and four walls; its origin is in the middle of the floor's lower side."""
    walls = [((wall, half, height / 2), (sign * half, 0.0, height / 2)) for sign in (-1, 1)] + [
        ((half, wall, height / 2), (0.0, sign * half, height / 2)) for sign in (-1, 1)
    ]
    return thing(name, place, ((half, half, 0.003), (0.0, 0.0, 0.003)), *walls)
