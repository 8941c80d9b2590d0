"""Upstream's success predicates and its coloured sites after a control step, at a fraction of upstream's cost.

After every control step upstream (hf-libero 0.1.4 on robosuite 1.4.0) evaluates the goal for the reward, lets each stove
see where its knob is, shows or hides sites by what the stoves say, and evaluates the goal once more; the last is the result.
`SuccessCheck.after_step` leaves the same flags and colours and returns the same result. What makes it cheap:

- Names are resolved once: a reset that keeps the model keeps bodies, geoms, sites, joints and robosuite's objects.
- The first evaluation is left out. Only ``turnon`` and ``turnoff`` leave anything behind, and what they leave is
  overwritten when the stoves look at their knobs.
- The predicates without side effects are evaluated until the first that does not hold, cheapest questions first.
- The predicates themselves are cheap: see `harness.envs.libero.success_predicates`.

A goal or an object that is not known here is left to upstream's own methods: see `SuccessCheck.fallback_reason`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.envs.libero.success_predicates import Contact, Joints, OnObject, Region
from harness.errors import HarnessError

# What `after_step` stands for, and where upstream defines it: another definition means something that is not known here.
_STANDS_FOR = {
    "_check_success": "libero.libero.envs.problems.",
    "_eval_predicate": "libero.libero.envs.problems.",
    "_post_process": "libero.libero.envs.problems.",
    "set_visualization": "libero.libero.envs.problems.",
    "get_object": "libero.libero.envs.bddl_base_domain",
    "check_contact": "robosuite.environments.base",
}
# Upstream's classes whose methods of this name read one joint's position and nothing else but their own ranges.
_OPENED = frozenset({"Microwave", "ShortCabinet", "ShortFridge", "WoodenCabinet", "WhiteCabinet"})
_TURNED = frozenset({"FlatStove"})
# upstream's predicate -> the method of an articulated object, whether it must hold of all joints, whose method it may be
_JOINT_METHODS = {
    "Open": ("is_open", False, _OPENED),
    "Close": ("is_close", True, _OPENED),
    "TurnOn": ("turn_on", False, _TURNED),
    "TurnOff": ("turn_off", True, _TURNED),
}


class _NotKnownError(HarnessError):
    """Something that only upstream's own methods can be asked about."""


class SuccessCheck:
    """What upstream does after a control step, for one built task.

    It belongs to the model and data that the environment has when it is made: make another when the model is rebuilt. Resets
    that keep the model (``hard_reset=False``) keep it valid.

    Attributes:
        fallback_reason: Why upstream's own methods are called instead; None where they are not.
    """

    def __init__(self, env: Any) -> None:
        """Resolves names.

        Args:
            env: Upstream's environment, a ``BDDLBaseDomain``, after its first reset.
        """
        self._env = env
        self._tracked: list[Callable[[], bool]] = []
        self._turned: list[Callable[[], bool]] = []
        self._lazy: list[Callable[[], bool]] = []
        self.fallback_reason: str | None = None
        self._site_alpha = env.sim.model._model.site_rgba[:, 3]
        self._site_ids = {name: env.sim.model.site_name2id(name) for name in env.sim.model.site_names if name}
        self._shown: list[Any] = []
        try:
            _require_known_methods(type(env))
            self._resolve()
        except _NotKnownError as error:
            self.fallback_reason = str(error)

    @property
    def uses_upstream(self) -> bool:
        """Whether upstream's own methods are called, at their cost."""
        return self.fallback_reason is not None

    def after_step(self) -> bool:
        """Does what upstream does after a control step; True when its goal holds.

        Reads the poses and contacts of the last forward pass and the joint positions as they are now, as upstream does.
        """
        if self.fallback_reason is not None:
            self._env._check_success()
            self._env._post_process()
            return bool(self._env._check_success())
        for look in self._tracked:
            look()
        self._show_sites()
        succeeded = True
        for turned in self._turned:
            succeeded = turned() and succeeded
        if succeeded:
            for holds in self._lazy:
                if not holds():
                    return False
        return succeeded

    def _show_sites(self) -> None:
        """Upstream's ``set_visualization``: the same comparisons and the same expression, in float32."""
        for subject in self._shown:
            for name, visible in subject.object_properties["vis_site_names"].values():
                site = self._site_ids[name]
                alpha = self._site_alpha[site]
                if (alpha <= 0 and visible) or (alpha > 0 and not visible):
                    self._site_alpha[site] = 1 - alpha

    def _resolve(self) -> None:
        """Fills the lists of what is shown and asked; those without side effects in the order of their costs."""
        env = self._env
        self._shown = [env.get_object(name) for name in env.visualization_sites_list]
        tracked = []
        for state in env.tracking_object_states_change:
            if state.has_turnon_affordance:
                look = _of_joints(env, "TurnOn", state)
                self._tracked.append(look.holds)
                tracked += [state] if look.addresses else []
        places = []
        for goal in env.parsed_problem["goal_state"]:
            kind, subjects = _kind_and_subjects(env, goal)
            if kind not in _JOINT_METHODS:
                places.append(_of_places(env, kind, *subjects))
                continue
            holds = _of_joints(env, kind, *subjects).holds
            if kind in ("Open", "Close"):
                self._lazy.append(holds)
            elif subjects[0] in tracked:
                self._turned.append(holds)
            else:
                raise _NotKnownError(f"{' '.join(goal)}: upstream does not track {goal[1]}")
        self._lazy += places


def _require_known_methods(env_class: type) -> None:
    for name, module in _STANDS_FOR.items():
        found = getattr(getattr(env_class, name, None), "__module__", "no module")
        if not found.startswith(module):
            raise _NotKnownError(f"{env_class.__name__}.{name} is defined in {found}")


def _kind_and_subjects(env: Any, goal: Sequence[str]) -> tuple[str, list[Any]]:
    """The name of the class of a predicate, and upstream's states of what it is said of, if all of them are known."""
    from libero.libero.envs.object_states import ObjectState, SiteObjectState
    from libero.libero.envs.predicates import VALIDATE_PREDICATE_FN_DICT, Close, In, On, Open, TurnOff, TurnOn

    known = {
        On: ((ObjectState, ObjectState), (ObjectState, SiteObjectState)),
        In: ((ObjectState, SiteObjectState),),
        Open: ((ObjectState,), (SiteObjectState,)),
        Close: ((ObjectState,), (SiteObjectState,)),
        TurnOn: ((ObjectState,),),
        TurnOff: ((ObjectState,),),
    }
    kind = type(VALIDATE_PREDICATE_FN_DICT.get(goal[0]))
    subjects = [env.object_states_dict.get(name) for name in goal[1:]]
    if tuple(map(type, subjects)) not in known.get(kind, ()):
        raise _NotKnownError(f"the predicate {' '.join(goal)}")
    return kind.__name__, subjects


def _of_joints(env: Any, kind: str, state: Any) -> Joints:
    name, every, known = _JOINT_METHODS[kind]
    is_site = state.object_state_type == "site"
    subject = env.get_object(state.parent_name if is_site else state.object_name)
    if type(subject).__name__ not in known or type(subject).__module__ != "libero.libero.envs.objects.articulated_objects":
        raise _NotKnownError(f"{name} of {type(subject).__name__}")
    joints = (env.object_sites_dict[state.object_name] if is_site else subject).joints
    addresses = tuple(map(env.sim.model.get_joint_qpos_addr, joints))
    if any(isinstance(address, tuple) for address in addresses):
        raise _NotKnownError(f"{name} of a joint of {state.object_name} that has more than one position")
    return Joints(getattr(subject, name), env.sim.data._data.qpos, tuple(map(int, addresses)), every)


def _of_places(env: Any, kind: str, thing: Any, target: Any) -> Callable[[], bool]:
    """``in`` and ``on``. A target touches what is in it always, if it is a site: ``SiteObjectState.check_contact``."""
    data = env.sim.data._data
    origin = data.xpos[env.obj_body_id[thing.object_name]]
    if target.object_state_type == "object":
        below = data.xpos[env.obj_body_id[target.object_name]]
        return OnObject(below, origin, _contact(env, target.object_name, thing.object_name)).holds
    site = env.object_sites_dict[target.object_name]
    _require_known_site(site)
    size_x, size_y, size_z = map(float, site.size)
    parent = target.parent_name
    contact = None if env.get_object(parent) is None else _contact(env, parent, thing.object_name)
    site_id = env.sim.model.site_name2id(target.object_name)
    rotation = data.site_xmat[site_id].reshape(3, 3)
    region = Region(site, (size_x, size_y, size_z), data.site_xpos[site_id], rotation, origin, contact)
    return region.contains if kind == "In" else region.carries


def _require_known_site(site: Any) -> None:
    from libero.libero.envs.objects.site_object import SiteObject
    from libero.libero.envs.objects.target_zones import TargetZone

    if type(site) not in (SiteObject, TargetZone) or len(site.size) != 3:
        raise _NotKnownError(f"the region {site.name}, a {type(site).__name__} of size {site.size}")


def _contact(env: Any, first: str, second: str) -> Contact:
    names = [env.sim.model.geom_id2name(geom) for geom in range(env.sim.model._model.ngeom)]

    def mask(owned: Iterable[str]) -> npt.NDArray[np.bool_]:
        geoms = set(owned)
        return np.array([name in geoms for name in names], dtype=bool)

    one, other = (mask(env.get_object(name).contact_geoms) for name in (first, second))
    return Contact(env.sim.data._data, one, other)
