"""The bench's arithmetic, tables and page: no simulator."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.envs.gl import GLInfo
from harness.errors import UsageError
from scripts.bench.measure import FLOOR, LOOP, LOOP_OFF, SOLVES, Ending, Measured, Memory, ScalingRun
from scripts.bench.page import with_section, write_section
from scripts.bench.ratios import Ratio, engine_start, full_length_ratio, mean_of
from scripts.bench.samples import Pair, Sample, Spent, Spread, Stopwatch, paired_ratios, pairs_of, seconds_of, spread
from scripts.bench.subjects import Job, Result, actions_of
from scripts.bench.tables import digits, equality_lines, markdown_table, ratio_text, scaling_table, sections, split_table
from scripts.bench_engine import command_of

JOB = Job("libero_goal", 3, Path("assets"), GLInfo("egl", "renderer", "vendor", "version", ()), 4)


def pair(**seconds: float) -> Pair:
    """A pair whose parts took these seconds in one call each; the subject stands before the underscore."""
    spent = {}
    for name, value in seconds.items():
        subject, _, part = name.partition("_")
        spent[subject, part] = Spent(1, value, 2 * value)
    return Pair("task", 1, spent)


def test_spent_is_a_mean_over_its_calls():
    spent = Spent(2, 3.0, 5.0) + Spent(2, 1.0, 7.0)
    assert (spent.mean_s("wall"), spent.mean_s("cpu")) == (1.0, 3.0)
    assert math.isnan(Spent().mean_s("wall"))


def test_the_rest_of_a_whole_keeps_the_wholes_count():
    assert Spent(1, 5.0, 6.0) - Spent(50, 2.0, 2.0) == Spent(1, 3.0, 4.0)


def test_a_stopwatch_counts_calls_and_tells_waiting_from_working():
    watch = Stopwatch()
    for _ in range(3):
        with watch.measure("work"):
            end = time.process_time() + 0.01
            while time.process_time() < end:
                pass
    work = watch.spent["work"]
    assert work.count == 3
    assert work.cpu_s >= 0.03
    assert work.wall_s >= 0.9 * work.cpu_s


def test_ratios_are_formed_within_a_task_and_round_alone():
    samples = [
        Sample("a", 1, "slow", "step", Spent(1, 10.0, 0.0)),
        Sample("b", 1, "slow", "step", Spent(1, 90.0, 0.0)),
        Sample("b", 1, "fast", "step", Spent(10, 30.0, 0.0)),
        Sample("a", 1, "fast", "step", Spent(1, 5.0, 0.0)),
        Sample("a", 2, "slow", "step", Spent(1, 7.0, 0.0)),
    ]
    ratios = paired_ratios(pairs_of(samples), mean_of("slow", "step", clock="wall"), mean_of("fast", "step", clock="wall"))
    assert ratios == [2.0, 30.0]


def test_a_pair_without_a_measurement_gives_no_number():
    pairs = [pair(one_step=2.0), pair(other_step=3.0)]
    assert seconds_of(pairs, mean_of("one", "step", clock="cpu")) == [4.0]


def test_a_denominator_of_zero_gives_no_ratio():
    zero = pair(slow_step=1.0, fast_step=0.0)
    assert paired_ratios([zero], mean_of("slow", "step", clock="wall"), mean_of("fast", "step", clock="wall")) == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_spread_holds_every_number_between_its_ends(values):
    found = spread([*values, math.nan, math.inf])
    assert found is not None
    assert found.count == len(values)
    assert all(found.low <= value <= found.high for value in values)
    assert sum(value <= found.median for value in values) >= len(values) / 2
    assert sum(value >= found.median for value in values) >= len(values) / 2


def test_a_spread_of_nothing_is_nothing():
    assert spread([math.nan]) is None
    assert ratio_text(None) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.0123"), (1234.5, "1234"), (0.0, "0.00")],
)
def test_numbers_have_three_digits(value, text):
    assert digits(value) == text


@given(st.floats(1e-6, 1e6))
def test_written_numbers_are_off_by_half_a_percent_at_most(value):
    assert abs(float(digits(value)) - value) <= 0.00501 * value


def test_a_target_is_reached_from_the_side_that_it_names():
    nothing = mean_of("a", "b", clock="wall")
    at_least, at_most = Ratio("", 3.0, nothing, nothing), Ratio("", 1.7, nothing, nothing, at_most=True)
    assert (at_least.reached(Spread(3.0, 1, 4, 2)), at_least.reached(Spread(2.9, 1, 4, 2))) == ("yes", "no")
    assert (at_most.reached(Spread(1.7, 1, 4, 2)), at_most.reached(Spread(1.8, 1, 4, 2))) == ("yes", "no")
    assert (at_least.target_text, at_most.target_text) == ("3", "at most 1.7")
    assert Ratio("", None, nothing, nothing).reached(Spread(3.0, 1, 4, 2)) == ""


def test_a_start_is_the_mean_over_all_episodes_of_the_engine_and_of_no_other():
    found = Pair(
        "task",
        1,
        {
            ("exact 1", "start"): Spent(1, 1.0, 0.0),
            ("exact 5", "start"): Spent(1, 3.0, 0.0),
            ("upstream 1", "start"): Spent(1, 50.0, 0.0),
            ("exact 1", "step"): Spent(1, 70.0, 0.0),
        },
    )
    assert engine_start("exact", "wall")(found) == 2.0
    with pytest.raises(KeyError):
        engine_start("other", "wall")(found)


def test_a_full_episode_has_one_start_and_an_observation_every_replan_steps():
    spent = {
        (LOOP, "start"): Spent(1, 100.0, 0.0),
        (LOOP, "step"): Spent(4, 8.0, 0.0),
        ("exact 5", "start"): Spent(1, 7.0, 0.0),
        ("exact 5", "step"): Spent(4, 4.0, 0.0),
        ("exact 5", "observe"): Spent(1, 30.0, 0.0),
        ("exact 5", "policy"): Spent(1, 1.0, 0.0),
    }
    ratio = full_length_ratio("exact", 5, {"task": 11})
    found = Pair("task", 1, spent)
    assert ratio.slow(found) == 100 + 11 * 2
    assert ratio.fast(found) == 7 + 11 * 1 + 3 * 31
    assert ratio.target == 5.0


def test_a_table_has_as_many_cells_in_every_row():
    lines = markdown_table(["a", "b", "c"], [["x", "1", "2"]])
    assert lines == ["| a | b | c |", "| --- | ---: | ---: |", "| x | 1 | 2 |"]


def test_the_parts_of_an_episode_and_the_rest_make_a_whole():
    found = Pair(
        "task",
        1,
        {
            ("exact 1", "episode"): Spent(1, 10.0, 0.0),
            ("exact 1", "start"): Spent(1, 1.0, 0.0),
            ("exact 1", "step"): Spent(5, 2.0, 0.0),
            ("exact 1", "observe"): Spent(5, 4.0, 0.0),
            ("exact 1", "policy"): Spent(5, 0.5, 0.0),
        },
    )
    assert split_table([found], "exact", (1,))[2:] == ["| replan 1 | 10.000 | 20.0 % | 40.0 % | 5.0 % | 10.0 % | 25.0 % |"]


def test_two_workers_are_compared_with_one_of_the_same_round():
    runs = [ScalingRun("zero", 1, 1, 10, 60.0), ScalingRun("zero", 2, 1, 10, 40.0)]
    runs += [ScalingRun("zero", 2, 2, 10, 60.0), ScalingRun("zero", 1, 2, 10, 120.0)]
    assert scaling_table(runs)[2] == "| zero | 7.5 | 12.5 | 1.75 (1.50 to 2.00) |"


def test_endings_are_counted_against_upstreams_own_of_the_same_episode():
    endings = [
        Ending("t", 0, LOOP, "warm", "w"),
        Ending("t", 1, LOOP, "s1", "p1"),
        Ending("t", 2, LOOP, "s2", "p2"),
        Ending("t", 0, "exact", "other", "other"),
        Ending("t", 1, "exact 1", "s1", "p1"),
        Ending("t", 2, "exact 1", "s1", "p2"),
        Ending("t", 1, "exact off", "s1", ""),
    ]
    assert equality_lines(endings) == ["- exact 1: states 1 of 2; first pictures 2 of 2", "- exact off: states 1 of 1"]


def measured_of(steps: int) -> Measured:
    """Made-up measurements of one round and its warm-up: upstream 10 s an episode, the harness 1 s."""
    measured = Measured(memory=[Memory(JOB.name, LOOP, 2**30), Memory(JOB.name, "exact", 2**29)])
    measured.scaling = [ScalingRun("zero", workers, 1, 4, 8.0 / workers) for workers in (1, 2)]
    measured.touching[JOB.name] = [0.25]
    for number in (0, 1):
        loop = {"reset": 2.0, "set init state": 0.5, "start": 4.0, "step": 6.0, "episode": 10.0}
        ours = {"start": 0.05, "observe": 0.4, "policy": 0.01, "step": 0.5, "episode": 1.0}
        for subject, parts in (
            (LOOP, loop),
            (LOOP_OFF, loop),
            ("exact 1", ours),
            ("exact off", ours),
            ("exact", {"start": 3.0}),
        ):
            spent = {part: Spent(steps if part in ("step", "observe") else 1, s, s) for part, s in parts.items()}
            measured.add_episode(JOB, number, subject, Result(spent, "state", "picture"))
        measured.add(JOB, number, "exact", {"unsettled start": Spent(1, 0.01, 0.01)})
        measured.add(JOB, number, FLOOR, {"step": Spent(steps, 0.25, 0.25)})
        measured.add(JOB, number, SOLVES, {"step": Spent(steps, 0.4, 0.4)})
    return measured


def test_a_page_shows_every_ratio_beside_its_target():
    text = "\n".join(sections(measured_of(4), ("exact",), (1,), {JOB.name: 400}))
    for line in (
        "| episode start, without settling | 50 | yes | 250 (250 to 250) | 250 (250 to 250) |",
        "| episode start, with settling | 50 | yes | 80.0 (80.0 to 80.0) | 80.0 (80.0 to 80.0) |",
        "| control step alone, against upstream without cameras | 3 | yes | 12.0 (12.0 to 12.0) | 12.0 (12.0 to 12.0) |",
        "| control step over the floor of 25 bare `mj_step` (less is better) | at most 1.7 | no | 2.00 (2.00 to 2.00) |",
        "| upstream's three solutions a substep, without controller, over the floor |  |  | 1.60 (1.60 to 1.60) |",
        "| whole episode, replan 1 | 1.2 | yes | 10.0 (10.0 to 10.0) |",
        "The robot touched something after 25 % of the control steps",
        "| upstream's loop | 1024 (1024 to 1024) |",
        "| zero | 30.0 | 60.0 | 2.00 (2.00 to 2.00) |",
    ):
        assert line in text


def test_a_section_is_replaced_and_nothing_else():
    page = with_section("# Title\n\ntext\n", "one", "first")
    page = with_section(page, "two", "second")
    page = with_section(page, "one", "\nnew\n")
    assert page.startswith("# Title\n\ntext\n")
    assert "first" not in page
    assert page.index("new") < page.index("second")
    assert with_section(page, "two", "second") == page


@pytest.mark.parametrize(
    "page",
    [
        "<!-- one: begin -->",
        "<!-- one: end -->\n<!-- one: begin -->",
        "<!-- one: begin --><!-- one: end --><!-- one: begin --><!-- one: end -->",
    ],
)
def test_a_page_with_damaged_markers_is_refused(page):
    with pytest.raises(UsageError, match="mend it by hand"):
        with_section(page, "one", "text")


def test_a_missing_page_is_made(tmp_path):
    path = tmp_path / "docs" / "page.md"
    write_section(path, "one", "text")
    assert path.read_text() == "<!-- one: begin -->\ntext\n<!-- one: end -->\n"


@given(st.integers(0, 49), st.integers(1, 120))
def test_actions_are_within_limits_smooth_and_the_same_every_time(number, steps):
    actions = actions_of(number, steps)
    assert actions.shape == (steps, 7)
    assert np.abs(actions).max() <= 1
    assert set(np.unique(actions[:, 6])) <= {-1.0, 1.0}
    assert np.array_equal(actions, actions_of(number, steps))
    assert np.array_equal(actions[: steps // 2], actions_of(number, steps // 2))


def test_the_command_repeats_what_decides_the_measurements():
    arguments = argparse.Namespace(quick=False, tasks=["libero_goal/3"], steps=20, rounds=None, json=Path("x.json"))
    assert command_of(arguments) == "python -m scripts.bench_engine --tasks libero_goal/3 --steps 20"
