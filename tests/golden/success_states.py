"""States of a task's simulation near the edges of its goal, and what upstream and `SuccessCheck` say of each."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

SETTLE_STEPS = 10
CLOSING = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])


@dataclass
class Found:
    """What came of one task.

    Attributes:
        problem: The name of upstream's problem class.
        fallback_reason: That of the `SuccessCheck`.
        wrong: One line for every state in which result, flags or colours differed.
        parts: How often each part of the goal was (False, True), as upstream says.
        results: The same of the whole goal.
        colours: Different colours of sites that were left.
    """

    problem: str
    fallback_reason: str | None
    wrong: list[str] = field(default_factory=list)
    parts: dict[str, list[int]] = field(default_factory=dict)
    results: list[int] = field(default_factory=lambda: [0, 0])
    colours: int = 0


class Scene:
    """A task at a settled initial state, its `SuccessCheck`, and what can be done to it."""

    def __init__(self, suite, task_id, goal=None):
        from harness.envs.libero.goal_states import Predicate
        from harness.envs.libero.init_states import load_init_states
        from harness.envs.libero.simulation import Simulation
        from harness.envs.libero.success import SuccessCheck
        from harness.suites import load_suites

        task = load_suites(suite)[0].tasks[task_id]
        self.rows = load_init_states(task.init_states)
        self.simulation = Simulation(task.bddl, control_freq_hz=20)
        self.env, self.data = self.simulation.env, self.simulation.data
        if goal is not None:
            self.env.parsed_problem["goal_state"] = goal
        self.goal = [Predicate(name, tuple(about)) for name, *about in self.env.parsed_problem["goal_state"]]
        self.check = SuccessCheck(self.env)
        self.rng = np.random.default_rng(0)
        self.begin(0)

    def begin(self, init):
        """Starts an episode: a reset that keeps the model, an initial state, settling."""
        from harness.envs.libero.simulation import numpy_global_state

        with numpy_global_state(init):
            self.simulation.reset(joint_opening_draws=1)
        self.simulation.set_init_state(self.rows[init])
        for _ in range(SETTLE_STEPS):
            self.simulation.step(-CLOSING)

    # Flags and colours

    def marks(self):
        """Everything that an evaluation may leave behind."""
        subjects = [*self.env.fixtures_dict.values(), *self.env.objects_dict.values()]
        flags = {subject.name: dict(subject.object_properties["vis_site_names"]) for subject in subjects}
        return flags, self.simulation.model.site_rgba.copy()

    def put_marks(self, marks):
        flags, colours = marks
        for name, sites in flags.items():
            self.env.get_object(name).object_properties["vis_site_names"].update(sites)
        self.simulation.model.site_rgba[:] = colours

    def scramble_marks(self):
        """Flags and colours of no particular history, those that no toggling makes 0 or 1 among them."""
        for name in self.env.visualization_sites_list:
            sites = self.env.get_object(name).object_properties["vis_site_names"]
            for key, (site, _) in list(sites.items()):
                sites[key] = (site, bool(self.rng.integers(2)))
                self.simulation.model.site(site).rgba[3] = self.rng.choice([0.0, 1.0, 0.3, -1.0])

    # States

    def randomise(self, qpos):
        """Moves what the goal is about, each thing in one of several ways."""
        self.data.qpos[:], self.data.qvel[:] = qpos, 0.0
        for joint, thresholds in self.joints():
            self.data.joint(joint).qpos[0] = self.joint_position(joint, thresholds)
        self.env.sim.forward()
        for part in self.goal:
            if part.places and self.rng.random() < 0.8:
                self.move(*part.arguments, part.name)
                self.env.sim.forward()
        if self.rng.random() < 0.03:
            self.data.xpos[self.rng.integers(len(self.data.xpos)), self.rng.integers(3)] = np.nan
        if self.rng.random() < 0.3:
            self.scramble_marks()

    def joints(self):
        """Joints with one position of all fixtures, with the numbers that upstream compares them with."""
        for fixture in self.env.fixtures_dict.values():
            ranges = fixture.object_properties.get("articulation", {}).values()
            for joint in fixture.joints:
                yield joint, [0.0, *(number for pair in ranges for number in pair)]

    def joint_position(self, joint, thresholds):
        now = self.data.joint(joint).qpos[0]
        edge = self.rng.choice(thresholds)
        anywhere = self.rng.uniform(-1.1, 1.1) * np.abs([*thresholds, 0.01]).max()
        return self.rng.choice([now, edge, np.nextafter(edge, -9.0), np.nextafter(edge, 9.0), anywhere])

    def move(self, name, target, relation):
        pose = self.data.joint(self.env.get_object(name).joints[-1]).qpos
        way = self.rng.integers(3)
        if way == 0:
            pose[:3] += self.rng.normal(size=3) * self.tiny(-9, -0.5)
        elif way == 1:
            pose[:3] = self.edge(target, relation, pose[:3].copy())
        if self.rng.random() < 0.1:
            turn = self.rng.normal(size=4)
            pose[3:] = turn / np.linalg.norm(turn)

    def tiny(self, low, high):
        return 10.0 ** self.rng.uniform(low, high)

    def edge(self, target, relation, place):
        """A place at the edge of where the predicate holds: exactly, or off by anything from the last bit to 10 um."""
        off = self.rng.choice([0.0, -1.0, 1.0]) * self.tiny(-17, -5)
        site = self.env.object_sites_dict.get(target)
        if site is None:
            below = self.data.xpos[self.env.obj_body_id[target]]
            if self.rng.random() < 0.3:
                place[2] = below[2] + off
            else:
                angle = self.rng.choice([0.0, np.pi / 2, self.rng.uniform(0, 7)])
                place[:2] = below[:2] + (0.03 + off) * np.array([np.cos(angle), np.sin(angle)])
            return place
        turn, centre, axis = self.env.sim.data.get_site_xmat(target), self.data.site(target).xpos, self.rng.integers(3)
        half = np.abs(turn @ site.size) if relation == "in" else np.array(site.size)
        low, high = -half, half
        if relation == "in":
            low = low - np.array([0.0, 0.0, 0.01])
        else:
            low, high = np.array([*low[:2], half[2] - 0.005]), np.array([*high[:2], half[2] + 0.10])
        offset = self.rng.uniform(low, high)
        offset[axis] = self.rng.choice([low[axis], high[axis]]) + off
        return centre + (offset if relation == "in" else turn.T @ offset)

    # Answers

    def agree(self, found, upstream, label):
        """Asks both of the same state with the same flags and colours before."""
        before = self.marks()
        expected = bool(upstream())
        left = self.marks()
        self.put_marks(before)
        got = self.check.after_step()
        same = got is expected and left[0] == self.marks()[0] and left[1].tobytes() == self.marks()[1].tobytes()
        if not same:
            found.wrong.append(f"{label}: {got} for {expected}, {self.marks()[0]} for {left[0]}")
        self.put_marks(left)
        found.results[expected] += 1
        return left[1].tobytes()

    def evaluate_as_upstream(self):
        self.env.reward()
        self.env._post_process()
        return self.env._check_success()


def compare(suite, task_id, states=150, steps=8, goal=None) -> Found:
    """Compares at random states near the start and the goal, and after real control steps from both.

    Another goal than the task's may be given, in upstream's form.
    """
    from harness.envs.libero.goal_states import GoalMover

    scene = Scene(suite, task_id, goal)
    found = Found(scene.env.parsed_problem["problem_name"], scene.check.fallback_reason)
    colours = set()
    for place in ("start", "goal"):
        if place == "goal":
            scene.begin(1)
            GoalMover(scene.simulation, scene.goal).reach()
        qpos = scene.data.qpos.copy()
        for index in range(states):
            if index:
                scene.randomise(qpos)
            for part in scene.goal:
                holds = scene.env._eval_predicate([part.name, *part.arguments])
                found.parts.setdefault(str(part), [0, 0])[bool(holds)] += 1
            colours.add(scene.agree(found, scene.evaluate_as_upstream, f"{place}, state {index}"))
        scene.data.qpos[:], scene.data.qvel[:] = qpos, 0.0
        scene.env.sim.forward()
        for index in range(steps):
            action = scene.rng.uniform(-1.0, 1.0, 7)
            colours.add(scene.agree(found, lambda: scene.env.step(action)[2], f"{place}, control step {index}"))  # noqa: B023
    found.colours = len(colours)
    scene.simulation.close()
    return found


def compare_regions(count) -> tuple[int, Counter]:
    """Compares regions of any rotation with upstream's; how often they differed, and how often each answer was given."""
    from libero.libero.envs.objects import SiteObject
    from libero.libero.envs.objects.target_zones import TargetZone

    from harness.envs.libero.success_predicates import Region

    rng = np.random.default_rng(0)
    wrong, answers = 0, Counter()
    for _ in range(count):
        half = tuple(rng.uniform(0.002, 0.2, 3).tolist())
        if rng.random() < 0.5:
            site = SiteObject("region", size=" ".join(map(repr, half)))
        else:
            site = TargetZone("zone", zone_size=half[:2], zone_height=half[2])
        rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        position = rng.uniform(-1, 1, 3)
        off = rng.choice([0.0, -1.0, 1.0]) * 10.0 ** rng.uniform(-17, -5)
        signs, axis = rng.uniform(-1, 1, 3), rng.integers(3)
        signs[axis] = np.sign(signs[axis])
        inside = position + np.abs(rotation @ half) * signs
        inside[axis] += off
        offset = np.array(half) * signs
        offset[2] = half[2] + rng.choice([-0.005, 0.1, 0.05])
        offset[axis] += off
        for thing in (inside, position + rotation.T @ offset):
            region = Region(site, half, position, rotation, thing, None)
            for name, mine, theirs in (("in", region.contains, site.in_box), ("on", region.carries, site.under)):
                expected = bool(theirs(position, rotation, thing))
                wrong += mine() is not expected
                answers[name, expected] += 1
    return wrong, answers


def fall_back() -> dict[str, tuple[str | None, list[str], list[int]]]:
    """What a `SuccessCheck` says that it does not know, and whether it then agrees; by what was changed."""
    from harness.envs.libero.success import SuccessCheck

    scene = Scene("libero_10", 2)
    env = scene.env
    known_goal, known_class, tracked = env.parsed_problem["goal_state"], type(env), env.tracking_object_states_change
    other_class = type(known_class)("Other", (known_class,), {"_check_success": _is_late})

    def ask():
        scene.check = SuccessCheck(env)
        found = Found("", scene.check.fallback_reason)
        qpos = scene.data.qpos.copy()
        for index in range(20):
            scene.randomise(qpos)
            scene.agree(found, scene.evaluate_as_upstream, str(index))
        scene.data.qpos[:] = qpos
        return found.fallback_reason, found.wrong, found.results

    asked = {"nothing": ask()}
    env.parsed_problem["goal_state"] = [["up", "moka_pot_1"]]
    asked["predicate"] = ask()
    env.parsed_problem["goal_state"] = [["open", "flat_stove_1"]]
    asked["object"] = (SuccessCheck(env).fallback_reason, [], [])
    env.parsed_problem["goal_state"] = known_goal
    env.tracking_object_states_change = []
    asked["tracking"] = ask()
    env.tracking_object_states_change = tracked
    env.__class__ = other_class
    asked["class"] = ask()
    env.__class__ = known_class
    scene.simulation.close()
    return asked


def _is_late(self):
    return self.sim.data.time > 0.1


def costs(suite, task_id, calls=300) -> tuple[float, float]:
    """CPU seconds of a call, upstream's and ours, at the settled first initial state; the medians of five rounds."""
    scene = Scene(suite, task_id)
    rounds = [(_cpu_s(scene.evaluate_as_upstream, calls), _cpu_s(scene.check.after_step, calls)) for _ in range(5)]
    scene.simulation.close()
    upstream, ours = np.median(rounds, axis=0)
    return float(upstream), float(ours)


def _cpu_s(function, calls):
    began = time.process_time()
    for _ in range(calls):
        function()
    return (time.process_time() - began) / calls


def kinds_of(tasks) -> tuple[set[str], set[str]]:
    """The problem classes and the kinds of predicates of tasks, from their definitions."""
    import libero.libero.envs.bddl_utils as bddl_utils

    from harness.suites import load_suites

    parsed = [bddl_utils.robosuite_parse_problem(str(load_suites(suite)[0].tasks[task].bddl)) for suite, task in tasks]
    return {problem["problem_name"] for problem in parsed}, {part[0] for problem in parsed for part in problem["goal_state"]}
