"""Episodes of the exact engine beside upstream's, in a process of their own, as LIBERO takes its assets once a process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import upstream
from purposeful import Hand, grasp, random_walk, sweep

from harness.envs.gl import choose_gl, use_gl
from harness.envs.libero.environment import LiberoEnvironment
from harness.envs.libero.init_states import load_init_states
from harness.envs.libero.installation import prepare
from harness.suites import load_suites, preset
from harness.types import Episode

QUERY_EVERY = 5


@dataclass(frozen=True)
class Purpose:
    """What the gripper does, and what shows that it did something.

    Attributes:
        grasped: A body that is taken and lifted; empty: something is pushed.
        aside: From the body's origin to where the fingers close on it, m.
        joint: A joint that is pushed.
        start: Where pushing starts, m: in the world, or from the knob's middle for a knob.
        end: Where it ends.
    """

    grasped: str = ""
    aside: tuple[float, ...] = ()
    joint: str = ""
    start: tuple[float, ...] = ()
    end: tuple[float, ...] = ()

    def act(self, hand, data):
        if self.grasped:
            grasp(hand, np.array(data.body(self.grasped).xpos), aside=np.array(self.aside))
        else:
            origin = _middle_of(data, self.joint) if self.joint.endswith("button") else np.zeros(3)
            sweep(hand, origin + self.start, origin + self.end)

    def measure(self, data):
        """Height of what is grasped (m), or the joint's position (m or rad)."""
        return float(data.body(self.grasped).xpos[2] if self.grasped else data.joint(self.joint).qpos[0])


def _middle_of(data, body):
    geoms = [i for i in range(data.model.ngeom) if data.model.geom_bodyid[i] == data.model.body(body).id]
    return data.geom_xpos[geoms].mean(axis=0)


class Task:
    """A task with the protocol of openpi, whose k-th scene is that of upstream's k-th reset."""

    def __init__(self, suite_name, task_id):
        (self.suite,) = load_suites(suite_name)
        self.task = self.suite.tasks[task_id]
        self.protocol = preset(self.suite, "openpi")
        self.init_states = load_init_states(self.task.init_states)

    def environment(self, engine="exact"):
        return LiberoEnvironment((self.suite,), {self.suite.name: self.protocol}, engine=engine)

    def key(self, k):
        task = self.task
        return Episode(task.suite, task.task_id, task.name, task.instruction, init=k, repeat=0, seed=0)


def begin(assets_root):
    """Makes a process ready; for the initializer of a pool."""
    use_gl(choose_gl())
    prepare(assets_root)


def purposeful_actions(suite_name, task_id, k, purpose):
    """Actions for episode k, and how far they moved what they are for (m or rad)."""
    task = Task(suite_name, task_id)
    environment = task.environment()
    environment.reset(task.key(k))
    data = environment._built.simulation.data
    start, seen = purpose.measure(data), []
    hand = Hand(environment, lambda: seen.append(abs(purpose.measure(data) - start)))
    purpose.act(hand, data)
    environment.close()
    return np.array(hand.actions), max(seen)


def compare_engines(suite_name, task_id, episodes):
    """The exact engine beside the harness's upstream engine, without pictures.

    Args:
        suite_name: Name of a suite.
        task_id: One of its tasks.
        episodes: k -> actions (T, 7).

    Returns:
        The first difference in each episode; empty when there is none.
    """
    task = Task(suite_name, task_id)
    exact, other = task.environment("exact"), task.environment("upstream")
    differences = []
    for k, actions in episodes.items():
        if exact.reset(task.key(k)) != other.reset(task.key(k)):
            differences.append(f"{k}: the settled scene")
        for step, action in enumerate(actions):
            one, two = ({"reached": env.step(action), **_numbers(env)} for env in (exact, other))
            differences += [f"{k}, step {step}: {name}" for name in one if not np.array_equal(one[name], two[name])][:1]
    exact.close()
    other.close()
    return differences


def compare_unequal(suite_name, task_id, actions, change):
    """As `compare_engines`, but one engine's third action is changed a little."""
    task = Task(suite_name, task_id)
    traces = []
    for engine, added in (("exact", 0.0), ("upstream", change)):
        environment = task.environment(engine)
        environment.reset(task.key(0))
        changed = actions.copy()
        changed[2, 0] += added
        traces.append([(environment.step(action), _numbers(environment))[1]["qpos"] for action in changed])
        environment.close()
    return [step for step, (one, two) in enumerate(zip(*traces, strict=True)) if not np.array_equal(one, two)]


def _numbers(environment):
    state, data = environment.state(), environment._built.simulation.data
    observed = environment.observe(images=False).state
    parts = {name: observed[name] for name in ("vector", "eef_quat_xyzw", "joint_pos")}
    return {
        "qpos": state.qpos,
        "qvel": state.qvel,
        "ctrl": np.array(data.ctrl),
        "warm": np.array(data.qacc_warmstart),
        **parts,
    }


def compare_with_upstream(suite_name, task_id, episodes):
    """The exact engine beside hf-libero's OffScreenRenderEnv, with both pictures at every query.

    Args:
        suite_name: Name of a suite.
        task_id: One of its tasks.
        episodes: k -> actions (T, 7), in ascending order of k.

    Returns:
        The first difference in each episode; empty when there is none.
    """
    task = Task(suite_name, task_id)
    moments = _upstream_moments(task, episodes)
    environment = task.environment()
    differences = []
    for k, actions in episodes.items():
        environment.reset(task.key(k))
        reached = None
        for step, moment in enumerate(moments[k]):
            differences += [f"{k}, step {step}: {name}" for name in _unequal(environment, moment, reached, step)][:1]
            if step < len(actions):
                reached = environment.step(actions[step])
    environment.close()
    return differences


def _upstream_moments(task, episodes):
    """k -> what upstream has after every step. All of them first: it frees OpenGL contexts without saying which."""
    env = upstream.make_env(task.task)
    env.seed(task.protocol.scene_seed)
    moments = {}
    for k in range(max(episodes) + 1):
        env.reset()
        if k in episodes:
            moments[k] = upstream.episode(env, task.init_states[k], episodes[k])
    env.close()
    return moments


def _unequal(environment, moment, reached, step):
    state, data = environment.state(), environment._built.simulation.data
    observation = environment.observe(images=step % QUERY_EVERY == 0)
    eef_pos, eef_quat_xyzw, gripper_qpos = moment.states
    pairs = {
        "qpos": (state.qpos, moment.qpos),
        "qvel": (state.qvel, moment.qvel),
        "ctrl": (data.ctrl, moment.ctrl),
        "eef_pos": (observation.state["eef_pos"], eef_pos),
        "eef_quat": (observation.state["eef_quat_xyzw"], eef_quat_xyzw),
        "gripper": (observation.state["gripper_qpos"], gripper_qpos),
    }
    if reached is not None:
        pairs["success"] = (reached, moment.done)
    for name, picture in observation.images.items():
        pairs[name] = (picture, getattr(moment, name))
    return [name for name, (ours, theirs) in pairs.items() if not np.array_equal(ours, theirs)]


def walk(seed, steps):
    """Smooth random actions (steps, 7)."""
    return np.array(list(random_walk(seed, steps)))


STEPS_OF_UNUSUAL = 3


def unusual(change):
    """What an engine for a robot that the exact one does not know says, and how many steps it makes."""
    from harness.envs.libero.engine.base import make_engine
    from harness.envs.libero.simulation import Simulation, numpy_global_state

    task = Task("libero_object", 0)
    simulation = Simulation(task.task.bddl, control_freq_hz=task.protocol.control_freq_hz)
    with numpy_global_state(0):
        simulation.reset(joint_opening_draws=1)
    simulation.set_init_state(task.init_states[0])
    robot = simulation.env.robots[0]
    if change == "controller":
        robot.controller.impedance_mode = "variable_kp"
    else:
        robot.gripper.__class__ = type("OtherGripper", (robot.gripper.__class__,), {})
    engine = make_engine("exact", simulation)
    robot.controller.impedance_mode = "fixed"  # so that an action has seven numbers
    engine.begin()
    times = [simulation.data.time]
    for _ in range(STEPS_OF_UNUSUAL):
        engine.step(np.zeros(7))
        times.append(simulation.data.time)
    return engine.note, int((np.diff(times) > 0).sum())
