import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.plan import Selection, parse_indices, plan_episodes, selected_tasks
from harness.types import Protocol, Suite, Task

PROTOCOL = Protocol(
    name="standard", max_steps=5, settle_steps=0, settle_action=(0.0,), control_freq_hz=20, cameras={}, image_height_px=1,
    image_width_px=1, image_rotation_deg=0, state_layout=(), gripper="as_is", replan_steps=None,
    scene_seeding="episode_key", scene_seed=0, action_space="eef_delta",
)  # fmt: skip
EVERYTHING = Selection()


def suite(name: str, tasks: int) -> Suite:
    made = tuple(Task(name, i, f"{name}_{i}", f"do {i}") for i in range(tasks))
    return Suite(name, (), "libero", "", PROTOCOL, made)


def plan(suites, selection=EVERYTHING, count=3, seed=0):
    counts = {(s.name, task.task_id): count for s in suites for task in s.tasks}
    return plan_episodes(suites, selection, counts, seed=seed)


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("0", (0,)),
        ("0,3-5", (0, 3, 4, 5)),
        ("5,1", (5, 1)),
        ("2-2", (2,)),
        (" 1 , 3 - 4 ", (1, 3, 4)),
        ("1,0-2,1", (1, 0, 2)),
        ("007", (7,)),
    ],
)
def test_lists_and_ranges_are_read_in_the_order_given_each_index_once(text, indices) -> None:
    assert parse_indices(text) == indices


@given(st.lists(st.integers(min_value=0, max_value=999_999), min_size=1, unique=True))
def test_indices_survive_being_written_and_read(indices) -> None:
    assert parse_indices(",".join(map(str, indices))) == tuple(indices)


@given(st.integers(min_value=0, max_value=500), st.integers(min_value=0, max_value=500))
def test_a_range_holds_both_ends_and_what_lies_between(first, length) -> None:
    assert parse_indices(f"{first}-{first + length}") == tuple(range(first, first + length + 1))


@pytest.mark.parametrize(
    "text", ["", " ", ",", "1,", "a", "-1", "1-", "1--2", "1.5", "1-2-3", "0x1", "1 2", "٣", "9" * 5000]
)
def test_anything_else_is_refused_with_an_example(text) -> None:
    with pytest.raises(UsageError, match="such as 0,3-5"):
        parse_indices(text)


def test_a_range_too_long_for_memory_is_refused_at_once() -> None:
    with pytest.raises(UsageError):
        parse_indices("0-99999999999")


def test_a_backward_range_is_refused() -> None:
    with pytest.raises(UsageError, match="the range 5-3 in '1,5-3' runs backwards"):
        parse_indices("1,5-3")


def test_episodes_are_planned_by_suite_task_initial_state_and_repeat() -> None:
    episodes = plan([suite("b", 2), suite("a", 1)], Selection(repeats=2), count=2, seed=9)
    assert [(e.suite, e.task_id, e.init, e.repeat) for e in episodes] == [
        ("b", 0, 0, 0), ("b", 0, 0, 1), ("b", 0, 1, 0), ("b", 0, 1, 1),
        ("b", 1, 0, 0), ("b", 1, 0, 1), ("b", 1, 1, 0), ("b", 1, 1, 1),
        ("a", 0, 0, 0), ("a", 0, 0, 1), ("a", 0, 1, 0), ("a", 0, 1, 1),
    ]  # fmt: skip
    assert {e.seed for e in episodes} == {9}
    assert (episodes[4].task, episodes[4].instruction) == ("b_1", "do 1")


def test_tasks_and_initial_states_are_run_in_the_order_asked_for() -> None:
    episodes = plan([suite("a", 3)], Selection(tasks=(2, 0), init=(2, 1)))
    assert [(e.task_id, e.init) for e in episodes] == [(2, 2), (2, 1), (0, 2), (0, 1)]


def test_a_number_of_episodes_takes_the_first_initial_states() -> None:
    assert [e.init for e in plan([suite("a", 1)], Selection(episodes=2))] == [0, 1]


def test_tasks_may_have_different_numbers_of_initial_states() -> None:
    episodes = plan_episodes([suite("a", 2)], Selection(), {("a", 0): 1, ("a", 1): 2}, seed=0)
    assert [(e.task_id, e.init) for e in episodes] == [(0, 0), (1, 0), (1, 1)]


def test_a_count_and_a_list_of_initial_states_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="--init and --episodes exclude each other"):
        plan([suite("a", 1)], Selection(init=(0,), episodes=1))


def test_a_task_out_of_range_is_refused_with_the_range() -> None:
    with pytest.raises(UsageError, match="a has no task 2; its tasks are 0-1"):
        selected_tasks(suite("a", 2), Selection(tasks=(0, 2)))


def test_an_initial_state_out_of_range_is_refused_with_the_range() -> None:
    with pytest.raises(UsageError, match="a task 0 has no initial state 3; it has 0-2"):
        plan([suite("a", 1)], Selection(init=(3,)))


def test_more_episodes_than_initial_states_are_refused_and_repeats_suggested() -> None:
    with pytest.raises(UsageError, match=r"a task 0 has 3 initial states, not 4.*--repeats"):
        plan([suite("a", 1)], Selection(episodes=4))


@given(
    st.lists(st.integers(0, 3), min_size=1, unique=True),
    st.lists(st.integers(0, 4), min_size=1, unique=True),
    st.integers(1, 3),
)
def test_keys_are_unique_and_as_many_as_the_product(tasks, init, repeats) -> None:
    selection = Selection(tasks=tuple(tasks), init=tuple(init), repeats=repeats)
    keys = [e.key for e in plan([suite("a", 4), suite("b", 4)], selection, count=5)]
    assert len(keys) == len(set(keys)) == 2 * len(tasks) * len(init) * repeats


@given(st.integers(1, 4), st.integers(1, 4))
def test_an_episode_is_the_same_in_a_small_and_in_a_large_run(tasks, inits) -> None:
    whole = {e.key: e for e in plan([suite("a", 4)], Selection(repeats=2), count=4, seed=3)}
    part = plan([suite("a", 4)], Selection(tasks=tuple(range(tasks)), episodes=inits), count=4, seed=3)
    assert all(whole[e.key] == e for e in part)
