import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.motion.trajectory import PIPER_LIMITS, MotionLimits, Trajectory, jerk_limited, through_waypoints

pytest.importorskip("ruckig", reason="ruckig is not installed")

JOINTS = st.lists(st.floats(-3, 3), min_size=6, max_size=6)
SPEEDS = st.lists(st.floats(0.2, 5), min_size=6, max_size=6).map(tuple)
DT_S = 0.002


def assert_within(trajectory: Trajectory, limits: MotionLimits) -> None:
    velocity, acceleration = trajectory.joint_vel_rad_s, trajectory.joint_acc_rad_s2
    jerk = np.diff(acceleration, axis=0) / DT_S
    assert (np.abs(velocity) <= np.array(limits.velocity_rad_s) * (1 + 1e-9)).all()
    assert (np.abs(acceleration) <= np.array(limits.acceleration_rad_s2) * (1 + 1e-9)).all()
    assert (np.abs(jerk) <= np.array(limits.jerk_rad_s3) * (1 + 1e-6) + 1e-6).all()


def assert_continuous(trajectory: Trajectory, limits: MotionLimits) -> None:
    """Each quantity is the integral of the next, as far as samples can tell."""
    position, velocity = trajectory.joint_pos_rad, trajectory.joint_vel_rad_s
    slack = DT_S**2 * np.array(limits.jerk_rad_s3)
    by_trapezoid = DT_S * (velocity[1:] + velocity[:-1]) / 2
    assert (np.abs(np.diff(position, axis=0) - by_trapezoid) <= DT_S * slack + 1e-9).all()
    by_trapezoid = DT_S * (trajectory.joint_acc_rad_s2[1:] + trajectory.joint_acc_rad_s2[:-1]) / 2
    assert (np.abs(np.diff(velocity, axis=0) - by_trapezoid) <= slack + 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(start=JOINTS, goal=JOINTS, velocity=SPEEDS, acceleration=SPEEDS)
def test_a_motion_stays_within_its_limits_and_is_at_rest_at_both_ends(start, goal, velocity, acceleration) -> None:
    limits = MotionLimits(velocity, acceleration, tuple(10 * value for value in acceleration))
    trajectory = jerk_limited(start, goal, limits, DT_S)
    assert_within(trajectory, limits)
    assert_continuous(trajectory, limits)
    np.testing.assert_array_equal(trajectory.joint_pos_rad[0], start)
    if np.abs(np.subtract(goal, start)).max() > 1e-9:
        np.testing.assert_array_equal(trajectory.joint_pos_rad[-1], goal)
    for ends in (trajectory.joint_vel_rad_s, trajectory.joint_acc_rad_s2):
        assert not ends[[0, -1]].any()


@settings(max_examples=20, deadline=None)
@given(start=JOINTS, goal=JOINTS)
def test_a_motion_passes_only_through_the_straight_line_between_its_ends(start, goal) -> None:
    start, goal = np.array(start), np.array(goal)
    positions = jerk_limited(start, goal).joint_pos_rad
    line = goal - start
    if line @ line < 1e-12:
        return
    along = (positions - start) @ line / (line @ line)
    np.testing.assert_allclose(positions, start + along[:, np.newaxis] * line, atol=1e-9)
    assert (np.diff(along) >= -1e-9).all()


def test_the_slowest_joint_sets_the_time() -> None:
    # From rest to rest over 6 rad with 3 rad/s, 5 rad/s^2 and 50 rad/s^3: 6 / 3 + 3 / 5 + 5 / 50 s.
    assert jerk_limited([0] * 6, [6, 1, 0, 0, 0, -2]).duration_s == pytest.approx(2.7, abs=DT_S)


def test_no_motion_is_a_single_sample() -> None:
    trajectory = jerk_limited([0.1] * 6, [0.1] * 6)
    assert trajectory.duration_s == 0
    np.testing.assert_array_equal(trajectory.joint_pos_rad, [[0.1] * 6])


def test_a_path_stops_at_each_waypoint_and_stays_within_limits() -> None:
    waypoints = np.random.default_rng(3).uniform(-1, 1, (5, 6))
    trajectory = through_waypoints(waypoints)
    assert_within(trajectory, PIPER_LIMITS)
    assert_continuous(trajectory, PIPER_LIMITS)
    stops = [int(np.flatnonzero((trajectory.joint_pos_rad == waypoint).all(axis=1))[0]) for waypoint in waypoints]
    assert stops == sorted(stops)
    assert stops[0] == 0
    assert stops[-1] == len(trajectory.time_s) - 1
    assert not trajectory.joint_vel_rad_s[stops].any()


def test_a_repeated_waypoint_takes_no_time() -> None:
    once = through_waypoints([[0] * 6, [1] * 6, [2] * 6])
    twice = through_waypoints([[0] * 6, [1] * 6, [1] * 6, [2] * 6])
    np.testing.assert_array_equal(once.joint_pos_rad, twice.joint_pos_rad)


def test_half_the_speed_takes_twice_the_time() -> None:
    start, goal = [0] * 6, [1, -2, 0.5, 0, 0, 1]
    full, half = jerk_limited(start, goal), jerk_limited(start, goal, PIPER_LIMITS.scaled(0.5))
    assert half.duration_s == pytest.approx(2 * full.duration_s, abs=2 * DT_S)


@pytest.mark.parametrize("bad", [[0] * 5, [0, 0, 0, 0, 0, float("nan")], "home"])
def test_what_is_no_joint_vector_is_refused(bad) -> None:
    with pytest.raises(UsageError, match="joint"):
        jerk_limited([0] * 6, bad)


def test_limits_must_be_six_numbers_above_zero() -> None:
    with pytest.raises(UsageError, match="acceleration_rad_s2"):
        MotionLimits((1.0,) * 6, (1.0,) * 5 + (0.0,), (1.0,) * 6)
    with pytest.raises(UsageError, match="fraction"):
        PIPER_LIMITS.scaled(1.5)
    with pytest.raises(UsageError, match="apart"):
        jerk_limited([0] * 6, [1] * 6, dt_s=0)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruckig", None)
    with pytest.raises(UsageError, match="pip install ruckig"):
        jerk_limited([0] * 6, [1] * 6)
