"""Puts a LIBERO scene into its goal configuration, and out of it again, without the robot.

Objects are placed through the simulator's state alone: set down by a search over places and orientations, then left to
the physics while the robot holds still. Joints go to their stops, on the side that upstream's ranges say. Nothing is known
here of any one object: places come from upstream's regions, sizes from the compiled model, so that every set of assets
with LIBERO's names can be asked whether its goals can be reached.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.envs.libero.simulation import Simulation
from harness.types import Float64Array

# The action that the suites' protocols settle with: no motion, the gripper open.
_HOLD_STILL = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0])
_SETTLE_STEPS = 40
_RESTING_SPEED = 0.02  # m/s and rad/s, the largest component

# Setting down: the first height is below the lower side of a region, where the floors of containers lie.
_DEEPEST_START_M = 0.015
_LIFT_STEP_M = 0.0025
_HIGHEST_LIFT_M = 0.3
_PENETRATION_M = 0.0003
_MOST_TRIALS = 100  # how many places the physics is asked about before a goal is given up

# How far a place lies from a region's centre, in half sizes along x and y.
_FRACTIONS = tuple(itertools.product((0.0, -0.4, 0.4, -0.8, 0.8), repeat=2))
# A thing is turned, or tipped over, before it is set down further than this from the centre.
_TURNED_FRACTION, _TIPPED_FRACTION = 0.5, 0.9
_HALF_SIZE_ON_OBJECTS_M = 0.02  # upstream's `check_ontop` allows 0.03 between the bodies' origins
_HEIGHT_ABOVE_SITES_M = 0.03  # upstream's `under` takes origins up to 0.1 above a site

# upstream's predicate of joints -> its range of a fixture's articulation, and that of the opposite state
_JOINT_RANGES = {
    "open": ("default_open_ranges", "default_close_ranges"),
    "close": ("default_close_ranges", "default_open_ranges"),
    "turnon": ("default_turnon_ranges", "default_turnoff_ranges"),
    "turnoff": ("default_turnoff_ranges", "default_turnon_ranges"),
}


@dataclass(frozen=True)
class Predicate:
    """One part of a goal.

    Attributes:
        name: Upstream's name of it, lower case: ``on``, ``in``, ``open``, ``close``, ``turnon``, ``turnoff``.
        arguments: What it is said of: objects, fixtures and regions.
    """

    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})"

    @property
    def places(self) -> bool:
        """Whether it says where an object is, not how a joint is."""
        return self.name not in _JOINT_RANGES


def goal_predicates(bddl: Path) -> tuple[Predicate, ...]:
    """A task's goal, all parts of which must hold.

    `harness.envs.libero.installation.prepare` must have run before.

    Args:
        bddl: The task's definition.
    """
    import libero.libero.envs.bddl_utils as bddl_utils

    goal = bddl_utils.robosuite_parse_problem(str(bddl))["goal_state"]
    return tuple(Predicate(str(part[0]).lower(), tuple(map(str, part[1:]))) for part in goal)


class GoalMover:
    """Moves the objects of one scene into the goal configuration and out of it.

    It remembers how each object stands when it is made, so make it of a settled scene.
    """

    def __init__(self, simulation: Simulation, goal: Sequence[Predicate]) -> None:
        """Takes a settled scene.

        Args:
            simulation: A task's simulation.
            goal: Its goal, from `goal_predicates`.
        """
        self._simulation = simulation
        self._env = simulation.env
        self._goal = tuple(goal)
        self._trials = 0
        # name -> x and y of its origin and the height of its lowest point, m; its orientation (w, x, y, z)
        self._start = {name: (self._place_of(name), self._orientation(name)) for name in self._env.objects_dict}

    def holds(self, predicate: Predicate) -> bool:
        """What upstream says of one predicate now."""
        return bool(self._env._eval_predicate([predicate.name, *predicate.arguments]))

    def succeeded(self) -> bool:
        """What upstream says of the whole goal now."""
        return bool(self._env._check_success())

    def reach(self) -> tuple[Predicate, ...]:
        """Brings about the goal, and lets everything come to rest.

        Drawers and doors that are to contain something are opened first and closed last.

        Returns:
            The predicates that do not hold afterwards.
        """
        placements = self._in_order([part for part in self._goal if part.places])
        for part in placements:
            if part.name == "in":
                self._open_container(part.arguments[1])
        for part in self._goal:
            if part.name == "open":
                self._set_joints(part, 0)
        self._trials = 0
        self._place_all(placements)
        return tuple(part for part in self._goal if not self.holds(part))

    def leave(self) -> tuple[Predicate, ...]:
        """Undoes every part of the goal: opens what was closed, takes objects back, then sets the rest of the joints.

        Returns:
            The predicates that still hold afterwards.
        """
        for part in self._goal:
            if part.name == "close":
                self._set_joints(part, 1)
        for part in reversed(self._in_order([part for part in self._goal if part.places])):
            self._take_away(part)
        for part in self._goal:
            if not part.places and part.name != "close":
                self._set_joints(part, 1)
        self._settle()
        return tuple(part for part in self._goal if self.holds(part))

    def _in_order(self, placements: Sequence[Predicate]) -> list[Predicate]:
        """What carries other things goes first."""
        moved = {part.arguments[0] for part in placements}
        return sorted(placements, key=lambda part: self._owner(part.arguments[1]) in moved)

    def _owner(self, target: str) -> str:
        """The object or fixture that a region is part of; the target itself where it is no region."""
        return str(getattr(self._env.object_states_dict[target], "parent_name", None) or target)

    def _place_all(self, placements: Sequence[Predicate]) -> bool:
        """Tries places for the first until the others can be placed too, and what is to be closed or turned can be."""
        if not placements:
            for part in self._goal:
                if not part.places and part.name != "open":
                    self._set_joints(part, 0)
            self._settle()
            return all(map(self.holds, self._goal))
        first, *others = placements
        before = self._env.sim.get_state()
        for origin, quat in self._poses(first):
            if self._trials == _MOST_TRIALS:
                break
            self._env.sim.set_state(before)
            if not self._set_down(first.arguments[0], origin, quat) or not self._may_hold(first):
                continue
            self._trials += 1
            self._settle()
            if self.holds(first) and self._place_all(others):
                return True
        return False

    def _take_away(self, part: Predicate) -> None:
        """Takes an object back to where it lay, or near it, to a place where the predicate does not hold."""
        name = part.arguments[0]
        before = self._env.sim.get_state()
        start, quat = self._start[name]
        shifts = itertools.product(np.linspace(-0.3, 0.3, 13), repeat=2)
        for dx, dy in sorted(shifts, key=lambda shift: float(np.hypot(*shift))):
            self._env.sim.set_state(before)
            if not self._set_down(name, start + np.array([dx, dy, -_DEEPEST_START_M]), quat, 2 * _DEEPEST_START_M):
                continue
            self._settle()
            if not self.holds(part):
                return

    def _poses(self, part: Predicate) -> Iterator[tuple[Float64Array, Float64Array]]:
        """Where an object may lie so that the predicate holds, the likeliest first.

        Yields:
            The place of its body's origin in x and y, and in z the height from which a place for its lowest point is looked
            for, (3,), m; its orientation (w, x, y, z).
        """
        name, target = part.arguments
        poses = itertools.product(_FRACTIONS, _orientations(self._start[name][1]))
        for (x, y), (quat, _) in sorted(poses, key=lambda pose: abs(pose[0][0]) + abs(pose[0][1]) + pose[1][1]):
            yield self._place(part.name, target, (x, y)), quat

    def _place(self, relation: str, target: str, fraction: tuple[float, float]) -> Float64Array:
        """A place on or in the target, as `_set_down` takes it; the fractions say where of the region's half size."""
        x, y = fraction
        site = self._env.object_sites_dict.get(target)
        if site is None:
            on_object: Float64Array = self._place_of(target) + np.array([x, y, 0.0]) * _HALF_SIZE_ON_OBJECTS_M
            return on_object
        centre = self._env.sim.data.get_site_xpos(target)
        turn = self._env.sim.data.get_site_xmat(target)
        # Upstream's SiteObject.in_box turns the half sizes by the site's rotation, and SiteObject.under the other's offset;
        # the regions that they mean follow.
        if relation == "in":
            shift = np.abs(turn @ site.size) * np.array([x, y, -1.0])
        else:
            shift = turn.T @ (np.array([x, y, 1.0]) * site.size + np.array([0.0, 0.0, _HEIGHT_ABOVE_SITES_M]))
            shift[2] = -np.abs(turn.T @ site.size)[2]
        place: Float64Array = centre + shift - np.array([0.0, 0.0, _DEEPEST_START_M])
        return place

    def _may_hold(self, part: Predicate) -> bool:
        """Whether an object that was set down is in the region, touching left aside."""
        name, target = part.arguments
        site = self._env.object_sites_dict.get(target)
        if site is None:
            return True
        data = self._env.sim.data
        inside = site.in_box if part.name == "in" else site.under
        return bool(inside(data.get_site_xpos(target), data.get_site_xmat(target), self._position(name)))

    def _set_down(self, name: str, place: Float64Array, quat: Float64Array, highest_lift_m: float = _HIGHEST_LIFT_M) -> bool:
        """Puts an object at the lowest height, from that of the place on, where it is in nothing.

        Args:
            name: The object.
            place: x and y of its origin, lowest height of its lowest point, (3,), m.
            quat: Its orientation, (w, x, y, z).
            highest_lift_m: How much higher its lowest point may come to lie.

        Returns:
            False where nothing would carry it, or no height is high enough.
        """
        joint = self._env.get_object(name).joints[-1]
        self._env.sim.data.set_joint_qpos(joint, np.concatenate([place, quat]))
        self._env.sim.data.set_joint_qvel(joint, np.zeros(6))
        self._env.sim.forward()
        lowest = place[2] + place[2] - self._lowest_point(name)
        for lift in np.arange(0.0, highest_lift_m, _LIFT_STEP_M):
            self._env.sim.data.set_joint_qpos(joint, np.array([place[0], place[1], lowest + lift, *quat]))
            self._env.sim.forward()
            if not self._is_in_something(name):
                return bool(lift > 0)
        return False

    def _is_in_something(self, name: str) -> bool:
        contact = self._simulation.data.contact
        own = self._geoms(name)
        mine = np.isin(contact.geom, own)
        return bool(np.any((mine[:, 0] != mine[:, 1]) & (contact.dist < -_PENETRATION_M)))

    def _geoms(self, name: str) -> Any:
        """The ids of what can touch of an object or fixture."""
        model = self._simulation.model
        root = model.body_rootid[self._env.obj_body_id[name]]
        touches = (model.geom_contype | model.geom_conaffinity) > 0
        return np.flatnonzero((model.body_rootid[model.geom_bodyid] == root) & touches)

    def _lowest_point(self, name: str) -> float:
        """The height of the lowest point of an object's contact shapes, by their boxes, in m."""
        data, geoms = self._simulation.data, self._geoms(name)
        boxes = self._simulation.model.geom_aabb[geoms]
        turn = data.geom_xmat[geoms].reshape(-1, 3, 3)[:, 2]
        centres = data.geom_xpos[geoms, 2] + np.sum(turn * boxes[:, :3], axis=1)
        return float(np.min(centres - np.sum(np.abs(turn) * boxes[:, 3:], axis=1)))

    def _place_of(self, name: str) -> Float64Array:
        """Where an object is: x and y of its origin, and the height of its lowest point, (3,), m."""
        x, y, _ = self._position(name)
        return np.array([x, y, self._lowest_point(name)])

    def _orientation(self, name: str) -> Float64Array:
        orientation: Float64Array = self._env.sim.data.body_xquat[self._env.obj_body_id[name]].copy()
        return orientation

    def _position(self, name: str) -> Float64Array:
        position: Float64Array = self._env.sim.data.body_xpos[self._env.obj_body_id[name]].copy()
        return position

    def _open_container(self, target: str) -> None:
        """Opens the drawer or the door behind which a region lies, if it has one."""
        owner = self._owner(target)
        joints = self._env.object_sites_dict[target].joints or self._env.get_object(owner).joints
        if self._articulation(owner).get("default_open_ranges"):
            self._move_joints(owner, joints, "default_open_ranges")

    def _set_joints(self, part: Predicate, opposite: int) -> None:
        """Makes a predicate of joints hold (0), or its opposite (1)."""
        (target,) = part.arguments
        owner = self._owner(target)
        subject = self._env.object_sites_dict.get(target) or self._env.get_object(owner)
        self._move_joints(owner, subject.joints, _JOINT_RANGES[part.name][opposite])

    def _articulation(self, owner: str) -> dict[str, list[float]]:
        articulation: dict[str, list[float]] = self._env.get_object(owner).object_properties.get("articulation", {})
        return articulation

    def _move_joints(self, owner: str, joints: Sequence[str], range_name: str) -> None:
        """Sets joints to the stop nearest to one of upstream's ranges; what lies inside comes along."""
        data, model = self._env.sim.data, self._env.sim.model
        regions = [name for name, site in self._env.object_sites_dict.items() if site.parent_name == owner]
        region_of = {name: region for region in regions for name in self._objects_inside(region)}
        before = {region: data.get_site_xpos(region).copy() for region in regions}
        for joint in joints:
            low, high = model.jnt_range[model.joint_name2id(joint)]
            middle = np.mean(self._articulation(owner)[range_name])
            data.set_joint_qpos(joint, low if abs(middle - low) < abs(middle - high) else high)
            data.set_joint_qvel(joint, 0.0)
        self._env.sim.forward()
        for name, region in region_of.items():
            shift = data.get_site_xpos(region) - before[region]
            free = self._env.get_object(name).joints[-1]
            data.set_joint_qpos(free, data.get_joint_qpos(free) + np.concatenate([shift, np.zeros(4)]))
        self._env.sim.forward()
        self._settle()

    def _objects_inside(self, region: str) -> list[str]:
        state = self._env.object_states_dict[region]
        return [name for name in self._env.objects_dict if state.check_contain(self._env.object_states_dict[name])]

    def _settle(self) -> None:
        """Lets the physics run until nothing but the robot moves, at most two seconds."""
        model, data = self._simulation.model, self._simulation.data
        robot = set(self._env.robots[0]._ref_joint_vel_indexes) | set(self._env.robots[0]._ref_gripper_joint_vel_indexes)
        others = [index for index in range(model.nv) if index not in robot]
        for step in range(_SETTLE_STEPS):
            self._simulation.step(_HOLD_STILL)
            if step >= 4 and np.abs(data.qvel[others]).max(initial=0.0) < _RESTING_SPEED:
                return


def _orientations(upright: Float64Array) -> Iterator[tuple[Float64Array, float]]:
    """The upright orientation, then tipped over to each of four sides; each turned to the four quarters.

    Args:
        upright: (w, x, y, z).

    Yields:
        20 orientations, (w, x, y, z); and how unlikely each is, in the measure of `_FRACTIONS`.
    """
    import mujoco

    half = np.sqrt(0.5)
    as_it_is = (1.0, 0.0, 0.0, 0.0)
    tips = [as_it_is, (half, half, 0.0, 0.0), (half, -half, 0.0, 0.0), (half, 0.0, half, 0.0), (half, 0.0, -half, 0.0)]
    turns = [as_it_is, (half, 0.0, 0.0, half), (0.0, 0.0, 0.0, 1.0), (half, 0.0, 0.0, -half)]
    for tip, turn in itertools.product(tips, turns):
        tipped, turned = np.zeros(4), np.zeros(4)
        mujoco.mju_mulQuat(tipped, np.array(tip), upright)
        mujoco.mju_mulQuat(turned, np.array(turn), tipped)
        yield turned, _TIPPED_FRACTION if tip != as_it_is else _TURNED_FRACTION if turn != as_it_is else 0.0
