import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.discordant import mcnemar
from harness.statistics.resampling import mean_difference, sign_flip, stratified_bootstrap

difference_lists = st.lists(st.sampled_from([-1, 0, 0, 1]), min_size=2, max_size=60)


def test_without_suites_every_episode_weighs_the_same_and_with_them_every_suite() -> None:
    differences, suites = [1, 0, 0, 0, -1], ["x", "x", "x", "x", "y"]
    assert mean_difference(differences) == 0.0
    assert mean_difference(differences, suites) == (0.25 - 1) / 2


def test_tasks_are_fixed_so_that_differences_between_them_add_no_width() -> None:
    differences, tasks = [1] * 20 + [-1] * 20, [0] * 20 + [1] * 20
    assert stratified_bootstrap(differences, tasks) == pytest.approx((0.0, 0.0), abs=1e-12)
    low, high = stratified_bootstrap(differences)
    assert high - low > 0.5


def test_the_bootstraps_width_is_that_of_the_unbiased_variance_even_with_two_episodes_a_task() -> None:
    # 200 tasks of two episodes, one +1 and one 0: the variance within each task is 1/2, of a task's mean 1/4, of all 1/800.
    differences, tasks = [1, 0] * 200, np.repeat(np.arange(200), 2)
    low, high = stratified_bootstrap(differences, tasks, resamples=20_000)
    assert (low, high) == pytest.approx((0.5 - 1.96 / math.sqrt(800), 0.5 + 1.96 / math.sqrt(800)), abs=0.005)


def test_tasks_with_a_single_episode_are_drawn_from_together() -> None:
    differences = [1, -1, 0, 0, 1, -1, 0, 0]
    together = stratified_bootstrap(differences)
    assert stratified_bootstrap(differences, range(8)) == together
    assert together[1] - together[0] > 0.5


def test_a_lone_single_episode_joins_the_largest_task_of_its_suite() -> None:
    differences, tasks = [1, -1, 0, 1, -1], [0, 0, 0, 1, 2]
    assert stratified_bootstrap(differences, tasks) == stratified_bootstrap(differences, [0, 0, 0, 1, 1])
    assert stratified_bootstrap([*differences, 0], [0, 0, 0, 1, 1, 2]) == stratified_bootstrap(
        [*differences, 0], [0, 0, 0, 1, 1, 0]
    )


def test_suites_weigh_the_same_in_the_bootstrap() -> None:
    differences = [1] * 98 + [0, 0]
    suites = [0] * 98 + [1] * 2
    assert stratified_bootstrap(differences, suites, suites=suites) == pytest.approx((0.5, 0.5))


@given(differences=difference_lists, seed=st.integers(0, 5), data=st.data())
@settings(deadline=None, max_examples=50)
def test_exchanging_the_runs_mirrors_the_bootstrap_and_the_order_of_episodes_does_not_matter(
    differences: list[int], seed: int, data: st.DataObject
) -> None:
    tasks = data.draw(st.lists(st.sampled_from("abc"), min_size=len(differences), max_size=len(differences)))
    low, high = stratified_bootstrap(differences, tasks, resamples=300, seed=seed)
    mirrored_low, mirrored_high = stratified_bootstrap([-d for d in differences], tasks, resamples=300, seed=seed)
    assert (-mirrored_high, -mirrored_low) == pytest.approx((low, high), abs=1e-12)
    order = data.draw(st.permutations(range(len(differences))))
    shuffled = stratified_bootstrap([differences[i] for i in order], [tasks[i] for i in order], resamples=300, seed=seed)
    assert shuffled == pytest.approx((low, high), abs=1e-12)
    assert -1 <= low <= high <= 1


def test_the_bootstrap_covers_the_difference_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    tasks = np.repeat(np.arange(10), 20)
    favours = np.linspace(0.02, 0.2, 10)[tasks]
    against = 0.05
    truth = favours.mean() - against
    covered = []
    for repeat in range(300):
        draw = rng.random(200)
        differences = (draw < favours).astype(int) - (draw > 1 - against)
        low, high = stratified_bootstrap(differences, tasks, resamples=600, seed=repeat)
        covered.append(low <= truth <= high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.035)


@pytest.mark.parametrize("differences", [[], [1]])
def test_with_fewer_than_two_episodes_the_bootstrap_says_nothing(differences: list[int]) -> None:
    assert stratified_bootstrap(differences) == (-1.0, 1.0)
    assert stratified_bootstrap([0, 0, 1], suites=["x", "x", "y"]) == (-1.0, 1.0)


def _all_flips(differences: list[int], weights: list[float]) -> float:
    """The permutation p-value by going through every exchange of A and B."""
    observed = abs(sum(w * d for w, d in zip(weights, differences, strict=True)))
    flips = itertools.product((-1, 1), repeat=len(differences))
    sums = [abs(sum(s * w * d for s, w, d in zip(signs, weights, differences, strict=True))) for signs in flips]
    return sum(value >= observed - 1e-12 for value in sums) / len(sums)


@given(differences=st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=9))
@settings(deadline=None, max_examples=50)
def test_with_equal_weights_exchanging_the_runs_is_mcnemars_test(differences: list[int]) -> None:
    expected = _all_flips(differences, [1.0] * len(differences))
    assert sign_flip(differences) == pytest.approx(expected)
    assert mcnemar(differences.count(-1), differences.count(1)) == pytest.approx(expected)


def test_with_suites_of_different_sizes_it_is_the_permutation_test_of_the_mean_over_suites() -> None:
    differences, suites = [1, 1, 0, 1, 1, -1, 1, 1], [0, 0, 0, 0, 0, 0, 1, 1]
    exact = _all_flips(differences, [1 / 12] * 6 + [1 / 4] * 2)
    assert sign_flip(differences, suites) == pytest.approx(exact, abs=0.005)


@given(differences=difference_lists, data=st.data())
@settings(deadline=None, max_examples=30)
def test_the_permutation_p_value_does_not_care_which_run_is_named_first(differences: list[int], data: st.DataObject) -> None:
    suites = data.draw(st.lists(st.sampled_from("xy"), min_size=len(differences), max_size=len(differences)))
    p = sign_flip(differences, suites, resamples=200)
    assert 0 < p <= 1
    assert p == sign_flip([-d for d in differences], suites, resamples=200)


def test_what_is_no_list_of_differences_or_labels_is_refused() -> None:
    with pytest.raises(HarnessError, match="-1, 0 and 1"):
        stratified_bootstrap([0.5, 1])
    with pytest.raises(HarnessError, match="needs one label"):
        stratified_bootstrap([0, 1], ["x"])
    with pytest.raises(HarnessError, match="at least 2"):
        stratified_bootstrap([0, 1], resamples=1)
    with pytest.raises(HarnessError, match="at least 1"):
        sign_flip([0, 1], resamples=0)
