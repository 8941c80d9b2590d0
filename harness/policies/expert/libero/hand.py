"""The hand as points and the scene as boxes: how near to things the hand comes in any pose, and ways that keep clear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from harness.policies.expert.libero.motion import move
from harness.policies.expert.libero.scene import Scene, Skill
from harness.privileged import SURROUNDINGS, ScenePrivileged
from harness.types import Float64Array

# The Panda hand of robosuite 1.4.0 (panda_gripper.xml: the meshes' convex hulls), in the gripper's frame, as boxes: lower
# and upper corner, m. The palm becomes thicker away from the fingers; above it are the flange and the arm's last joints.
PALM = (
    ((-0.021, -0.100, -0.050), (0.021, 0.100, -0.031)),
    ((-0.028, -0.098, -0.080), (0.028, 0.098, -0.050)),
    ((-0.032, -0.102, -0.120), (0.032, 0.102, -0.080)),
    ((-0.060, -0.060, -0.290), (0.060, 0.060, -0.120)),
)
# The finger on the side of +y, from its pad's face; the tip is thinner.
FINGER = (
    ((-0.009, 0.000, -0.010), (0.009, 0.0145, 0.0092)),
    ((-0.0105, 0.000, -0.040), (0.0105, 0.0255, -0.010)),
)
TIP_M = 0.0092  # how far the fingers reach beyond the gripper's origin
TIP_HALF_WIDE_M = 0.009  # half of their width across the closing direction
HALF_GAP_M = 0.039

# How densely palm and fingers are looked at.
_PALM_SPACING_M, _FINGER_SPACING_M = 0.025, 0.010
_NEAR_M = 0.45  # what is farther than this from a place is no obstacle to a hand there
_REACH_M = 0.32  # no part of the hand is farther than this from the gripper's origin
_FAR_M = 0.05  # clearances are not told apart beyond this
_GROUND_HALF_M = 0.5  # larger boxes are taken for the ground, and are always near

# How far above what is near a way leads that would otherwise run into something, and how high it may lead for that.
_OVER_M, _HIGHEST_M = 0.03, 1.25


def hand_points(half_gap_m: float = HALF_GAP_M) -> Float64Array:
    """Points (N, 3) of the hand's surface in the gripper's frame, with its fingers so far from the middle."""
    shift = np.array([0.0, half_gap_m, 0.0])
    fingers = [_box_points(np.array(low) + shift, np.array(high) + shift, _FINGER_SPACING_M) for low, high in FINGER]
    palm = [_box_points(np.array(low), np.array(high), _PALM_SPACING_M) for low, high in PALM]
    return np.concatenate([*palm, *fingers, *(points * (1.0, -1.0, 1.0) for points in fingers)])


@dataclass(frozen=True)
class Boxes:
    """Boxes in the world.

    Attributes:
        centres_m: (K, 3).
        axes: (K, 3, 3), the columns of each are its axes.
        half_sizes_m: (K, 3).
    """

    centres_m: Float64Array
    axes: Float64Array
    half_sizes_m: Float64Array

    def clearance_m(self, points: Float64Array, position_m: Float64Array, world_r_grip: Float64Array) -> float:
        """How near points (N, 3) of the gripper's frame come to any box, with the gripper in a pose; at most 0.05 m.

        Distances are measured along the boxes' own axes: the true ones are as large, or larger. Negative when a point lies
        inside a box.
        """
        offset = np.matmul(self.axes.transpose(0, 2, 1), (position_m - self.centres_m)[:, :, np.newaxis])[:, :, 0]
        near = np.max(np.abs(offset) - self.half_sizes_m, axis=1) < _REACH_M
        if not near.any():
            return _FAR_M
        turns = np.matmul(self.axes[near].transpose(0, 2, 1), world_r_grip)
        local = np.matmul(turns, points.T) + offset[near][:, :, np.newaxis]
        beyond = np.abs(local) - self.half_sizes_m[near][:, :, np.newaxis]
        return min(_FAR_M, float(beyond.max(axis=1).min()))


def boxes(
    world: ScenePrivileged, near_m: Float64Array, of: Callable[[str, str], bool] = lambda _thing, _body: True
) -> Boxes:
    """The shapes near a place (3,), as boxes; of those bodies alone that `of` accepts, by their thing and their name."""
    found = []
    for name, thing in world.things.items():
        for body in thing.bodies:
            for shape in body.shapes if of(name, body.name) else ():
                pose = body.world_t_body @ shape.body_t_shape
                reach = np.linalg.norm(np.minimum(shape.half_size_m, 1.0))
                if shape.half_size_m.max() > _GROUND_HALF_M or np.linalg.norm(pose[:3, 3] - near_m) < reach + _NEAR_M:
                    found.append((pose, shape.half_size_m))
    if not found:
        return Boxes(np.zeros((0, 3)), np.zeros((0, 3, 3)), np.zeros((0, 3)))
    poses = np.array([pose for pose, _ in found])
    return Boxes(poses[:, :3, 3], poses[:, :3, :3], np.array([half for _, half in found]))


def wrist_for(scene: Scene, world_r_grip: Float64Array) -> float:
    """About where the arm's last joint would be in an orientation (3, 3), rad, as if the others only tilted the hand."""
    now, axis = scene.world_r_grip, np.cross(scene.world_r_grip[:, 2], world_r_grip[:, 2])
    sine = float(np.linalg.norm(axis))
    angle = np.arctan2(sine, now[:, 2] @ world_r_grip[:, 2])
    tilted = Rotation.from_rotvec(axis / max(sine, 1e-9) * angle).as_matrix() @ now
    roll = np.arctan2(np.cross(tilted[:, 1], world_r_grip[:, 1]) @ world_r_grip[:, 2], tilted[:, 1] @ world_r_grip[:, 1])
    return scene.wrist_rad + float(roll)


def least_wrist(scene: Scene, world_r_grip: Float64Array, yaw_rad: float = 0.0) -> tuple[Float64Array, float]:
    """Of the two orientations in which the fingers stand in the same places, that whose wrist stays farther from its stops.

    Args:
        scene: What is seen now.
        world_r_grip: One of the two, (3, 3).
        yaw_rad: How far the hand, looking down, will be turned afterwards, about the world's z axis.

    Returns:
        The orientation (3, 3), and how far the wrist will be from its middle at most, rad.
    """

    def farthest(rotation: Float64Array) -> float:
        wrist = wrist_for(scene, rotation)
        return max(abs(wrist), abs(wrist - yaw_rad))

    turned_over = np.asarray(world_r_grip * (-1.0, -1.0, 1.0))
    chosen = min((world_r_grip, turned_over), key=farthest)
    return chosen, farthest(chosen)


def looking(ahead: Float64Array, closing: Float64Array) -> Float64Array:
    """world_R_grip (3, 3) of a hand that looks along a direction (3,) and closes along another, as near as that can be."""
    ahead = ahead / np.linalg.norm(ahead)
    closing = closing - (closing @ ahead) * ahead
    closing = closing / np.linalg.norm(closing)
    return np.stack([np.cross(closing, ahead), closing, ahead], axis=1)


def travel(
    scene: Scene,
    position_m: Float64Array,
    world_r_grip: Float64Array,
    gripper: float,
    *,
    half_gap_m: float = HALF_GAP_M,
    margin_m: float = 0.004,
    tolerance_m: float = 0.012,
    tolerance_rad: float = 0.15,
) -> Skill:
    """Goes through free space to a pose: straight where the hand keeps clear of everything, otherwise over it."""
    points = hand_points(half_gap_m)
    obstacles = boxes(scene.world, (scene.grip_position_m + position_m) / 2)
    if _least_distance_m(scene, position_m, world_r_grip, points, obstacles) < margin_m:
        lowest = float((points @ world_r_grip.T)[:, 2].min())
        height = min(_top_m(scene, position_m) + _OVER_M - lowest, _HIGHEST_M)
        over = np.array([*position_m[:2], max(position_m[2], height)])
        scene = yield from move(scene, over, world_r_grip, gripper, tolerance_m=0.03, tolerance_rad=0.2)
    return (yield from move(scene, position_m, world_r_grip, gripper, tolerance_m=tolerance_m, tolerance_rad=tolerance_rad))


def _least_distance_m(
    scene: Scene, position_m: Float64Array, world_r_grip: Float64Array, points: Float64Array, obstacles: Boxes
) -> float:
    """Of the hand to anything on the straight way to a pose, near its start left out, where it may touch things."""
    way = position_m - scene.grip_position_m
    steps = max(2, int(np.ceil(np.linalg.norm(way) / 0.03)))
    turning = Slerp([0.0, 1.0], Rotation.from_matrix(np.array([scene.world_r_grip, world_r_grip])))
    shares = np.linspace(0.0, 1.0, steps + 1)[1:]
    turns = turning(np.minimum(1.0, 1.5 * shares)).as_matrix()
    return min(
        obstacles.clearance_m(points, scene.grip_position_m + share * way, turn)
        for share, turn in zip(shares, turns, strict=True)
    )


def _top_m(scene: Scene, position_m: Float64Array) -> float:
    """The height of the highest thing between the gripper and a place, the surroundings left out."""
    highest = 0.0
    start, way = scene.grip_position_m[:2], position_m[:2] - scene.grip_position_m[:2]
    for name, thing in scene.world.things.items():
        for body in thing.bodies if name != SURROUNDINGS else ():
            for shape in body.shapes:
                pose = body.world_t_body @ shape.body_t_shape
                share = np.clip((pose[:2, 3] - start) @ way / max(float(way @ way), 1e-9), 0.0, 1.0)
                aside = np.linalg.norm(pose[:2, 3] - start - share * way)
                if aside < 0.12 + np.linalg.norm(shape.half_size_m[:2]):
                    highest = max(highest, float(pose[2, 3] + np.abs(pose[2, :3]) @ shape.half_size_m))
    return highest


def _box_points(low: Float64Array, high: Float64Array, spacing_m: float) -> Float64Array:
    axes = [np.linspace(a, b, int(np.ceil((b - a) / spacing_m)) + 1) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(grid[np.any((grid == low) | (grid == high), axis=1)])
