"""What LIBERO's simulator knows of a built task, for scripted experts: see `harness.privileged`.

Poses are those of the last forward pass, as upstream's predicates read them; nothing in the simulation is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from harness.envs.libero.simulation import Simulation
from harness.privileged import (
    ARM,
    HAND,
    LEFT_FINGER,
    RIGHT_FINGER,
    SURROUNDINGS,
    Body,
    Goal,
    SceneJoint,
    ScenePrivileged,
    SceneRegion,
    Shape,
    Thing,
)
from harness.types import Float64Array

# upstream's predicate of a joint -> the method of an articulated object that decides it
_METHODS = {"open": "is_open", "close": "is_close", "turnon": "turn_on", "turnoff": "turn_off"}
# At how many positions between a joint's stops these methods are asked.
_SAMPLES = 2001
# Planes are endless; as boxes they reach this far, and this deep.
_PLANE_M, _PLANE_DEPTH_M = 5.0, 0.05
# Turns the controlled site's frame, whose x axis the fingers move along, about z, so that they move along y.
_SITE_R_GRIP = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


class SceneReader:
    """Reads a built task; names and shapes are looked up once."""

    def __init__(self, simulation: Simulation) -> None:
        """Takes a simulation after its first reset."""
        self._simulation = simulation
        self._env = simulation.env
        model = simulation.model
        self._owner_of_body = _owners(self._env, model)
        touches = (model.geom_contype | model.geom_conaffinity) > 0
        self._shapes: dict[int, tuple[Shape, ...]] = {
            body: tuple(_shape(model, int(geom)) for geom in np.flatnonzero(touches & (model.geom_bodyid == body)))
            for body in range(model.nbody)
        }
        self._goals = tuple(
            Goal(str(part[0]).lower(), tuple(map(str, part[1:]))) for part in self._env.parsed_problem["goal_state"]
        )
        self._joints = {name: joint for thing in self._things() for name, joint in self._joints_of(thing).items()}
        self._bodies: dict[str, tuple[tuple[int, str], ...]] = dict.fromkeys((*self._things(), SURROUNDINGS), ())
        for body, owner in self._owner_of_body.items():
            if owner in self._bodies and self._shapes[body]:
                self._bodies[owner] = (*self._bodies[owner], (body, str(model.body(body).name)))
        self._grip_site = int(self._env.robots[0].eef_site_id)
        self._base_body = int(model.body(self._env.robots[0].robot_model.root_body).id)

    def read(self) -> ScenePrivileged:
        """Everything as it is now, copied."""
        data = self._simulation.data
        grip = _pose(data.site_xpos[self._grip_site], data.site_xmat[self._grip_site].reshape(3, 3) @ _SITE_R_GRIP)
        base = _pose(data.xpos[self._base_body], data.xmat[self._base_body].reshape(3, 3))
        return ScenePrivileged(
            task="libero",
            poses=MappingProxyType({"grip": grip, "base": base}),
            values=MappingProxyType({}),
            goals=self._goals,
            things=MappingProxyType({name: self._thing(name) for name in self._bodies}),
            joints=MappingProxyType({name: self._joint(name) for name in self._joints}),
            regions=MappingProxyType(self._regions()),
            contacts=self._contacts(),
        )

    def _things(self) -> tuple[str, ...]:
        return (*self._env.objects_dict, *self._env.fixtures_dict)

    def _thing(self, name: str) -> Thing:
        data = self._simulation.data
        bodies = tuple(
            Body(label, _pose(data.xpos[body], data.xmat[body].reshape(3, 3)), self._shapes[body])
            for body, label in self._bodies[name]
        )
        if name == SURROUNDINGS:
            return Thing(name, name, False, np.eye(4), bodies)
        root = self._env.obj_body_id[name]
        pose = _pose(data.xpos[root], data.xmat[root].reshape(3, 3))
        category = str(self._env.get_object(name).category_name)
        return Thing(name, category, name in self._env.objects_dict, pose, bodies)

    def _joints_of(self, thing: str) -> dict[str, tuple[str, Mapping[str, tuple[float, float]]]]:
        """Joint -> the thing, and where its predicates hold; of the joints that move parts of a thing."""
        model, subject = self._simulation.model, self._env.get_object(thing)
        found: dict[str, tuple[str, Mapping[str, tuple[float, float]]]] = {}
        for joint in subject.joints:
            if model.joint(joint).type[0] in (2, 3):  # mjJNT_SLIDE, mjJNT_HINGE
                found[joint] = (thing, MappingProxyType(_where_predicates_hold(subject, *model.joint(joint).range)))
        return found

    def _joint(self, name: str) -> SceneJoint:
        data, model = self._simulation.data, self._simulation.model
        joint, (thing, holds) = model.joint(name), self._joints[name]
        kind: Literal["slide", "hinge"] = "slide" if joint.type[0] == 2 else "hinge"
        low, high = map(float, joint.range)
        return SceneJoint(
            name=name,
            thing=thing,
            body=model.body(joint.bodyid[0]).name,
            kind=kind,
            position=float(data.qpos[joint.qposadr[0]]),
            low=low,
            high=high,
            axis=np.array(data.xaxis[joint.id]),
            anchor_m=np.array(data.xanchor[joint.id]),
            holds=holds,
        )

    def _regions(self) -> dict[str, SceneRegion]:
        data, model = self._simulation.data, self._simulation.model
        regions = {}
        for name, site in self._env.object_sites_dict.items():
            at = model.site(name).id
            parent = site.parent_name if site.parent_name in self._things() else None
            pose = _pose(data.site_xpos[at], data.site_xmat[at].reshape(3, 3))
            half_size = np.array(site.size, dtype=np.float64)
            regions[name] = SceneRegion(name, parent, pose, half_size, tuple(site.joints or ()))
        return regions

    def _contacts(self) -> frozenset[tuple[str, str]]:
        data, model = self._simulation.data, self._simulation.model
        bodies = model.geom_bodyid[data.contact.geom]
        pairs = {(int(one), int(other)) for one, other in bodies}
        named = ((self._owner_of_body[one], self._owner_of_body[other]) for one, other in pairs)
        return frozenset((min(pair), max(pair)) for pair in named if pair[0] != pair[1])


def _owners(env: Any, model: Any) -> dict[int, str]:
    """Body -> the thing or the robot's part that it belongs to."""
    roots = {env.obj_body_id[name]: name for name in (*env.objects_dict, *env.fixtures_dict)}
    prefixes = {
        f"{env.robots[0].gripper.naming_prefix}leftfinger": LEFT_FINGER,
        f"{env.robots[0].gripper.naming_prefix}finger_joint1_tip": LEFT_FINGER,
        f"{env.robots[0].gripper.naming_prefix}rightfinger": RIGHT_FINGER,
        f"{env.robots[0].gripper.naming_prefix}finger_joint2_tip": RIGHT_FINGER,
        env.robots[0].gripper.naming_prefix: HAND,
        env.robots[0].robot_model.naming_prefix: ARM,
    }
    owners = {0: SURROUNDINGS}
    for body in range(1, model.nbody):
        name, parent = model.body(body).name, int(model.body_parentid[body])
        of_robot = next((part for prefix, part in prefixes.items() if name.startswith(prefix)), None)
        owners[body] = roots.get(body) or of_robot or owners[parent]
    return owners


def _shape(model: Any, geom: int) -> Shape:
    import mujoco

    kind = int(model.geom_type[geom])
    body_t_geom = np.eye(4)
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
    body_t_geom[:3, :3], body_t_geom[:3, 3] = rotation.reshape(3, 3), model.geom_pos[geom]
    centre, half_size = model.geom_aabb[geom, :3], np.array(model.geom_aabb[geom, 3:])
    if kind == mujoco.mjtGeom.mjGEOM_PLANE:
        centre, half_size = np.array([0.0, 0.0, -_PLANE_DEPTH_M]), np.array([_PLANE_M, _PLANE_M, _PLANE_DEPTH_M])
    body_t_geom[:3, 3] += body_t_geom[:3, :3] @ centre
    named: Literal["box", "cylinder"] = "cylinder" if kind == mujoco.mjtGeom.mjGEOM_CYLINDER else "box"
    return Shape(model.geom(geom).name, named, half_size, body_t_geom)


def _where_predicates_hold(subject: Any, low: float, high: float) -> dict[str, tuple[float, float]]:
    """Asks upstream's own methods, and puts back what they leave behind (the colour of a burner)."""
    positions = np.linspace(low, high, _SAMPLES)
    shown = subject.object_properties.get("vis_site_names", {})
    before = dict(shown)
    found = {}
    for predicate, name in _METHODS.items():
        if not subject.object_properties.get("articulation", {}).get(f"default_{predicate}_ranges"):
            continue
        held = positions[[bool(getattr(subject, name)(position)) for position in positions]]
        if held.size:
            found[predicate] = (float(held[0]), float(held[-1]))
    shown.update(before)
    return found


def _pose(position: Float64Array, rotation: Float64Array) -> Float64Array:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, position
    return pose
