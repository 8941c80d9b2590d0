import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.pages.measures import success_curve, timing

EPISODES = st.lists(st.tuples(st.sampled_from(["success", "failure", "error"]), st.integers(1, 300)), max_size=40)


def test_a_curve_steps_where_episodes_succeed():
    curve = success_curve(["success", "failure", "success", "success", "error"], [30, 200, 10, 30, 5])
    assert curve == {"n": 4, "points": [[10, 1], [30, 3]]}


def test_errors_count_among_all_where_the_run_says_so():
    curve = success_curve(["success", "error"], [30, 5], errors_as_failures=True)
    assert curve == {"n": 2, "points": [[30, 1]]}


def test_a_curve_of_nothing_is_empty():
    assert success_curve([], []) == {"n": 0, "points": []}


@given(EPISODES, st.integers(0, 300))
def test_a_curve_says_how_many_a_lower_limit_would_have_let_succeed(episodes, limit):
    curve = success_curve([outcome for outcome, _ in episodes], [steps for _, steps in episodes])
    so_far = max((k for step, k in curve["points"] if step <= limit), default=0)
    assert so_far == sum(outcome == "success" and steps <= limit for outcome, steps in episodes)


@given(EPISODES)
def test_a_curve_does_not_depend_on_the_order_of_episodes(episodes):
    ordered = sorted(episodes)
    there = success_curve([outcome for outcome, _ in episodes], [steps for _, steps in episodes])
    assert there == success_curve([outcome for outcome, _ in ordered], [steps for _, steps in ordered])


def frame(*rows):
    return pd.DataFrame(rows, columns=["steps", "wall_s", "policy_s", "physics_s", "render_s"])


def test_time_is_split_and_the_rest_is_other():
    row = timing(frame((100, 10.0, 1.0, 2.0, 3.0), (50, 5.0, 1.0, 1.0, 1.0)))
    assert (row["episodes"], row["steps"], row["wall_s"]) == (2, 150, 15.0)
    assert (row["policy_s"], row["physics_s"], row["render_s"], row["other_s"]) == (2.0, 3.0, 4.0, 6.0)
    assert row["steps_per_s"] == pytest.approx(10.0)
    assert row["policy_ms"] == pytest.approx([15.0, 19.5])  # 10 and 20 ms a step; 95 % of the way between them is 19.5


def test_overlapping_episodes_leave_no_negative_time():
    assert timing(frame((100, 1.0, 2.0, 0.0, 0.0)))["other_s"] == 0.0


def test_episodes_without_steps_have_no_rates():
    row = timing(frame((0, 0.0, 0.0, 0.0, 0.0)))
    assert row["steps_per_s"] is None
    assert row["policy_ms"] is None
