"""What is applied while a policy thinks: the rules, and the loop that follows them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_world import EPISODE, PROTOCOL, SPEC, Line, Steady

from harness.episode import Answer, episode_loop, resume
from harness.realtime import Filler, stale_steps
from harness.timing import QueryTiming


def protocol(filler="hold", hz=20.0, **changes):
    return dataclasses.replace(PROTOCOL, realtime_hz=hz, realtime_filler=filler, **changes)


def chunk(first, length):
    """Actions that say which they are."""
    return np.arange(first, first + length, dtype=float)[:, np.newaxis] * [1.0, 0.0]


def numbers(actions):
    return [float(action[0]) for action in actions]


def play(protocol, thinking_s, chunk_length, environment=None):
    """An episode whose policy thinks so long; its n-th answer counts from 100 n."""
    loop = episode_loop(environment or Line(), SPEC, Steady(), protocol, EPISODE)
    turn = resume(loop)
    turn = resume(loop, Answer(None, None, 0.0))
    asked = []
    while not hasattr(turn, "outcome"):
        asked.append(turn.step)
        timing = QueryTiming(0.0, 0.0, thinking_s)
        turn = resume(loop, Answer(chunk(100 * len(asked), chunk_length), None, 0.0, timing))
    return turn, asked


@pytest.mark.parametrize(("thinking_s", "steps"), [(0.0, 0), (0.049, 0), (0.051, 1), (0.26, 5)])
def test_every_whole_control_step_that_goes_by_is_stale(thinking_s, steps) -> None:
    assert stale_steps(thinking_s, protocol()) == steps


def test_a_simulation_that_waits_has_no_stale_steps() -> None:
    assert stale_steps(3600.0, PROTOCOL) == 0


def test_hold_applies_the_last_action_again_and_then_the_whole_answer() -> None:
    result, asked = play(protocol(max_steps=9), thinking_s=0.11, chunk_length=2)
    # Two steps of settling's action before the first answer; then two held ones before each.
    assert numbers(result.trace.actions) == [0, 0, 100, 101, 101, 101, 200, 201, 201]
    assert asked == [0, 4, 8]
    assert [query.stale_steps for query in result.queries] == [2, 2, 1]


def test_continue_applies_the_rest_of_the_last_chunk_and_leaves_out_what_has_passed() -> None:
    result, asked = play(protocol("continue", max_steps=10, replan_steps=2), thinking_s=0.11, chunk_length=6)
    # The first answer is two steps late: its actions 2 and 3 are applied; 4 and 5 go on while the next one is thought of.
    assert numbers(result.trace.actions) == [0, 0, 102, 103, 104, 105, 202, 203, 204, 205]
    assert asked == [0, 4, 8]


def test_continue_holds_the_last_action_of_a_chunk_that_is_used_up() -> None:
    result, _ = play(protocol("continue", max_steps=8), thinking_s=0.16, chunk_length=4)
    assert numbers(result.trace.actions) == [0, 0, 0, 103, 103, 103, 103, 203]


def test_the_goal_that_is_reached_while_the_policy_thinks_ends_the_episode() -> None:
    result, _ = play(protocol(max_steps=50), thinking_s=0.26, chunk_length=1, environment=Line(goal=250))
    assert (result.outcome, numbers(result.trace.actions)) == ("success", [0, 0, 0, 0, 0, 100, 100, 100])


def test_stale_steps_never_exceed_the_budget() -> None:
    result, asked = play(protocol(max_steps=7), thinking_s=60.0, chunk_length=3)
    assert (result.steps, asked, result.queries[0].stale_steps) == (7, [0], 7)


@given(st.integers(1, 12), st.integers(0, 30), st.integers(1, 12), st.sampled_from(["hold", "continue"]))
def test_at_least_one_action_of_every_answer_is_applied_and_none_that_was_not_answered(length, stale, replan, name) -> None:
    filler = Filler(protocol(name, replan_steps=replan))
    first, second = chunk(100, length), chunk(200, length)
    before = numbers(filler.planned(first, 0))
    waiting = numbers(filler.waiting(stale))
    after = numbers(filler.planned(second, stale))
    assert len(waiting) == stale
    assert set(waiting) <= set(numbers(first))
    assert 1 <= len(after) <= replan
    assert set(after) <= set(numbers(second))
    assert before + waiting == sorted(before + waiting)
