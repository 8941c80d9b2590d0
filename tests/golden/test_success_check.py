"""`SuccessCheck` against upstream's own calls on the same simulation: results, flags and colours of sites."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest
import success_states

from harness.envs.libero.installation import missing_packages, prepare
from harness.envs.libero.lite.generate import generate_lite
from harness.suites import load_suites

pytestmark = pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")

# All kinds of goals and all problem classes that a task has: on an object, in a basket that moves, on a marked place of the
# table, a drawer that is opened, a stove and what is on it, a drawer that is closed, a caddy, a stove that is turned off,
# a bowl on a bowl in a tray, a door.
FEW = [
    ("libero_spatial", 0),
    ("libero_object", 0),
    ("libero_goal", 5),
    ("libero_goal", 0),
    ("libero_10", 2),
    ("libero_10", 3),
    ("libero_10", 5),
    ("libero_90", 39),
    ("libero_90", 63),
    ("libero_10", 9),
]
PROBLEMS = {"floor", "tabletop", "kitchen_tabletop", "living_room_tabletop", "study_tabletop"}
KINDS = {"on", "in", "open", "close", "turnon", "turnoff"}


def pool_of(root):
    """Another process, as LIBERO takes its assets' folder once a process."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=prepare, initargs=(root,))


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    root = tmp_path_factory.mktemp("lite")
    generate_lite(root)
    with pool_of(root) as pool:
        yield pool


@pytest.fixture(scope="module")
def official(libero_assets):
    with pool_of(libero_assets.root) as pool:
        yield pool


def assert_compared(found, states):
    assert found.wrong == []
    assert found.fallback_reason is None
    assert min(found.results) > 0
    assert {part: counts for part, counts in found.parts.items() if min(counts) < states // 50} == {}


@pytest.mark.parametrize(("suite", "task"), FEW)
def test_results_flags_and_colours_are_upstreams(lite, suite, task):
    assert_compared(lite.submit(success_states.compare, suite, task, states := 150).result(), states)


@pytest.mark.assets
@pytest.mark.slow
@pytest.mark.parametrize(("suite", "task"), [*FEW, ("libero_goal", 9)])
def test_results_flags_and_colours_are_upstreams_on_the_official_set(official, suite, task):
    assert_compared(official.submit(success_states.compare, suite, task, states := 300).result(), states)


def test_the_few_tasks_have_every_problem_class_and_every_kind_of_predicate(lite):
    problems, kinds = lite.submit(success_states.kinds_of, FEW).result()
    assert problems == {f"libero_{name}_manipulation" for name in PROBLEMS}
    assert kinds == KINDS


@pytest.mark.slow
def test_results_flags_and_colours_are_upstreams_in_all_130_tasks(lite):
    tasks = [
        (suite.name, task.task_id)
        for name in ("libero_all", "libero_90")
        for suite in load_suites(name)
        for task in suite.tasks
    ]
    assert len(tasks) == 130
    answers = Counter()
    for suite, task in tasks:
        found = lite.submit(success_states.compare, suite, task, 60, 2).result()
        assert (found.wrong, found.fallback_reason) == ([], None), (suite, task)
        for part, (false, true) in found.parts.items():
            kind = part.partition("(")[0]
            answers.update({(kind, False): false, (kind, True): true})
    assert min(answers[kind, answer] for kind in KINDS for answer in (False, True)) > 20, answers


@pytest.mark.parametrize(
    "goal",
    [
        [["turnon", "flat_stove_1"], ["turnoff", "flat_stove_1"]],
        [["turnoff", "flat_stove_1"], ["turnon", "flat_stove_1"]],
        [["close", "wooden_cabinet_1"]],
        [["open", "wooden_cabinet_1"], ["on", "plate_1", "wooden_cabinet_1_top_side"]],
    ],
    ids=lambda goal: " and ".join(map(" ".join, goal)),
)
def test_goals_that_no_task_has_leave_and_give_the_same(lite, goal):
    found = lite.submit(success_states.compare, "libero_goal", 2, 150, 4, goal).result()
    assert (found.wrong, found.fallback_reason) == ([], None)
    assert all(min(counts) > 0 for counts in found.parts.values()), found.parts


def test_stoves_are_seen_on_and_off(lite):
    assert lite.submit(success_states.compare, "libero_90", 39, 40).result().colours > 3


def test_regions_of_any_rotation_have_upstreams_edges(lite):
    wrong, answers = lite.submit(success_states.compare_regions, 8_000).result()
    assert wrong == 0
    assert min(answers[name, answer] for name in ("in", "on") for answer in (False, True)) > 400


def test_what_is_not_known_is_left_to_upstream(lite):
    asked = lite.submit(success_states.fall_back).result()
    reasons = {change: reason for change, (reason, _, _) in asked.items()}
    assert reasons == {
        "nothing": None,
        "predicate": "the predicate up moka_pot_1",
        "object": "is_open of FlatStove",
        "tracking": "turnon flat_stove_1: upstream does not track flat_stove_1",
        "class": "Other._check_success is defined in success_states",
    }
    assert all(wrong == [] for _, wrong, _ in asked.values())


@pytest.mark.parametrize(("suite", "task"), [("libero_spatial", 0), ("libero_10", 2)])
def test_it_costs_less_than_a_third_of_upstreams(lite, suite, task):
    upstream, ours = lite.submit(success_states.costs, suite, task).result()
    assert ours < upstream / 3
