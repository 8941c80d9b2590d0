"""What a simulator knows of a scene: shapes, joints, regions and goals, for scripted experts alone.

All poses are (4, 4), in the world frame unless the name says otherwise; lengths in m, angles in rad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.types import Float64Array, Privileged

# The owners in `ScenePrivileged.contacts` that are no things.
LEFT_FINGER, RIGHT_FINGER, HAND, ARM = "left_finger", "right_finger", "hand", "arm"
# The thing that all is put into that has no name: tables, floors, walls.
SURROUNDINGS = "surroundings"


@dataclass(frozen=True)
class Shape:
    """A collision shape.

    Attributes:
        name: The simulator's name of it; may be empty.
        kind: ``box``, or ``cylinder`` along the shape's own z axis. Whatever else there is stands here as its bounding box.
        half_size_m: (3,), along the shape's own axes.
        body_t_shape: (4, 4).
    """

    name: str
    kind: Literal["box", "cylinder"]
    half_size_m: Float64Array
    body_t_shape: Float64Array


@dataclass(frozen=True)
class Body:
    """A rigid part of a thing.

    Attributes:
        name: The simulator's name of it.
        world_t_body: (4, 4).
        shapes: What can touch of it.
    """

    name: str
    world_t_body: Float64Array
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Thing:
    """An object or a fixture.

    Attributes:
        name: The scene's name of it, such as ``plate_1``.
        category: What it is, such as ``plate``.
        movable: Whether it is free to move as a whole.
        world_t_thing: The pose of its origin, which is what goals are about, (4, 4).
        bodies: Its rigid parts.
    """

    name: str
    category: str
    movable: bool
    world_t_thing: Float64Array
    bodies: tuple[Body, ...]


@dataclass(frozen=True)
class SceneJoint:
    """A joint of an articulated thing.

    Attributes:
        name: The simulator's name of it.
        thing: What it is part of.
        body: The body that it moves.
        kind: ``slide`` (m) or ``hinge`` (rad).
        position: Now.
        low: Its lower stop.
        high: Its upper stop.
        axis: Its direction in the world, unit length, (3,); a hinge turns about it by the right-hand rule.
        anchor_m: A point of it in the world, (3,).
        holds: Name of a predicate (``open``, ``close``, ``turnon``, ``turnoff``) -> the lowest and highest position at which
            it holds.
    """

    name: str
    thing: str
    body: str
    kind: Literal["slide", "hinge"]
    position: float
    low: float
    high: float
    axis: Float64Array
    anchor_m: Float64Array
    holds: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class SceneRegion:
    """A region that goals name.

    Attributes:
        name: Such as ``basket_1_contain_region``.
        parent: The thing that it is part of; None: it lies on the table or the floor.
        world_t_region: (4, 4).
        half_size_m: (3,), along its own axes.
        joints: Names of the joints that move it, such as a drawer's; often empty.
    """

    name: str
    parent: str | None
    world_t_region: Float64Array
    half_size_m: Float64Array
    joints: tuple[str, ...]


@dataclass(frozen=True)
class Goal:
    """One predicate of a task's goal; all must hold at the same time.

    Attributes:
        predicate: ``in``, ``on``, ``open``, ``close``, ``turnon`` or ``turnoff``.
        arguments: Names of things or regions: what is to be there and where, or what is to be opened or turned.
    """

    predicate: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class ScenePrivileged(Privileged):
    """A scene of things, in the world frame. `Privileged.poses` has ``grip``, the gripper's controlled point, and ``base``.

    Attributes:
        goals: What is to be brought about.
        things: By name, with `SURROUNDINGS`.
        joints: By name.
        regions: By name.
        contacts: Pairs of owners (names of things, or the robot's parts) that touch now, in alphabetical order.
    """

    goals: tuple[Goal, ...]
    things: Mapping[str, Thing]
    joints: Mapping[str, SceneJoint]
    regions: Mapping[str, SceneRegion]
    contacts: frozenset[tuple[str, str]]
