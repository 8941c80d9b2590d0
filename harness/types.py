"""The data that the parts of the harness hand to each other: plain, frozen, with shapes, units and frames stated."""

from __future__ import annotations

import hashlib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError

Float64Array = npt.NDArray[np.float64]
UInt8Array = npt.NDArray[np.uint8]

Outcome = Literal["success", "failure", "error"]
SceneSeeding = Literal["episode_key", "sequential", "per_episode"]
GripperRule = Literal["as_is", "binarize", "rlds_sign"]
RealtimeFiller = Literal["hold", "continue"]

# How a policy serves several environments of one worker. ``none``: it does not. ``batch``: one policy answers all that wait
# in one call (`harness.policies.base.BatchPolicy`). ``remote``: it waits for somebody else's computing; every environment
# has a policy of its own, which is asked in a thread, and which must not draw from global random generators.
Concurrency = Literal["none", "batch", "remote"]

# The name of a suite's own protocol.
STANDARD = "standard"

# The sides that a picture of any view may have; the larger one is also the largest that a protocol may ask for.
MIN_PICTURE_PX, MAX_PICTURE_PX = 16, 4096


@dataclass(frozen=True)
class Protocol:
    """Everything about how a suite is run that can move a success rate.

    Attributes:
        name: ``standard`` or the name of the preset that it came from.
        max_steps: Control steps that a policy has after settling; then the episode is a failure.
        settle_steps: Control steps with `settle_action` before the policy sees anything; success in them is ignored.
        settle_action: The action of those steps, as the simulator takes it.
        control_freq_hz: Control steps a simulated second.
        cameras: Name in `Observation.images` -> the simulator's camera.
        image_height_px: Height of every picture.
        image_width_px: Width of every picture.
        image_rotation_deg: Rotation of the environment's own picture before a policy sees it: 180 reverses rows and columns,
            0 leaves it. LIBERO's own pictures have their rows bottom up, Piper's are upright.
        state_layout: Which parts, in this order, make ``Observation.state["vector"]``.
        gripper: What is done to the last number of every action a model answers with. ``as_is``: nothing.
            ``binarize``: below 0 becomes -1 (open), everything else +1 (close). ``rlds_sign``: 0 (close) to 1 (open) as in
            RLDS data becomes -sign(2 g - 1).
        replan_steps: How many actions of a chunk are used before the policy is asked again; None uses all of them.
        scene_seeding: Where the random part of a scene (poses of fixtures) comes from. ``episode_key``: from the episode's
            key alone. ``sequential``: the scene that upstream's k-th reset after ``env.seed(scene_seed)`` gives, for the
            k-th episode of a task. ``per_episode``: the scene of one reset after ``env.seed(scene_seed + k)``.
        scene_seed: The run's seed unless the user names another: part of every episode's key, and of the last two rules.
        action_space: What an action's numbers mean; see the environment's ``spec`` module for the names.
        realtime_hz: Control steps that go by in a wall second while the policy thinks; None: the simulation waits for it.
        realtime_filler: What is applied in them. ``hold``: the last action again. ``continue``: what is left of the last
            chunk, and then its last action; of the new chunk the actions whose time has passed are left out.
    """

    name: str
    max_steps: int
    settle_steps: int
    settle_action: tuple[float, ...]
    control_freq_hz: int
    cameras: Mapping[str, str]
    image_height_px: int
    image_width_px: int
    image_rotation_deg: int
    state_layout: tuple[str, ...]
    gripper: GripperRule
    replan_steps: int | None
    scene_seeding: SceneSeeding
    scene_seed: int
    action_space: str
    realtime_hz: float | None = None
    realtime_filler: RealtimeFiller = "hold"


@dataclass(frozen=True)
class Task:
    """One task of a suite. Each family of environments has its own subclass, which says what the scene and the goal are.

    Attributes:
        suite: Name of the suite that the task belongs to.
        task_id: Position in that suite, from 0.
        name: Unique within the suite.
        instruction: What a language-conditioned policy is told, in English.
        translations: Code of another language, such as ``zh`` -> the instruction in it.
    """

    suite: str
    task_id: int
    name: str
    instruction: str
    translations: Mapping[str, str] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class Suite:
    """Tasks that are reported together, and the protocol that they are run with.

    Attributes:
        name: Full name, such as ``libero_spatial``.
        aliases: Shorter names that mean the same.
        environment: Which family of environments builds the tasks: ``libero`` or ``piper``; see `harness.envs.families`.
        description: One line for people.
        protocol: The standard protocol of this suite.
        tasks: In upstream's order; `Task.task_id` is the index here.
    """

    name: str
    aliases: tuple[str, ...]
    environment: str
    description: str
    protocol: Protocol
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Episode:
    """One episode, identified by its key and by nothing else.

    Attributes:
        suite: Name of the suite.
        task_id: Position of the task in the suite, from 0.
        task: Name of the task.
        instruction: What a language-conditioned policy is told.
        init: Index of the initial state, from 0.
        repeat: Which repetition of the same initial state, from 0.
        seed: The run's seed.
    """

    suite: str
    task_id: int
    task: str
    instruction: str
    init: int
    repeat: int
    seed: int

    @property
    def key(self) -> str:
        """The episode's identity, such as ``libero_spatial/task3/init7/repeat0/seed0``."""
        return f"{self.suite}/task{self.task_id}/init{self.init}/repeat{self.repeat}/seed{self.seed}"

    @property
    def file_stem(self) -> str:
        """The key as a file name: slashes become double underscores."""
        return self.key.replace("/", "__")

    def derived_seed(self, purpose: str) -> int:
        """A 32-bit seed that depends on the key and the purpose alone (the first 4 bytes of their SHA-256)."""
        digest = hashlib.sha256(f"{self.key}|{purpose}".encode()).digest()
        return int.from_bytes(digest[:4], "little")

    def generator(self, purpose: str) -> np.random.Generator:
        """A random generator that depends on the key and the purpose alone."""
        return np.random.default_rng(self.derived_seed(purpose))


@dataclass(frozen=True)
class Privileged:
    """What only a simulator knows: for scripted experts, never for a policy under test.

    Attributes:
        task: The kind of task. Piper: the scene's kind, such as ``lift``.
        poses: Name -> base_T_object, (4, 4), m.
        values: Name -> a number: a drawer's opening (m), say, or a goal's tolerance.
    """

    task: str
    poses: Mapping[str, Float64Array]
    values: Mapping[str, float]


@dataclass(frozen=True)
class Observation:
    """What a policy sees; the same for every environment.

    Attributes:
        images: Camera name -> picture, uint8 (H, W, 3), RGB, as the protocol's rotation leaves it. LIBERO's 180 degrees give
            an upright picture that is mirrored left to right, which is what checkpoints are trained on. Empty when the
            policy said that it needs none.
        state: Name -> float64 array. LIBERO gives ``eef_pos`` (3, m, world frame), ``eef_quat_xyzw`` (4),
            ``eef_axis_angle`` (3, rad, angle in [0, 2 pi]), ``eef_axis_angle_shortest`` (3, rad, angle in [0, pi]),
            ``gripper_qpos`` (2, m), ``joint_pos`` (7, rad), and
            ``vector``: the parts that the protocol's state layout names, one after the other. Piper gives ``joint_pos`` (6,
            rad), ``gripper_opening`` (1, m), ``tcp_pos`` (3, m, base frame), ``tcp_quat_wxyz`` (4), ``tcp_axis_angle`` (3,
            rad, angle in [0, pi]) and ``vector``.
        instruction: What the task asks for, in words.
        step: Control steps since settling; 0 for the first observation of an episode.
        privileged: What only the simulator knows; None unless the policy said that it needs it.
    """

    images: Mapping[str, UInt8Array]
    state: Mapping[str, Float64Array]
    instruction: str
    step: int
    privileged: Privileged | None = None


@dataclass(frozen=True)
class EnvSpec:
    """What an environment shows and takes, as plain numbers: enough to make an observation without a simulator.

    Attributes:
        action_dim: Numbers in one action.
        action_low: Smallest useful value of each.
        action_high: Largest useful value of each.
        images: Camera name -> (height, width, 3).
        state: State name -> length.
        action_space: What the numbers of an action mean, as in `Protocol`.
    """

    action_dim: int
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    images: Mapping[str, tuple[int, int, int]]
    state: Mapping[str, int]
    action_space: str


@dataclass(frozen=True)
class SimState:
    """The simulator's state at the end of a control step.

    Attributes:
        time_s: Simulated seconds.
        qpos: Generalised positions, (nq,).
        qvel: Generalised velocities, (nv,).
    """

    time_s: float
    qpos: Float64Array
    qvel: Float64Array


@dataclass(frozen=True)
class View:
    """From where, and how large, a state is drawn.

    Attributes:
        cameras: Names of the protocol's cameras or of the simulator's; empty: the protocol's, in its order.
        height_px: Of every picture; None: the protocol's.
        width_px: Of every picture; None: the protocol's.

    Raises:
        UsageError: A side is shorter than `MIN_PICTURE_PX` or longer than `MAX_PICTURE_PX`.
    """

    cameras: tuple[str, ...] = ()
    height_px: int | None = None
    width_px: int | None = None

    def __post_init__(self) -> None:
        for side_px in (self.height_px, self.width_px):
            if side_px is not None and not MIN_PICTURE_PX <= side_px <= MAX_PICTURE_PX:
                raise UsageError(f"a picture's sides may be {MIN_PICTURE_PX} to {MAX_PICTURE_PX} pixels long, not {side_px}")


# What the policy is shown: the protocol's cameras at the protocol's size.
PROTOCOL_VIEW = View()


@dataclass(frozen=True)
class PolicyInfo:
    """What a run records of its policy.

    Attributes:
        uri: The URI as the user gave it.
        name: Short name for tables and directory names.
        fingerprint: Changes when what answers changes: a file's hash, a server's metadata, a version.
        details: Anything else worth keeping, JSON-able (a server's metadata, say).
        action_space: What the numbers of its actions mean, where the policy says so; None leaves it to the protocol.
        environments: The families of environments that it is made for; empty: any.
        concurrency: How it serves several environments of one worker.
    """

    uri: str
    name: str
    fingerprint: str
    details: Mapping[str, typing.Any] = field(default_factory=lambda: MappingProxyType({}))
    action_space: str | None = None
    environments: tuple[str, ...] = ()
    concurrency: Concurrency = "none"


class Policy(typing.Protocol):
    """What answers an observation with actions. `harness.policies.base.BasePolicy` has the defaults.

    Attributes:
        needs_images: False when `Observation.images` may be empty; nothing is rendered for such a policy.
        raw_actions: True when actions are already as the simulator takes them, so that the protocol's gripper rule must not
            be applied (a replay of applied actions, say).
        needs_privileged: True for a scripted expert, which is shown `Observation.privileged`.
    """

    needs_images: bool
    raw_actions: bool
    needs_privileged: bool

    def reset(self, episode: Episode) -> None:
        """Called once before the first `infer` of every episode."""

    def infer(self, observation: Observation) -> npt.ArrayLike:
        """Answers with one action (A,) or a chunk of actions (T, A)."""

    def close(self) -> None:
        """Gives back what the policy holds: connections, memory."""


class Environment(typing.Protocol):
    """A simulated world that runs one episode after the other.

    `step` never renders and `observe` never steps, so pictures cost only when somebody looks.
    """

    def reset(self, episode: Episode) -> str:
        """Builds the episode's scene, settles it, and returns ``scene_sha256`` (see `harness.episode`)."""

    def observe(self, *, images: bool, privileged: bool = False) -> Observation:
        """What a policy sees now; without pictures when `images` is False, with `Privileged` when `privileged` is True."""

    def step(self, action: Float64Array) -> bool:
        """Applies one action (A,) for one control step; True when the task's goal holds afterwards."""

    def state(self) -> SimState:
        """The state now, copied."""

    def render(self, state: SimState, view: View = PROTOCOL_VIEW) -> Mapping[str, UInt8Array]:
        """Pictures of any state of the current episode's scene; the episode cannot be continued afterwards.

        They are turned as the protocol turns them, whatever the camera.

        Raises:
            UsageError: There is no such camera; the message names those that there are.
        """

    def joint_name(self, array: Literal["qpos", "qvel"], index: int) -> str:
        """The joint that an element of a state's array belongs to; the current episode's scene says."""

    def note(self) -> str | None:
        """What a user should know about how the current episode is simulated; None where there is nothing."""

    def close(self) -> None:
        """Gives back contexts and memory."""
