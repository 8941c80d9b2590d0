"""Numbers of comparisons of small runs, each worked out by hand in the test."""

import math
from pathlib import Path

import pandas as pd
import pytest
from synthetic_runs import record, write_records, write_run

import harness
from harness.comparison import MEAN
from harness.errors import UsageError

SPATIAL, GOAL = "libero_spatial", "libero_goal"
ALPHA = {(SPATIAL, 0): "ssssffffss", (SPATIAL, 1): "ssssfffeee", (GOAL, 0): "ssss"}
BETA = {(SPATIAL, 0): "ssssssssss", (SPATIAL, 1): "sssssssssf", (GOAL, 0): "ssss"}


def wilson_by_hand(successes: int, n: int) -> tuple[float, float]:
    z = 1.959963984540054
    p, middle = successes / n, successes / n + z * z / (2 * n)
    reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)


@pytest.fixture
def compared(tmp_path: Path):
    write_run(tmp_path / "a", "alpha", ALPHA)
    write_run(tmp_path / "b", "beta", BETA)
    return harness.compare(harness.load_runs(tmp_path))


def pair_of(compared, suite):
    return next(pair for pair in compared.pairs if pair.suite == suite)


def test_rates_leave_errors_out_and_count_them(compared) -> None:
    alpha = compared.run("alpha")
    spatial = alpha.suites[SPATIAL]
    # 6 + 4 successes, 4 + 3 failures, 3 errors.
    assert (spatial.episodes, spatial.n, spatial.successes, spatial.failures, spatial.errors) == (20, 17, 10, 7, 3)
    assert spatial.rate == pytest.approx(10 / 17)
    assert spatial.interval == pytest.approx(wilson_by_hand(10, 17))
    assert spatial.interval == pytest.approx((0.3601, 0.7839), abs=1e-4)


def test_the_mean_weighs_every_suite_the_same(compared) -> None:
    mean = compared.run("alpha").mean
    assert mean.rate == pytest.approx((10 / 17 + 1) / 2)
    # MOVER: half of the root of the summed squares of the suites' distances.
    (low_s, high_s), (low_g, high_g) = wilson_by_hand(10, 17), wilson_by_hand(4, 4)
    low = mean.rate - math.hypot(10 / 17 - low_s, 1 - low_g) / 2
    high = mean.rate + math.hypot(high_s - 10 / 17, high_g - 1) / 2
    assert mean.interval == pytest.approx((low, high))
    assert (mean.n, mean.successes, mean.errors) == (21, 14, 3)


def test_tasks_have_rates_of_their_own(compared) -> None:
    rates = compared.task_rates().set_index(["label", "suite", "task_id"])["rate"]
    assert rates["alpha", SPATIAL, 0] == 0.6
    assert rates["alpha", SPATIAL, 1] == pytest.approx(4 / 7)
    assert compared.heat_map().loc[(SPATIAL, 1, "task_1")].tolist() == pytest.approx([4 / 7, 0.9])


def test_shared_episodes_are_counted_in_pairs_without_those_in_error(compared) -> None:
    pair = pair_of(compared, SPATIAL)
    # Alpha fails 4 + 3 that beta solves; the three errors of alpha are left out, though beta solves two of them.
    assert (pair.counts.both, pair.counts.only_a, pair.counts.only_b, pair.counts.neither) == (10, 0, 7, 0)
    assert (pair.a, pair.b, pair.method, pair.n_a, pair.n_b, pair.errors_left_out) == ("alpha", "beta", "paired", 17, 17, 3)
    assert (pair.rate_a, pair.rate_b) == pytest.approx((10 / 17, 1.0))
    assert pair.difference == pytest.approx(7 / 17)


def test_p_values_are_mcnemars_and_holms(compared) -> None:
    spatial, goal = pair_of(compared, SPATIAL), pair_of(compared, GOAL)
    # Seven discordant episodes, all for one side: 2 / 2^7. Two suites: the smaller p-value counts twice.
    assert (spatial.test, spatial.p_value, spatial.p_adjusted, spatial.verdict) == ("mcnemar", 1 / 64, 2 / 64, "better")
    assert (goal.p_value, goal.p_adjusted, goal.verdict) == (1.0, 1.0, "undecided")


def test_over_all_suites_every_suite_weighs_the_same(compared) -> None:
    overall = pair_of(compared, MEAN)
    assert overall.difference == pytest.approx(7 / 17 / 2)
    # Only all seven on one side are as far from 0: 2 / 2^7 again, here from 100,000 draws (standard error 0.0004).
    assert overall.test == "sign_flip"
    assert overall.p_value == pytest.approx(1 / 64, abs=0.002)
    assert overall.p_adjusted == overall.p_value


def test_the_bootstrap_interval_is_within_tasks(compared) -> None:
    # Task 0: 4 of 10 differ; task 1: 3 of 7. Variances of the resampled mean (n - 1 are drawn): p (1 - p) / (n - 1).
    variance = (10 / 17) ** 2 * 0.4 * 0.6 / 9 + (7 / 17) ** 2 * (3 / 7) * (4 / 7) / 6
    low, high = pair_of(compared, SPATIAL).bootstrap_interval
    assert (high - low) / 2 == pytest.approx(1.96 * math.sqrt(variance), rel=0.1)


def test_the_bootstrap_interval_is_shown_where_there_is_enough_to_resample(compared, tmp_path: Path) -> None:
    # Seven discordant episodes are too few.
    assert pair_of(compared, SPATIAL).shown_interval == pair_of(compared, SPATIAL).interval
    write_run(tmp_path / "c", "gamma", {(GOAL, 0): "s" * 10 + "f" * 10})
    write_run(tmp_path / "d", "delta", {(GOAL, 0): "s" * 20})
    enough = pair_of(harness.compare(harness.load_runs(tmp_path / "c", tmp_path / "d")), GOAL)
    assert enough.shown_interval == enough.bootstrap_interval != enough.interval


def test_where_all_episodes_differ_the_interval_is_not_a_point(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): "f" * 20})
    write_run(tmp_path / "b", "beta", {(GOAL, 0): "s" * 20})
    pair = pair_of(harness.compare(harness.load_runs(tmp_path)), GOAL)
    # Tango's lower limit where all n pairs favour B: (n - z^2) / (n + z^2).
    z2 = 1.959963984540054**2
    assert pair.shown_interval == pytest.approx(((20 - z2) / (20 + z2), 1.0), abs=1e-6)


def test_without_discordant_episodes_the_interval_is_not_a_point(compared) -> None:
    goal = pair_of(compared, GOAL)
    assert goal.bootstrap_interval == pytest.approx((0.0, 0.0))
    # Tango's limits without discordant episodes: z^2 / (n + z^2).
    z2 = 1.959963984540054**2
    assert goal.shown_interval == pytest.approx((-z2 / (4 + z2), z2 / (4 + z2)), abs=1e-6)


def test_verdicts_are_said_in_words(compared) -> None:
    assert pair_of(compared, SPATIAL).words.startswith("beta is better than alpha: +41.2 points [")
    assert pair_of(compared, SPATIAL).words.endswith("], p = 0.031")
    assert "no difference between beta and alpha could be shown: +0.0 points" in pair_of(compared, GOAL).words
    assert "4 episodes are too few to show any difference" in pair_of(compared, GOAL).words


def test_the_other_way_round_beta_is_the_baseline_and_alpha_is_worse(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", ALPHA)
    write_run(tmp_path / "b", "beta", BETA)
    pair = pair_of(harness.compare(harness.load_runs(tmp_path), baseline="beta"), SPATIAL)
    assert (pair.a, pair.b, pair.verdict) == ("beta", "alpha", "worse")
    assert pair.words.startswith("alpha is worse than beta: -41.2 points")


def test_flips_are_the_episodes_that_one_of_them_solves(compared) -> None:
    flips = compared.flips
    assert flips["key"].tolist() == [
        *(f"{SPATIAL}/task0/init{i}/repeat0/seed7" for i in (4, 5, 6, 7)),
        *(f"{SPATIAL}/task1/init{i}/repeat0/seed7" for i in (4, 5, 6)),
    ]
    assert set(flips["winner"]) == {"beta"}


def test_flips_have_both_videos_where_they_are_there(tmp_path: Path) -> None:
    for name, outcome in (("a", "success"), ("b", "failure")):
        write_records(tmp_path / name, name, [record(GOAL, 0, 0, outcome, video="videos/x.mp4")], [GOAL])
    (tmp_path / "b" / "videos").mkdir()
    (tmp_path / "b" / "videos" / "x.mp4").write_bytes(b"")
    compared = harness.compare(harness.load_runs(tmp_path))
    flip = compared.flips.iloc[0]
    assert (flip["winner"], flip["video_a"], flip["video_b"]) == ("a", None, str(tmp_path / "b" / "videos" / "x.mp4"))
    assert any(note.startswith("a: 1 video is not there any more") for note in compared.notes)


def test_where_no_episode_is_shared_the_runs_are_two_samples(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): "fff"})
    write_run(tmp_path / "b", "beta", {(GOAL, 0): "...sss"})
    pair = pair_of(harness.compare(harness.load_runs(tmp_path)), GOAL)
    assert (pair.method, pair.n_a, pair.n_b, pair.counts, pair.bootstrap_interval) == ("unpaired", 3, 3, None, None)
    # Boschloo: no other table of 3 and 3 is as extreme; twice the largest p^3 (1 - p)^3, which is 1/64.
    assert (pair.test, pair.difference) == ("boschloo", 1.0)
    assert pair.p_value == pytest.approx(2 / 64, abs=1e-6)
    # Newcombe: Wilson's limits of 0/3 and 3/3 are 1.5/... each at the same distance d: 1 - sqrt(2) d.
    distance = wilson_by_hand(0, 3)[1]
    assert pair.interval == pytest.approx((1 - math.sqrt(2) * distance, 1.0))


def test_two_samples_are_compared_on_the_tasks_that_both_have(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): "ff", (GOAL, 1): "ssss"})
    write_run(tmp_path / "b", "beta", {(GOAL, 0): "..sse"})
    pair = pair_of(harness.compare(harness.load_runs(tmp_path)), GOAL)
    assert (pair.n_a, pair.n_b, pair.rate_a, pair.rate_b, pair.errors_left_out) == (2, 2, 0.0, 1.0, 1)


def test_episodes_that_only_one_run_has_are_left_out_and_said(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): "sssff"})
    write_run(tmp_path / "b", "beta", {(GOAL, 0): ".fsss"[:3]})
    compared = harness.compare(harness.load_runs(tmp_path))
    pair = pair_of(compared, GOAL)
    assert (pair.n_b, pair.counts.both, pair.counts.only_a) == (2, 1, 1)
    assert (pair.unshared_a, pair.unshared_b) == (3, 0)
    assert "beta against alpha: only shared episodes are compared; 3 of alpha and 0 of beta are left out." in compared.notes


def test_errors_count_as_failures_only_where_both_runs_say_so(tmp_path: Path) -> None:
    asked = {"options__errors_as_failures": True}
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): "sse"}, **asked)
    write_run(tmp_path / "b", "beta", {(GOAL, 0): "sss"}, **asked)
    compared = harness.compare(harness.load_runs(tmp_path))
    assert compared.run("alpha").suites[GOAL].rate == pytest.approx(2 / 3)
    pair = pair_of(compared, GOAL)
    assert (pair.n_b, pair.counts.both, pair.counts.only_b, pair.errors_left_out) == (3, 2, 1, 0)


def test_where_everything_ended_in_errors_nothing_is_compared(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): "ee"})
    write_run(tmp_path / "b", "beta", {(GOAL, 0): "sf"})
    compared = harness.compare(harness.load_runs(tmp_path))
    pair = pair_of(compared, GOAL)
    assert (pair.verdict, pair.test, pair.n_b, pair.p_value, pair.p_adjusted) == ("no_episodes", "none", 0, 1.0, 1.0)
    assert math.isnan(pair.difference)
    assert pair.words.startswith("nothing to compare")
    assert math.isnan(compared.run("alpha").mean.rate)


def test_a_suite_without_a_pair_leaves_no_mean_difference(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {(SPATIAL, 0): "sf", (GOAL, 0): "ee"})
    write_run(tmp_path / "b", "beta", {(SPATIAL, 0): "ss", (GOAL, 0): "sf"})
    compared = harness.compare(harness.load_runs(tmp_path))
    assert pair_of(compared, SPATIAL).verdict == "undecided"
    assert pair_of(compared, MEAN).verdict == "no_episodes"


def test_p_values_of_several_checkpoints_are_adjusted_together(tmp_path: Path) -> None:
    # Against ten failures: 10, 8 and 6 successes of 10 have p = 2 / 2^10, 2 / 2^8 and 2 / 2^6.
    for name, letters in {"0": "f" * 10, "1": "s" * 10, "2": "s" * 8 + "ff", "3": "s" * 6 + "ffff"}.items():
        write_run(tmp_path / name, f"p{name}", {(GOAL, 0): letters})
    compared = harness.compare(harness.load_runs(tmp_path))
    adjusted = {pair.b: pair.p_adjusted for pair in compared.pairs if pair.suite == MEAN}
    assert adjusted == pytest.approx({"p1": 3 * 2 / 2**10, "p2": 2 * 2 / 2**8, "p3": 2 / 2**6})


def test_the_best_run_can_be_the_baseline(tmp_path: Path) -> None:
    for name, letters in {"a": "ssff", "b": "sssf", "c": "sfff"}.items():
        write_run(tmp_path / name, name, {(GOAL, 0): letters})
    runs = harness.load_runs(tmp_path)
    assert harness.compare(runs, baseline="best").baseline == "b"
    assert harness.compare(runs, baseline=runs[2]).baseline == "c"
    assert harness.compare(runs, baseline=str(tmp_path / "c") + "/").baseline == "c"
    with pytest.raises(UsageError, match=r"baseline 'd' is none of the runs.*Known: a, b, best, c"):
        harness.compare(runs, baseline="d")


def test_a_run_cannot_be_compared_with_itself(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", ALPHA)
    (run,) = harness.load_runs(tmp_path / "a", tmp_path / "a")
    with pytest.raises(UsageError, match="more than once"):
        harness.compare([run, harness.Run(tmp_path / "a")])
    with pytest.raises(UsageError, match="no runs"):
        harness.compare([])


def test_runs_of_one_policy_are_told_apart_by_their_directories(tmp_path: Path) -> None:
    for place in ("monday/run", "tuesday/run"):
        write_run(tmp_path / place, "pi0", {(GOAL, 0): "s"})
    labels = [run.label for run in harness.compare(harness.load_runs(tmp_path)).runs]
    assert labels == ["pi0 (monday/run)", "pi0 (tuesday/run)"]


def test_one_run_has_rates_and_no_pairs(tmp_path: Path) -> None:
    compared = harness.compare(harness.load_runs(write_run(tmp_path / "a", "alpha", ALPHA)))
    assert (len(compared.runs), compared.pairs, len(compared.flips)) == (1, (), 0)


def test_a_run_in_which_nothing_has_ended_has_nothing_to_compare(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): ""}, episodes=5)
    write_run(tmp_path / "b", "beta", {(GOAL, 0): "sfsfs"}, episodes=5)
    compared = harness.compare(harness.load_runs(tmp_path))
    assert compared.pairs == ()
    assert compared.notes == ("alpha is not finished: 0 of 5 episodes.",)
    assert compared.episodes["label"].tolist() == ["beta"] * 5


def test_episodes_are_a_row_each_with_whether_they_count(compared) -> None:
    episodes = compared.episodes
    assert len(episodes) == 48
    assert episodes.groupby("label")["counted"].sum().to_dict() == {"alpha": 21, "beta": 24}
    assert isinstance(episodes, pd.DataFrame)
    assert list(episodes.columns[:3]) == ["label", "run", "key"]
