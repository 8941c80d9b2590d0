"""Moving the gripper: from a command to an OSC action, and the skills that all others are made of."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from harness.policies.expert.libero.scene import CLOSE, Command, Scene, Skill
from harness.types import Float64Array

# One unit of an OSC_POSE action moves the goal by this much (robosuite 1.4.0, osc_pose.json).
UNIT_M, UNIT_RAD = 0.05, 0.5
# How far ahead of the gripper the controller's goal is put, as a multiple of what is left to go, and how many seconds of its
# velocity are taken off. robosuite's controller is a critically damped spring of 12.2/s about a goal that each action puts
# anew, so that one control step covers an eighth of the way to it; with these the whole is twice as quick and still damped.
_AHEAD, _AHEAD_TURN, _DAMPING_S = 2.5, 1.2, 0.06
# What is left to go is added up at this share a control step, nearer than this, up to so much, while the target stays put.
_ADDED, _NEAR_M, _MOST_ADDED_M, _SAME_TARGET_M = 0.35, 0.02, 0.03, 0.02


class Drive:
    """Turns commands into actions, one episode long.

    The controller alone stops some millimetres short: of friction, and because its forces and torques disturb each other
    where the arm is nearly straight. So what stays left to go is added up while the gripper is near, and the goal is put
    that much farther ahead. Nothing is added up for the orientation: far out the gripper must be free to lean.
    """

    def __init__(self) -> None:
        """Begins an episode."""
        self._left_m = np.zeros(3)
        self._target_m = np.full(3, np.inf)

    def action(self, scene: Scene, command: Command) -> Float64Array:
        """The OSC action (7,) that goes towards a command's pose, as fast as the controller lets it."""
        error = command.position_m - scene.grip_position_m
        if np.linalg.norm(command.position_m - self._target_m) > _SAME_TARGET_M:
            self._left_m = np.zeros(3)
        self._target_m = command.position_m
        near = np.abs(error) < _NEAR_M
        self._left_m = np.clip(np.where(near, self._left_m + _ADDED * error, 0.0), -_MOST_ADDED_M, _MOST_ADDED_M)
        ahead = _AHEAD * error + self._left_m - _DAMPING_S * scene.velocity_m_s
        error_rad = Rotation.from_matrix(command.world_r_grip @ scene.world_r_grip.T).as_rotvec()
        turn = _AHEAD_TURN * error_rad
        return np.concatenate(
            [_within(ahead / UNIT_M, command.speed), _within(turn / UNIT_RAD, command.speed), [command.gripper]]
        )


def action_for(scene: Scene, command: Command) -> Float64Array:
    """As `Drive.action`, of a drive that begins here."""
    return Drive().action(scene, command)


def move(
    scene: Scene,
    position_m: Float64Array,
    world_r_grip: Float64Array,
    gripper: float,
    *,
    tolerance_m: float = 0.005,
    tolerance_rad: float = 0.1,
    speed: float = 1.0,
    steps: int = 60,
) -> Skill:
    """Goes straight to a pose until it is near, or until so many control steps are over."""
    for _ in range(steps):
        if distance_m(scene, position_m) < tolerance_m and angle_rad(scene.world_r_grip, world_r_grip) < tolerance_rad:
            break
        scene = yield Command(position_m, gripper, world_r_grip, speed)
    return scene


def hold(scene: Scene, gripper: float, steps: int) -> Skill:
    """Stays where the gripper is for so many control steps."""
    position_m, world_r_grip = scene.grip_position_m, scene.world_r_grip
    for _ in range(steps):
        scene = yield Command(position_m, gripper, world_r_grip)
    return scene


def close(scene: Scene, thing: str | None = None, steps: int = 12) -> Skill:
    """Closes the fingers until they rest, or until both have touched a thing for two control steps."""
    position_m, world_r_grip, held = scene.grip_position_m, scene.world_r_grip, 0
    for i in range(steps):
        before = scene.gap_m
        scene = yield Command(position_m, CLOSE, world_r_grip)
        held = held + 1 if thing is not None and scene.held(thing) else 0
        if i >= 3 and (held >= 2 or abs(scene.gap_m - before) < 2e-4):
            break
    return scene


def distance_m(scene: Scene, position_m: Float64Array) -> float:
    """How far the gripper is from a place."""
    return float(np.linalg.norm(position_m - scene.grip_position_m))


def angle_rad(one: Float64Array, other: Float64Array) -> float:
    """The angle between two orientations (3, 3)."""
    return float(np.arccos(np.clip((np.trace(one.T @ other) - 1) / 2, -1.0, 1.0)))


def closing_angle_rad(one: Float64Array, other: Float64Array) -> float:
    """The level angle between the directions in which the fingers of two orientations (3, 3) close, leaning aside."""
    cross = one[0, 1] * other[1, 1] - one[1, 1] * other[0, 1]
    return float(abs(np.arctan2(cross, one[:2, 1] @ other[:2, 1])))


def pointing_down(closing_rad: float) -> Float64Array:
    """world_R_grip (3, 3) of a gripper that looks down and closes along a level direction, an angle from the world's x."""
    y = np.array([np.cos(closing_rad), np.sin(closing_rad), 0.0])
    z = np.array([0.0, 0.0, -1.0])
    return np.stack([np.cross(y, z), y, z], axis=1)


def _within(vector: Float64Array, largest: float) -> Float64Array:
    """The vector, shortened so that none of its numbers exceeds `largest`."""
    return np.asarray(vector * min(1.0, largest / max(float(np.abs(vector).max()), 1e-12)))
