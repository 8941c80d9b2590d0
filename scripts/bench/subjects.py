"""What is measured: upstream's loop and the harness's environment, over the same episodes, each in a process of its own.

The scenes are those of upstream's own run: ``env.seed`` once, then a reset for every episode. The harness reaches the scene
of any of them with the preset ``openpi``, so both end in the same state, which is checked by a hash.
"""

from __future__ import annotations

import dataclasses
import hashlib
import resource
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.envs.families import family_of
from harness.envs.family import Engine
from harness.envs.gl import GLInfo, use_gl
from harness.envs.libero.init_states import load_init_states
from harness.envs.libero.installation import prepare
from harness.envs.libero.task import as_libero_task
from harness.suites import load_suites, preset
from harness.types import Episode, Float64Array, Protocol, Suite, UInt8Array
from scripts.bench.samples import Spent, Stopwatch

PRESET = "openpi"
SUBSTEPS = 25  # control period 0.05 s over time step 0.002 s
FLOOR_SWEEPS = 3
# Control steps of the episode that warms a process up; it is not counted.
WARM_UP_STEPS = 5


@dataclass(frozen=True)
class Job:
    """One task; picklable.

    Attributes:
        suite: Full name.
        task_id: Position in the suite.
        assets_root: LIBERO's assets.
        gl: The OpenGL back end.
        steps: Control steps after settling.
    """

    suite: str
    task_id: int
    assets_root: Path
    gl: GLInfo
    steps: int

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.suite} {self.task_id}"


@dataclass(frozen=True)
class Result:
    """One episode.

    Attributes:
        spent: Part -> calls and time. ``episode`` is the whole.
        state_sha256: Over qpos and qvel after the last step.
        picture_sha256: Over both pictures after settling; empty without pictures.
        touching: Share of the control steps after which the robot touched something; NaN where it was not looked at.
    """

    spent: dict[str, Spent]
    state_sha256: str
    picture_sha256: str = ""
    touching: float = float("nan")


def actions_of(number: int, steps: int) -> Float64Array:
    """Smooth random motion that goes down first, so that the gripper meets the table or what lies on it.

    Args:
        number: Seed.
        steps: How many.

    Returns:
        (steps, 7), each in [-1, 1]: OSC_POSE deltas and the gripper, which closes and opens every 10 to 20 steps.
    """
    generator = np.random.default_rng([5, number])
    actions = np.empty((steps, 7))
    motion, gripper, until = np.zeros(6), -1.0, 0
    for step in range(steps):
        motion = np.clip(0.9 * motion + generator.normal(scale=[0.15, 0.15, 0.05, 0.05, 0.05, 0.05]), -1, 1)
        down = -0.9 if step < 20 else -0.3
        if step == until:
            gripper, until = -gripper, step + int(generator.integers(10, 21))
        actions[step] = [*np.clip(motion + np.array([0, 0, down, 0, 0, 0]), -1, 1), gripper]
    return actions


class UpstreamLoop:
    """hf-libero's environment, driven as published evaluation scripts drive it."""

    def __init__(self, job: Job, *, cameras: bool) -> None:
        """Builds the environment.

        Args:
            job: Which task.
            cameras: Two pictures with every observation; otherwise no OpenGL context and no pictures.
        """
        use_gl(job.gl)
        prepare(job.assets_root)
        from libero.libero.envs import OffScreenRenderEnv
        from libero.libero.envs.env_wrapper import ControlEnv

        suite, self._protocol = _suite_and_protocol(job.suite)
        task = as_libero_task(suite.tasks[job.task_id])
        self._init_states = load_init_states(task.init_states)
        self._steps, self._cameras = job.steps, cameras
        sides = {"camera_heights": self._protocol.image_height_px, "camera_widths": self._protocol.image_width_px}
        if cameras:
            self._env = OffScreenRenderEnv(bddl_file_name=str(task.bddl), **sides)
        else:
            self._env = ControlEnv(bddl_file_name=str(task.bddl), use_camera_obs=False, has_offscreen_renderer=False)
        self._env.seed(self._protocol.scene_seed)
        self._recorded: list[tuple[Float64Array, Float64Array]] = []

    def warm_up(self) -> Result:
        """Episode 0, shortened."""
        return self._episode(0, WARM_UP_STEPS)

    def episode(self, number: int) -> Result:
        """The episode of this initial state; they must be asked for in order, from 1."""
        return self._episode(number, self._steps)

    def _episode(self, number: int, steps: int) -> Result:
        watch, touched = Stopwatch(), []
        self._recorded = []
        with watch.measure("reset"):
            self._env.reset()
        with watch.measure("set init state"):
            self._env.set_init_state(self._init_states[number])
        for _ in range(self._protocol.settle_steps):
            with watch.measure("settle"):
                observation, *_ = self._env.step(list(self._protocol.settle_action))
        first = [observation[f"{name}_image"][::-1, ::-1] for name in self._protocol.cameras.values() if self._cameras]
        model, data = self._env.sim.model._model, self._env.sim.data._data
        robot = _robot_geoms(model)
        for action in actions_of(number, steps).tolist():
            before = _full_state(model, data)
            with watch.measure("step"):
                self._env.step(action)
            self._recorded.append((before, np.array(data.ctrl)))
            touched.append(bool((robot[data.contact.geom].sum(axis=1) == 1).any()))
        spent = dict(watch.spent)
        spent["episode"] = dataclasses.replace(sum(spent.values(), Spent()), count=1)
        spent["start"] = dataclasses.replace(spent["episode"] - spent["step"], count=1)
        return Result(spent, _sha256(data.qpos, data.qvel), _sha256(*first) if first else "", float(np.mean(touched)))

    def floor(self) -> Spent:
        """Bare MuJoCo steps from the states of the last episode: `SUBSTEPS` from the start of every control step.

        The control is the one that the control step ended with. The median of `FLOOR_SWEEPS` sweeps over the episode.
        """
        import mujoco

        return self._swept(lambda model, data: mujoco.mj_step(model, data, nstep=SUBSTEPS))

    def solves(self) -> Spent:
        """As `floor`, with the three solutions a substep that upstream's calls imply, without sensors and controller."""
        import mujoco

        from scripts.bench.solves import solves_of

        options = self._env.sim.model._model.opt
        before = options.disableflags
        options.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_SENSOR)
        try:
            return self._swept(lambda model, data: solves_of(model, data, SUBSTEPS))
        finally:
            options.disableflags = before

    def _swept(self, step: Callable[[Any, Any], None]) -> Spent:
        import mujoco

        model = self._env.sim.model._model
        data = mujoco.MjData(model)
        step(model, data)
        sweeps = []
        for _ in range(FLOOR_SWEEPS):
            watch = Stopwatch()
            for state, ctrl in self._recorded:
                mujoco.mj_setState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
                data.ctrl[:] = ctrl
                with watch.measure("step"):
                    step(model, data)
            sweeps.append(watch.spent["step"])
        middle = statistics.median_low([sweep.wall_s for sweep in sweeps])
        return next(sweep for sweep in sweeps if sweep.wall_s == middle)


class Harness:
    """The harness's environment through its public interface, with a policy that costs nothing."""

    def __init__(self, job: Job, *, engine: Engine) -> None:
        """Makes the environment; the model is built by the first reset.

        Args:
            job: Which task.
            engine: What steps the simulation.
        """
        use_gl(job.gl)
        suite, self._protocol = _suite_and_protocol(job.suite)
        self._task, self._steps = suite.tasks[job.task_id], job.steps
        unsettled = dataclasses.replace(self._protocol, settle_steps=0)
        make = family_of("libero").make
        self._environment = make((suite,), {suite.name: self._protocol}, job.assets_root, engine=engine)
        self._unsettled = make((suite,), {suite.name: unsettled}, job.assets_root, engine=engine)

    def warm_up(self) -> Result:
        """Episode 0, shortened, with pictures at every step; its reset builds the model."""
        return self._episode(0, WARM_UP_STEPS, replan=1, images=True)

    def episode(self, number: int, replan: int) -> Result:
        """An episode with both pictures before every `replan`-th step."""
        return self._episode(number, self._steps, replan=replan, images=True)

    def unseen(self, number: int) -> Result:
        """An episode without pictures; the state is observed before every step."""
        return self._episode(number, self._steps, replan=1, images=False)

    def unsettled_start(self, number: int) -> Spent:
        """A reset without settling. The first call builds a model of its own."""
        watch = Stopwatch()
        with watch.measure("start"):
            self._unsettled.reset(self._key(number))
        return watch.spent["start"]

    def _episode(self, number: int, steps: int, *, replan: int, images: bool) -> Result:
        watch, episode, environment = Stopwatch(), self._key(number), self._environment
        actions = actions_of(number, steps)
        first: list[UInt8Array] = []
        with watch.measure("episode"):
            with watch.measure("start"):
                environment.reset(episode)
            for step in range(steps):
                if step % replan == 0:
                    with watch.measure("observe"):
                        observation = environment.observe(images=images)
                    with watch.measure("policy"):
                        chunk = actions[step : step + replan]
                    first = first or list(observation.images.values())
                with watch.measure("step"):
                    environment.step(chunk[step % replan])
        state = environment.state()
        return Result(watch.spent, _sha256(state.qpos, state.qvel), _sha256(*first) if first else "")

    def _key(self, number: int) -> Episode:
        task = self._task
        return Episode(task.suite, task.task_id, task.name, task.instruction, init=number, repeat=0, seed=0)


def max_rss_bytes() -> int:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _suite_and_protocol(name: str) -> tuple[Suite, Protocol]:
    (suite,) = load_suites(name, "libero")
    return suite, preset(suite, PRESET)


def _full_state(model: Any, data: Any) -> Float64Array:
    """All that the next step depends on, (mj_stateSize,)."""
    import mujoco

    state = np.empty(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION))
    mujoco.mj_getState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
    return state


def _robot_geoms(model: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which geoms belong to the arm or the gripper, (ngeom,)."""
    names = [model.body(body).name for body in range(model.nbody)]
    robot = np.array([name.startswith(("robot0_", "gripper0_")) for name in names])
    return np.array(robot[model.geom_bodyid])


def _sha256(*arrays: Any) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
