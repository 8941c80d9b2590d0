"""One LIBERO task as upstream simulates it: built once, and reset exactly as if it had been built again.

Upstream (hf-libero 0.1.4 on robosuite 1.4.0) rebuilds and recompiles the model for every episode. Here the model stays,
and what a rebuild would have made fresh is made fresh by hand, so that poses, velocities and pictures stay equal to
upstream's bit for bit. What a rebuild makes fresh:

- the poses of fixtures and the colours of sites in the compiled model, which a reset overwrites;
- the solver's warm start: a new simulation runs ``mj_forward`` twice (when it is built, and when its OpenGL context is)
  before anything is placed;
- the gripper's integrated command, the controller, and what a stove remembers of its burner;
- nothing of the list of initial joint openings: upstream appends to it at every rebuild and never clears it, so that the
  k-th reset draws them k + 1 times from the generator. `Simulation.reset` takes that number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from harness.envs.libero.rendering import Snapshot
from harness.envs.libero.scene_reset import SceneReset
from harness.types import Float64Array

# The observables that are kept: all that LIBERO policies read. Each is sampled at upstream's own moments.
_KEPT_OBSERVABLES = ("robot0_joint_pos", "robot0_eef_pos", "robot0_eef_quat", "robot0_gripper_qpos")
_SNAPSHOT = "snapshot"


@contextmanager
def numpy_global_state(state: Any) -> Iterator[None]:
    """Runs a block with NumPy's global generator in the given state, and puts the old state back.

    LIBERO and robosuite draw from the global generator; nobody else's draws may move because of that.

    Args:
        state: A seed (0 to 2**32 - 1), or a state that ``np.random.get_state()`` gave.
    """
    before = np.random.get_state()
    if isinstance(state, int):
        np.random.seed(state)
    else:
        np.random.set_state(state)
    try:
        yield
    finally:
        np.random.set_state(before)


class _Resettable:
    """Goes before an upstream problem class: no cameras, lazy pictures, and a reset that equals a rebuild."""

    sim: Any
    robots: Any
    objects: list[Any]
    fixtures: list[Any]
    deterministic_reset: bool
    _observables: dict[str, Any]
    object_property_initializers: list[Any]

    def _initialize_sim(self, xml_string: str | None = None) -> None:
        super()._initialize_sim(xml_string)  # type: ignore[misc]
        model = self.sim.model._model
        self._compiled = {name: np.array(getattr(model, name)) for name in ("body_pos", "body_quat", "site_rgba")}
        self._joint_openings = tuple(self.object_property_initializers)
        flags = [thing.object_properties["vis_site_names"] for thing in (*self.objects, *self.fixtures)]
        self._visible_sites = [(of_thing, dict(of_thing)) for of_thing in flags]
        self.snapshot = Snapshot(model)
        # The reset that ends the build, next, begins like every other, and draws no scene.
        self.sim.reset()
        self.deterministic_reset = True

    def _setup_observables(self) -> dict[str, Any]:
        from robosuite.utils.observables import Observable, sensor

        observables = super()._setup_observables()  # type: ignore[misc]
        kept = {name: observables[name] for name in _KEPT_OBSERVABLES}

        @sensor(modality=_SNAPSHOT)  # type: ignore[untyped-decorator]
        def take_snapshot(obs_cache: dict[str, Any]) -> float:
            self.snapshot.take(self.sim.model._model, self.sim.data._data)
            return 0.0

        kept[_SNAPSHOT] = Observable(name=_SNAPSHOT, sensor=take_snapshot, sampling_rate=self.control_freq)  # type: ignore[attr-defined]
        return kept

    def _reset_internal(self) -> None:
        for name, values in self._compiled.items():
            getattr(self.sim.model._model, name)[:] = values
        for robot in self.robots:
            robot.gripper.current_action = np.zeros(robot.gripper.dof)
        self.forget_visible_sites()
        self.sim.forward()
        self.sim.forward()
        super()._reset_internal()  # type: ignore[misc]

    def forget_visible_sites(self) -> None:
        """Takes back what things remember of the sites that show, such as a lit burner's."""
        for of_thing, when_built in self._visible_sites:
            of_thing.update(when_built)

    @property
    def joint_openings(self) -> tuple[Any, ...]:
        """Upstream's samplers of the openings of drawers, doors and knobs, each of them once."""
        return self._joint_openings

    def set_joint_opening_draws(self, draws: int) -> None:
        """Sets how many times the openings of drawers, doors and knobs are drawn by the next reset."""
        self.object_property_initializers = list(self._joint_openings) * draws


@cache
def _resettable_class(problem_class: type) -> type:
    """The upstream problem class with `_Resettable` before it, under the same name, which upstream asserts."""
    from robosuite.environments.base import REGISTERED_ENVS

    made = type(problem_class)(problem_class.__name__, (_Resettable, problem_class), {})
    # robosuite's metaclass registers every class by name; the upstream class keeps its place.
    REGISTERED_ENVS[problem_class.__name__] = problem_class
    return made


class Simulation:
    """One task's model with everything that upstream's environment does to it, without its pictures."""

    def __init__(self, bddl: Path, *, control_freq_hz: int, fast_reset: bool = True) -> None:
        """Builds the model; 1 to 4 seconds. There is no scene before the first reset.

        `harness.envs.libero.installation.prepare` must have run before.

        Args:
            bddl: The task's definition.
            control_freq_hz: Control steps a simulated second.
            fast_reset: Whether `reset` leaves out what comes out the same every time, or runs all of upstream's own. The
                result is the same bit for bit.
        """
        import libero.libero.envs.bddl_utils as bddl_utils
        import robosuite
        from libero.libero.envs import TASK_MAPPING

        problem = bddl_utils.get_problem_info(str(bddl))["problem_name"]
        with numpy_global_state(0):
            self.env = _resettable_class(TASK_MAPPING[problem])(
                str(bddl),
                robots=["Panda"],
                controller_configs=robosuite.load_controller_config(default_controller="OSC_POSE"),
                gripper_types="default",
                initialization_noise=None,
                use_camera_obs=False,
                has_renderer=False,
                has_offscreen_renderer=False,
                control_freq=control_freq_hz,
                ignore_done=True,
                hard_reset=False,
            )
        self._scene_reset = SceneReset(self.env) if fast_reset else None
        self.env.deterministic_reset = False

    @property
    def model(self) -> Any:
        """The `mujoco.MjModel`."""
        return self.env.sim.model._model

    @property
    def data(self) -> Any:
        """The `mujoco.MjData`."""
        return self.env.sim.data._data

    @property
    def snapshot(self) -> Snapshot:
        """What upstream's cameras would have seen last."""
        snapshot: Snapshot = self.env.snapshot
        return snapshot

    def reset(self, *, joint_opening_draws: int) -> int:
        """Samples a scene from NumPy's global generator as upstream's reset does.

        Args:
            joint_opening_draws: How many times the openings of drawers, doors and knobs are drawn: k + 1 for upstream's
                k-th reset (from 1), 1 for a scene of our own.

        Returns:
            How many rebuilds upstream would have made: 1, and 1 more for every placement that had to be given up.
        """
        if self._scene_reset is not None:
            return self._scene_reset.reset(self.env.joint_openings, joint_opening_draws)
        from robosuite.utils.errors import RandomizationError

        rebuilds = 1
        while True:
            self.env.set_joint_opening_draws(joint_opening_draws + rebuilds - 1)
            try:
                self.env.reset()
            except RandomizationError:
                rebuilds += 1
            else:
                return rebuilds

    def set_init_state(self, row: Float64Array) -> None:
        """Puts everything that has a joint where the initial state says, as upstream's ``set_init_state``.

        Args:
            row: time (s), qpos, qvel: (1 + nq + nv,).

        Raises:
            ValueError: The row is of another length.
        """
        expected = 1 + self.model.nq + self.model.nv
        if row.shape != (expected,):
            raise ValueError(f"the initial state has {row.size} numbers; this task's model needs {expected}")
        self.env.sim.set_state_from_flattened(row)
        self.env.sim.forward()
        self.env._check_success()
        self.env._post_process()
        self.env._update_observables(force=True)

    def step(self, action: Float64Array) -> bool:
        """One control step; True when upstream's success predicate holds afterwards."""
        _, _, success, _ = self.env.step(action)
        return bool(success)

    def observed(self, name: str) -> Float64Array:
        """The last sampled value of one of upstream's observables, copied."""
        return np.array(self.env._observables[name].obs, dtype=np.float64)

    def show_state(self, qpos: Float64Array) -> None:
        """Makes `snapshot` show any configuration of the current scene; the episode cannot be continued afterwards.

        Args:
            qpos: Generalised positions, (nq,).
        """
        import mujoco

        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        self.env._post_process()
        self.snapshot.take(self.model, self.data)

    def close(self) -> None:
        """Gives back the simulation's memory."""
        self.env.close()
