"""Rigid bodies as boxes that meet or do not: how much room a hand and what it holds leave to everything else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.policies.expert.libero.hand import FINGER, HALF_GAP_M, PALM, Boxes
from harness.privileged import Thing
from harness.types import Float64Array

# Gaps are not told apart beyond this, and pairs of boxes that are farther apart are not looked at.
FAR_M = 0.03
# So many poses are looked at together, which bounds the memory.
_TOGETHER = 256
# Cross products of axes that are nearly parallel separate nothing.
_PARALLEL = 1e-3


def hand_solid(half_gap_m: float = HALF_GAP_M) -> Boxes:
    """The hand as boxes in the gripper's frame, with its fingers so far from the middle."""
    shift = np.array([0.0, half_gap_m, 0.0])
    corners = [(np.array(low), np.array(high)) for low, high in PALM]
    for low, high in FINGER:
        corners.append((np.array(low) + shift, np.array(high) + shift))
        corners.append((np.array(low) * (1, -1, 1) - shift, np.array(high) * (1, -1, 1) - shift))
    centres = np.array([(low + high) / 2 for low, high in corners])
    halves = np.array([np.abs(high - low) / 2 for low, high in corners])
    return Boxes(centres, np.broadcast_to(np.eye(3), (len(corners), 3, 3)), halves)


def solid_of(thing: Thing) -> Boxes:
    """A thing as boxes in the world."""
    found = [(body.world_t_body @ shape.body_t_shape, shape.half_size_m) for body in thing.bodies for shape in body.shapes]
    poses = np.array([pose for pose, _ in found]).reshape(-1, 4, 4)
    return Boxes(poses[:, :3, 3], poses[:, :3, :3], np.array([half for _, half in found]).reshape(-1, 3))


def moved(solid: Boxes, pose: Float64Array) -> Boxes:
    """The boxes moved by a pose (4, 4)."""
    rotation = pose[:3, :3]
    return Boxes(solid.centres_m @ rotation.T + pose[:3, 3], rotation @ solid.axes, solid.half_sizes_m)


def joined(*solids: Boxes) -> Boxes:
    """All boxes of several solids."""
    return Boxes(
        np.concatenate([solid.centres_m for solid in solids]),
        np.concatenate([solid.axes for solid in solids]),
        np.concatenate([solid.half_sizes_m for solid in solids]),
    )


def corners_of(solid: Boxes) -> Float64Array:
    """The boxes' corners, (8 K, 3)."""
    signs = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    offsets = np.einsum("kij,ckj->kci", solid.axes, signs[:, np.newaxis] * solid.half_sizes_m)
    return np.asarray((solid.centres_m[:, np.newaxis] + offsets).reshape(-1, 3))


def gaps_m(solid: Boxes, poses: Sequence[Float64Array] | Float64Array, others: Boxes) -> Float64Array:
    """How far a solid keeps from others in each of some poses; negative where it is in one, `FAR_M` at most.

    By the separating axis theorem for two boxes: the largest gap between their shadows along any of their axes and the axes'
    cross products. It is exact as to whether they meet, and at most the true distance.

    Args:
        solid: In its own frame.
        poses: (P, 4, 4), world.
        others: In the world.

    Returns:
        (P,), m.
    """
    poses = np.asarray(poses, dtype=np.float64).reshape(-1, 4, 4)
    chunks = [_gaps_m(solid, poses[start : start + _TOGETHER], others) for start in range(0, len(poses), _TOGETHER)]
    return np.concatenate([np.zeros(0), *chunks])


def _gaps_m(solid: Boxes, poses: Float64Array, others: Boxes) -> Float64Array:
    found = np.full(len(poses), FAR_M)
    if not len(others.centres_m):
        return found
    centres = np.einsum("pij,kj->pki", poses[:, :3, :3], solid.centres_m) + poses[:, np.newaxis, :3, 3]
    axes = np.einsum("pij,kjl->pkil", poses[:, :3, :3], solid.axes)
    # What a box of the others, grown by the radius of ours, does not hold is far.
    radii = np.linalg.norm(solid.half_sizes_m, axis=1) + FAR_M
    flat = centres.reshape(-1, 3)
    local = np.einsum("mij,nmi->nmj", others.axes, flat[:, np.newaxis] - others.centres_m)
    near = np.max(np.abs(local) - others.half_sizes_m, axis=2) < np.tile(radii, len(poses))[:, np.newaxis]
    mine, theirs = np.nonzero(near)
    if not len(mine):
        return found
    pose, box = np.divmod(mine, len(solid.centres_m))
    gaps = _separations_m(
        local[mine, theirs],
        np.einsum("nji,njl->nil", others.axes[theirs], axes[pose, box]),
        solid.half_sizes_m[box],
        others.half_sizes_m[theirs],
    )
    np.minimum.at(found, pose, gaps)
    return found


def _separations_m(offset: Float64Array, turn: Float64Array, half: Float64Array, other_half: Float64Array) -> Float64Array:
    """Gaps (N,) between pairs of boxes, everything in the frame of the other box: offsets (N, 3), turns (N, 3, 3)."""
    size = np.abs(turn)
    along_theirs = np.abs(offset) - other_half - np.einsum("nij,nj->ni", size, half)
    along_mine = np.abs(np.einsum("nji,nj->ni", turn, offset)) - half - np.einsum("nji,nj->ni", size, other_half)
    best = np.maximum(along_theirs.max(axis=1), along_mine.max(axis=1))
    unsure = np.flatnonzero(best < FAR_M)
    if len(unsure):
        offset, turn, half, other_half = offset[unsure], turn[unsure], half[unsure], other_half[unsure]
        cross = np.cross(np.eye(3)[:, np.newaxis], turn.transpose(0, 2, 1)[:, np.newaxis])  # (N, 3 of theirs, 3 of mine, 3)
        length = np.linalg.norm(cross, axis=3)
        mine = np.einsum("nabj,nj->nab", np.abs(np.einsum("nabi,nij->nabj", cross, turn)), half)
        theirs = np.einsum("nabi,ni->nab", np.abs(cross), other_half)
        apart = np.abs(np.einsum("nabi,ni->nab", cross, offset)) - mine - theirs
        apart = np.where(length > _PARALLEL, apart / np.maximum(length, _PARALLEL), -np.inf)
        best[unsure] = np.maximum(best[unsure], apart.max(axis=(1, 2)))
    return np.asarray(best)
