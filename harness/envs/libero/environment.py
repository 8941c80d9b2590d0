"""LIBERO as an `harness.types.Environment`: scenes that depend on the episode and on nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from harness.envs.libero.engine.base import make_engine
from harness.envs.libero.init_states import load_init_states
from harness.envs.libero.privileged import SceneReader
from harness.envs.libero.rendering import Renderer, Snapshot
from harness.envs.libero.simulation import Simulation, numpy_global_state
from harness.envs.libero.task import LiberoTask, as_libero_task
from harness.envs.models import joint_name, viewed_cameras
from harness.errors import EpisodeError
from harness.privileged import ScenePrivileged
from harness.transforms.rotations import axis_angle, shorter_way
from harness.types import PROTOCOL_VIEW, Episode, Float64Array, Observation, Protocol, SimState, Suite, UInt8Array, View

# How many times upstream has drawn the openings of drawers, doors and knobs by the time an episode's scene is sampled
# (see `harness.envs.libero.simulation`): once for a model that is built and sampled once; lerobot's LiberoEnv builds, resets
# once in _ensure_env, and resets again for its first episode.
_DRAWS_OF_ONE_BUILD = 1
_DRAWS_OF_LEROBOT = 3


class LiberoEnvironment:
    """Runs episodes of any task of some suites, one after the other, keeping the model of the last task.

    `harness.envs.libero.installation.prepare` must have run in this process.
    """

    def __init__(
        self,
        suites: tuple[Suite, ...],
        protocols: Mapping[str, Protocol],
        *,
        engine: Literal["exact", "upstream"] = "exact",
    ) -> None:
        """Takes the tasks; nothing is built before the first reset.

        Args:
            suites: The suites whose episodes will be asked for.
            protocols: Suite name -> the protocol to run it with.
            engine: What steps the simulation; see `harness.envs.family.Engine`.
        """
        self._engine = engine
        self._tasks = {(suite.name, task.task_id): task for suite in suites for task in suite.tasks}
        self._protocols = dict(protocols)
        self._built: _BuiltTask | None = None
        self._episode: Episode | None = None
        self._step = 0

    def reset(self, episode: Episode) -> str:
        """Builds the episode's scene and settles it.

        Returns:
            SHA-256 over the settled qpos, qvel, body_pos and body_quat (float64, little-endian, in this order).

        Raises:
            EpisodeError: The initial state does not fit the task's model.
        """
        task = as_libero_task(self._tasks[episode.suite, episode.task_id])
        protocol = self._protocols[episode.suite]
        built = self._build(task, protocol)
        built.sample_scene(episode)
        try:
            built.simulation.set_init_state(built.init_states[episode.init])
        except ValueError as error:
            raise EpisodeError(f"{task.init_states}: {error}") from error
        built.engine.begin()
        for _ in range(protocol.settle_steps):
            built.engine.step(np.array(protocol.settle_action))
        self._episode, self._step = episode, 0
        return _scene_sha256(built.simulation)

    def observe(self, *, images: bool, privileged: bool = False) -> Observation:
        """What a policy sees after the last step; pictures only when `images`, `Privileged` when `privileged` is True."""
        built, episode = self._current()
        return Observation(
            images=MappingProxyType(built.pictures(built.engine.snapshot) if images else {}),
            state=MappingProxyType(built.state_parts()),
            instruction=episode.instruction,
            step=self._step,
            privileged=built.privileged() if privileged else None,
        )

    def step(self, action: Float64Array) -> bool:
        """One control step; True when upstream's success predicate holds afterwards."""
        built, _ = self._current()
        self._step += 1
        return built.engine.step(action)

    def state(self) -> SimState:
        """The simulator's state, copied."""
        data = self._current()[0].simulation.data
        return SimState(time_s=float(data.time), qpos=np.array(data.qpos), qvel=np.array(data.qvel))

    def render(self, state: SimState, view: View = PROTOCOL_VIEW) -> Mapping[str, UInt8Array]:
        """Pictures of any state of the current scene; the episode cannot be continued afterwards."""
        built, _ = self._current()
        built.simulation.show_state(state.qpos)
        return built.pictures(built.simulation.snapshot, view)

    def joint_name(self, array: Literal["qpos", "qvel"], index: int) -> str:
        """The joint that an element of a state's array belongs to."""
        return joint_name(self._current()[0].simulation.model, array, index)

    def note(self) -> str | None:
        """Why the exact engine was left, where it was."""
        return self._built.engine.note if self._built is not None else None

    def close(self) -> None:
        """Gives back the model and the OpenGL context."""
        if self._built is not None:
            self._built.close()
            self._built = None

    def _build(self, task: LiberoTask, protocol: Protocol) -> _BuiltTask:
        if self._built is None or self._built.task != task:
            self.close()
            self._built = _BuiltTask(task, protocol, self._engine)
        return self._built

    def _current(self) -> tuple[_BuiltTask, Episode]:
        if self._built is None or self._episode is None:
            raise EpisodeError("reset the environment with an episode first")
        return self._built, self._episode


class _BuiltTask:
    """A task's model, its initial states, its cameras, and the scenes reached so far."""

    def __init__(self, task: LiberoTask, protocol: Protocol, engine: Literal["exact", "upstream"]) -> None:
        self.task = task
        self.init_states = load_init_states(task.init_states)
        self.simulation = Simulation(task.bddl, control_freq_hz=protocol.control_freq_hz, fast_reset=engine == "exact")
        self.engine = make_engine(engine, self.simulation)
        self._protocol = protocol
        self._cull = engine == "exact"
        self._renderer: Renderer | None = None
        self._scene_reader: SceneReader | None = None
        self._camera_ids = {name: _camera_id(self.simulation.model, source) for name, source in protocol.cameras.items()}
        # Upstream's generator before its k-th reset, and how often that reset draws joint openings.
        self._before_reset: list[tuple[Any, int]] = []

    def sample_scene(self, episode: Episode) -> None:
        """Samples the episode's scene, as the protocol's scene seeding says, whatever was sampled before."""
        seeding = self._protocol.scene_seeding
        k = episode.repeat * len(self.init_states) + episode.init
        if seeding == "sequential":
            self._sample_sequential(k)
        elif seeding == "per_episode":
            with numpy_global_state(self._protocol.scene_seed + k):
                self.simulation.reset(joint_opening_draws=_DRAWS_OF_LEROBOT)
        else:
            with numpy_global_state(episode.derived_seed("scene")):
                self.simulation.reset(joint_opening_draws=_DRAWS_OF_ONE_BUILD)

    def _sample_sequential(self, k: int) -> None:
        """Samples the scene of upstream's reset number k (from 0) after ``env.seed(scene_seed)``."""
        if not self._before_reset:
            with numpy_global_state(self._protocol.scene_seed):
                self._before_reset.append((np.random.get_state(), 2))
        start = min(k, len(self._before_reset) - 1)
        state, draws = self._before_reset[start]
        with numpy_global_state(state):
            for i in range(start, k + 1):
                draws += self.simulation.reset(joint_opening_draws=draws)
                if i + 1 == len(self._before_reset):
                    self._before_reset.append((np.random.get_state(), draws))

    def pictures(self, snapshot: Snapshot, view: View = PROTOCOL_VIEW) -> dict[str, UInt8Array]:
        model, protocol = self.simulation.model, self._protocol
        camera_ids = self._camera_ids
        if view.cameras:
            viewed = viewed_cameras(model, protocol.cameras, view)
            camera_ids = {name: _camera_id(model, source) for name, source in viewed.items()}
        if self._renderer is None:
            self._renderer = Renderer(model, cull=self._cull)
        renderer = self._renderer
        raw = {
            name: renderer.picture(
                snapshot,
                camera_id,
                height_px=view.height_px or protocol.image_height_px,
                width_px=view.width_px or protocol.image_width_px,
            )
            for name, camera_id in camera_ids.items()
        }
        if protocol.image_rotation_deg == 0:
            return raw
        return {name: np.ascontiguousarray(picture[::-1, ::-1]) for name, picture in raw.items()}

    def privileged(self) -> ScenePrivileged:
        if self._scene_reader is None:
            self._scene_reader = SceneReader(self.simulation)
        return self._scene_reader.read()

    def state_parts(self) -> dict[str, Float64Array]:
        quat_xyzw = self.engine.observed("robot0_eef_quat")
        parts = {
            "eef_pos": self.engine.observed("robot0_eef_pos"),
            "eef_quat_xyzw": quat_xyzw,
            "eef_axis_angle": axis_angle(quat_xyzw),
            "eef_axis_angle_shortest": axis_angle(shorter_way(quat_xyzw)),
            "gripper_qpos": self.engine.observed("robot0_gripper_qpos"),
            "joint_pos": self.engine.observed("robot0_joint_pos"),
        }
        return {**parts, "vector": np.concatenate([parts[part] for part in self._protocol.state_layout])}

    def close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
        self.simulation.close()


def _camera_id(model: Any, name: str) -> int:
    import mujoco

    camera_id: int = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, name)
    if camera_id < 0:
        names = [mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_CAMERA, i) for i in range(model.ncam)]
        raise EpisodeError(f"the task has no camera {name!r}; it has {', '.join(names)}")
    return camera_id


def _scene_sha256(simulation: Simulation) -> str:
    digest = hashlib.sha256()
    data, model = simulation.data, simulation.model
    for array in (data.qpos, data.qvel, model.body_pos, model.body_quat):
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()
