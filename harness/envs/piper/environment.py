"""The Piper arm on a table as an `harness.types.Environment`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from harness.envs.models import joint_name
from harness.envs.piper.control import Controller
from harness.envs.piper.rendering import Pictures
from harness.envs.piper.scene import base_scene
from harness.envs.piper.simulation import Simulation
from harness.envs.piper.task import START_OPENING_M, PiperTask, as_piper_task, init_state
from harness.envs.piper.tasks.base import Goal
from harness.errors import EpisodeError
from harness.kinematics.base import Kinematics
from harness.kinematics.registry import make_kinematics
from harness.kinematics.robot import RobotModel, load_robot
from harness.types import (
    PROTOCOL_VIEW,
    Episode,
    Float64Array,
    Observation,
    Privileged,
    Protocol,
    SimState,
    Suite,
    Task,
    UInt8Array,
    View,
)

# 25 steps of the physics a control step at 20 Hz.
TIMESTEP_S = 0.002


class PiperEnvironment:
    """Runs episodes of any task of some suites, one after the other, keeping the model of the last task."""

    def __init__(self, suites: tuple[Suite, ...], protocols: Mapping[str, Protocol], timestep_s: float = TIMESTEP_S) -> None:
        """Takes the tasks; nothing is built before the first reset.

        Args:
            suites: The suites whose episodes will be asked for.
            protocols: Suite name -> the protocol to run it with.
            timestep_s: Of the physics.
        """
        self._tasks = {(suite.name, task.task_id): task for suite in suites for task in suite.tasks}
        self._protocols = dict(protocols)
        self._timestep_s = timestep_s
        self._robot = load_robot()
        self._kinematics = make_kinematics("analytic")
        self._built: _BuiltTask | None = None
        self._episode: Episode | None = None
        self._goal: Goal | None = None
        self._step = 0

    def reset(self, episode: Episode) -> str:
        """Puts everything where the episode begins, and settles it.

        Returns:
            SHA-256 over the settled qpos, qvel, body_pos and body_quat (float64, little-endian, in this order).
        """
        task, protocol = self._tasks[episode.suite, episode.task_id], self._protocols[episode.suite]
        built = self._build(task, protocol)
        built.begin(episode.init)
        self._episode, self._step = episode, 0
        self._goal = built.task.scene.goal(built.simulation)
        return _scene_sha256(built.simulation)

    def observe(self, *, images: bool, privileged: bool = False) -> Observation:
        """What a policy sees after the last step; pictures only when `images` is True."""
        built, episode, _ = self._current()
        return Observation(
            images=MappingProxyType(built.pictures.now(built.simulation.data) if images else {}),
            state=MappingProxyType(built.state_parts()),
            instruction=episode.instruction,
            step=self._step,
            privileged=built.privileged() if privileged else None,
        )

    def step(self, action: Float64Array) -> bool:
        """One control step; True when the task's goal holds afterwards.

        Raises:
            EpisodeError: The simulation became unstable.
        """
        built, _, goal = self._current()
        self._step += 1
        built.controller.apply(action)
        return goal.reached(built.simulation)

    def state(self) -> SimState:
        """The simulator's state, copied."""
        data = self._current()[0].simulation.data
        return SimState(time_s=float(data.time), qpos=np.array(data.qpos), qvel=np.array(data.qvel))

    def render(self, state: SimState, view: View = PROTOCOL_VIEW) -> Mapping[str, UInt8Array]:
        """Pictures of any state of the current scene; the episode cannot be continued afterwards."""
        built, _, _ = self._current()
        built.simulation.data.qpos[:] = state.qpos
        built.simulation.forward()
        return built.pictures.now(built.simulation.data, view)

    def joint_name(self, array: Literal["qpos", "qvel"], index: int) -> str:
        """The joint that an element of a state's array belongs to."""
        return joint_name(self._current()[0].simulation.model, array, index)

    def note(self) -> str | None:
        """Nothing: there is one way to simulate the arm."""
        return None

    def close(self) -> None:
        """Gives back the model and the OpenGL context."""
        if self._built is not None:
            self._built.pictures.close()
            self._built = None

    def _build(self, task: Task, protocol: Protocol) -> _BuiltTask:
        if self._built is None or self._built.task != task:
            self.close()
            self._built = _BuiltTask(as_piper_task(task), protocol, self._robot, self._kinematics, self._timestep_s)
        return self._built

    def _current(self) -> tuple[_BuiltTask, Episode, Goal]:
        if self._built is None or self._episode is None or self._goal is None:
            raise EpisodeError("reset the environment with an episode first")
        return self._built, self._episode, self._goal


class _BuiltTask:
    """A task's model with what drives and draws it."""

    def __init__(
        self, task: PiperTask, protocol: Protocol, robot: RobotModel, kinematics: Kinematics, timestep_s: float
    ) -> None:
        self.task = task
        self._robot = robot
        self._protocol = protocol
        spec = base_scene(robot)
        task.scene.build(spec)
        self.simulation = Simulation(spec, robot, timestep_s)
        self.controller = Controller(self.simulation, kinematics, protocol.action_space, protocol.control_freq_hz)
        self.pictures = Pictures(self.simulation.model, protocol)

    def begin(self, init: int) -> None:
        state = init_state(self.task, self._robot, init)
        self.simulation.reset(state.joint_pos_rad, START_OPENING_M)
        self.task.scene.place(self.simulation, state.scene)
        self.simulation.forward()
        self.controller.reset()
        for _ in range(self._protocol.settle_steps):
            self.controller.hold()

    def state_parts(self) -> dict[str, Float64Array]:
        tcp = self.simulation.site_pose("tcp")
        rotation = Rotation.from_matrix(tcp[:3, :3])
        parts = {
            "joint_pos": self.simulation.drive.joint_pos_rad,
            "gripper_opening": np.array([self.simulation.drive.opening_m]),
            "tcp_pos": tcp[:3, 3].copy(),
            "tcp_quat_wxyz": rotation.as_quat(canonical=True, scalar_first=True),
            "tcp_axis_angle": rotation.as_rotvec(),
        }
        return {**parts, "vector": np.concatenate([parts[part] for part in self._protocol.state_layout])}

    def privileged(self) -> Privileged:
        scene = self.task.scene
        poses = {**scene.poses(self.simulation), "tcp_commanded": self.controller.base_t_tcp_commanded()}
        return Privileged(task=self.task.kind, poses=poses, values=scene.values(self.simulation))


def _scene_sha256(simulation: Simulation) -> str:
    digest = hashlib.sha256()
    data, model = simulation.data, simulation.model
    for array in (data.qpos, data.qvel, model.body_pos, model.body_quat):
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()
