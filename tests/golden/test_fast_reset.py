"""A reset that leaves out what comes out the same every time equals all of upstream's own, bit for bit."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from harness.envs.libero.init_states import load_init_states
from harness.envs.libero.installation import prepare
from harness.suites import load_suites

# Every arena; a bowl that is drawn in a drawer that begins open, and a ramekin on a site (libero_spatial 4), a stove that
# begins lit (libero_10 8), a microwave that begins closed with a thing on it (libero_90 35).
OFFICIAL = (
    ("libero_spatial", 0),
    ("libero_spatial", 4),
    ("libero_object", 0),
    ("libero_goal", 3),
    ("libero_10", 2),
    ("libero_10", 4),
    ("libero_10", 5),
    ("libero_10", 8),
    ("libero_90", 35),
)
# Things that are drawn on each other (libero_spatial 5), besides.
LITE = (("libero_spatial", 4), ("libero_spatial", 5), ("libero_object", 3), ("libero_10", 8))
# Seed of the scene, how often openings are drawn, initial state, control steps afterwards; run in this order.
EPISODES = ((7, 1, 3, 5), (0, 4, 0, 3), (7, 1, 3, 0), (3, 2, 1, 30))
# Arrays of MjData that every solve makes anew, in memory that it does not clear and, without islands, only partly fills.
UNFILLED = ("island", "efc_")
# Arrays of MjModel that are megabytes and that no reset touches.
SHAPES = ("mesh_", "tex_", "bvh_")
RECENT = ("qpos", "actions", "torques", "ee_forcetorques", "ee_pose", "ee_vel", "ee_vel_buffer", "ee_acc")


def simulations(suite, task_id):
    """The two resets' simulations of a task, built apart, and its initial states."""
    from harness.envs.libero.simulation import Simulation

    task = load_suites(suite)[0].tasks[task_id]
    fast = Simulation(task.bddl, control_freq_hz=20)
    slow = Simulation(task.bddl, control_freq_hz=20, fast_reset=False)
    return fast, slow, load_init_states(task.init_states)


def arrays(mujoco_object):
    """Every array of an MjModel or MjData, copied."""
    values = {name: getattr(mujoco_object, name) for name in dir(mujoco_object) if not name.startswith("_")}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return {name: np.array(value) for name, value in arrays.items() if not any(part in name for part in UNFILLED + SHAPES)}


def everything(simulation):
    """All that a later step or picture can depend on: name -> array."""
    import mujoco

    env, (robot,) = simulation.env, simulation.env.robots
    kind = mujoco.mjtState.mjSTATE_INTEGRATION
    integration = np.empty(mujoco.mj_stateSize(simulation.model, kind))
    mujoco.mj_getState(simulation.model, simulation.data, integration, kind)
    python = {
        "integration state": integration,
        "gripper": robot.gripper.current_action,
        "base": np.concatenate([robot.base_pos, robot.base_ori]),
        "env": np.array([env.cur_time, env.timestep, env.done]),
        "lit": np.array(repr([thing.object_properties["vis_site_names"] for thing in env.fixtures])),
        "snapshot": simulation.snapshot.data.geom_xpos,
        "snapshot's sites": simulation.snapshot.site_rgba,
    }
    for name in RECENT:
        recent = vars(getattr(robot, f"recent_{name}"))
        python |= {f"recent {name} {field}": np.array(value) for field, value in recent.items()}
    for name, value in vars(robot.controller).items():
        if name != "sim":
            python[f"controller {name}"] = np.array(value)
    for name, observable in env._observables.items():
        fields = ("_time_since_last_sample", "_sampled", "_current_delay", "_current_observed_value")
        python |= {f"observable {name} {field}": np.array(getattr(observable, field)) for field in fields}
    model = {f"model {name}": value for name, value in arrays(simulation.model).items()}
    data = {f"data {name}": value for name, value in arrays(simulation.data).items()}
    return {name: np.array(value) for name, value in {**python, **model, **data}.items()}


def differing(one, other):
    assert one.keys() == other.keys()
    return [name for name in one if one[name].tobytes() != other[name].tobytes()]


def generator_after(simulation, seed, draws):
    from harness.envs.libero.simulation import numpy_global_state

    with numpy_global_state(seed):
        rebuilds = simulation.reset(joint_opening_draws=draws)
        return rebuilds, repr(np.random.get_state())


def differences_of_task(suite, task_id):
    """Runs the same episodes with both resets, one simulation each: where they first differ, or None."""
    fast, slow, init_states = simulations(suite, task_id)
    for number, (seed, draws, init, steps) in enumerate(EPISODES):
        actions = np.random.default_rng(number).uniform(-1, 1, (steps, 7))
        runs = [episode(simulation, seed, draws, init_states[init], actions) for simulation in (fast, slow)]
        for (moment, ours), (_, upstreams) in zip(*runs, strict=True):
            if found := differing(ours, upstreams):
                return f"{suite} {task_id}, episode {number}, {moment}: {found}"
    return None


def episode(simulation, seed, draws, init_state, actions):
    """Resets, sets the initial state and steps: what there is after each of these, as (moment, name -> array)."""
    rebuilds, generator = generator_after(simulation, seed, draws)
    yield "reset", {**everything(simulation), "rebuilds": np.array(rebuilds), "generator": np.array(generator)}
    simulation.set_init_state(init_state)
    yield "initial state", everything(simulation)
    for step, action in enumerate(actions):
        succeeded = simulation.step(action)
        yield f"step {step}", {"qpos": np.array(simulation.data.qpos), "succeeded": np.array(succeeded)}
    yield "end", everything(simulation)
    simulation.env.robots[0].controller.use_delta = False  # what an episode may leave behind


def resets_where_placements_are_given_up():
    """Two moka pots that get one region, where both do not always fit: rebuilds of each reset, and what differs."""
    fast, slow, _ = simulations("libero_10", 8)
    for simulation in (fast, slow):
        samplers = simulation.env.placement_initializer.samplers
        samplers["moka_pot_2"].x_ranges = samplers["moka_pot_1"].x_ranges
        samplers["moka_pot_2"].y_ranges = samplers["moka_pot_1"].y_ranges
    differences, rebuilds = [], []
    for seed in range(6):
        ours, upstreams = generator_after(fast, seed, 2), generator_after(slow, seed, 2)
        differences += ["draws"] * (ours != upstreams) + differing(everything(fast), everything(slow))
        rebuilds.append(upstreams[0])
    return rebuilds, differences


@pytest.fixture(scope="module")
def lite_process(tmp_path_factory):
    """A process of its own, as LIBERO takes its assets' folder once a process."""
    from harness.envs.libero.lite.generate import generate_lite

    root = tmp_path_factory.mktemp("lite")
    generate_lite(root)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=prepare, initargs=(root,)) as made:
        yield made


@pytest.mark.parametrize(("suite", "task_id"), LITE)
def test_the_fast_reset_leaves_what_upstreams_leaves_on_the_lite_set(lite_process, suite, task_id):
    assert lite_process.submit(differences_of_task, suite, task_id).result() is None


def test_a_placement_that_is_given_up_is_drawn_again_as_upstream_draws_it(lite_process):
    rebuilds, differences = lite_process.submit(resets_where_placements_are_given_up).result()
    assert differences == []
    assert max(rebuilds) > 1, "no placement was given up"


@pytest.mark.assets
@pytest.mark.slow
@pytest.mark.parametrize(("suite", "task_id"), OFFICIAL)
def test_the_fast_reset_leaves_what_upstreams_leaves_on_the_official_assets(simulator, suite, task_id):
    assert differences_of_task(suite, task_id) is None
