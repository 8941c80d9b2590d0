import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.betting import log_capital, lower_limit
from harness.statistics.sequential import PairedTest, RateTest
from scripts.simulate_sequential import first_decision

outcome_lists = st.lists(st.booleans(), min_size=1, max_size=80)
pair_lists = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80)


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_the_mean_capital_stays_1_where_the_rate_is_the_one_tested(rate: float) -> None:
    n = 40
    wins = np.arange(n + 1)
    chance = np.array([math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in wins])
    assert chance @ np.exp(log_capital(n - wins, 0 * wins, wins, rate)) == pytest.approx(1.0)
    assert chance @ np.exp(log_capital(n - wins, 0 * wins, wins, rate + 0.02)) < 1


def test_the_mean_capital_stays_1_on_pairs_that_favour_neither_run() -> None:
    score_chances = {0: 0.2, 0.5: 0.6, 1: 0.2}
    mean = 0.0
    for scores in itertools.product(score_chances, repeat=6):
        capital = math.exp(float(log_capital(scores.count(0), scores.count(0.5), scores.count(1), 0.5)))
        mean += math.prod(score_chances[score] for score in scores) * capital
    assert mean == pytest.approx(1.0)


@pytest.mark.parametrize("rates", [(1.0, 0.8, 0.3), (0.99, 0.0, 0.51)])
def test_a_round_of_unequal_tasks_multiplies_the_mean_capital_by_at_most_1(rates: tuple[float, ...]) -> None:
    mean_rate = sum(rates) / len(rates)
    for up in (True, False):
        mean = 0.0
        for outcomes in itertools.product((0, 1), repeat=len(rates)):
            chance = math.prod(p if won else 1 - p for p, won in zip(rates, outcomes, strict=True))
            wins, losses = outcomes.count(1), outcomes.count(0)
            counts = (losses, 0, wins, mean_rate) if up else (wins, 0, losses, 1 - mean_rate)
            mean += chance * math.exp(float(log_capital(*counts)))
        assert mean <= 1


def test_capital_is_the_product_of_the_bets() -> None:
    # Sixteen stakes exp(h) - 1, h from 0.1 to 2 in equal ratios, each with a sixteenth of the capital.
    stakes = [math.exp(0.1 * 20 ** (i / 15)) - 1 for i in range(16)]
    scores, mean = [1, 0.5, 0, 1, 1], 0.6
    expected = sum(math.prod((1 + r * x) / (1 + r * mean) for x in scores) for r in stakes) / 16
    assert math.exp(float(log_capital(1, 1, 3, mean))) == pytest.approx(expected)


@given(losses=st.integers(0, 200), ties=st.integers(0, 200), wins=st.integers(0, 200))
@settings(deadline=None, max_examples=50)
def test_the_capital_falls_with_the_mean_and_the_limit_is_where_it_meets_the_threshold(
    losses: int, ties: int, wins: int
) -> None:
    capitals = log_capital(losses, ties, wins, np.linspace(0, 1, 30))
    assert (np.diff(capitals) <= 1e-12).all()
    limit = lower_limit(losses, ties, wins, 40)
    assert float(log_capital(losses, ties, wins, limit + 1e-6)) < math.log(40)
    assert limit == 0 or float(log_capital(losses, ties, wins, limit)) >= math.log(40)


@given(outcomes=outcome_lists, rate=st.floats(0.05, 0.95), data=st.data())
@settings(deadline=None, max_examples=50)
def test_the_interval_encloses_the_rate_and_does_not_depend_on_the_order(
    outcomes: list[bool], rate: float, data: st.DataObject
) -> None:
    test, shuffled = RateTest(rate), RateTest(rate)
    test.update(outcomes)
    for outcome in data.draw(st.permutations(outcomes)):
        shuffled.update(outcome)
    low, high = test.interval
    assert 0 <= low <= test.estimate <= high <= 1
    assert test.estimate == sum(outcomes) / len(outcomes)
    assert (shuffled.n, shuffled.interval, shuffled.e_value) == (test.n, test.interval, test.e_value)


@given(outcomes=outcome_lists, rate=st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=50)
def test_a_look_decides_just_when_the_rate_is_outside_the_interval(outcomes: list[bool], rate: float) -> None:
    test = RateTest(rate)
    test.update(outcomes)
    low, high = test.interval
    expected = "better" if low > rate - 1e-9 else "worse" if high < rate + 1e-9 else None
    assert test.decided == expected
    assert (test.e_value >= 20 * (1 - 1e-9)) == (expected is not None)


@given(outcomes=outcome_lists, rate=st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=50)
def test_counting_failures_instead_mirrors_the_test_of_a_rate(outcomes: list[bool], rate: float) -> None:
    test, mirrored = RateTest(rate), RateTest(1 - rate)
    test.update(outcomes)
    mirrored.update([not outcome for outcome in outcomes])
    assert mirrored.e_value == pytest.approx(test.e_value)
    assert (1 - mirrored.interval[1], 1 - mirrored.interval[0]) == pytest.approx(test.interval, abs=1e-8)


@given(pairs=pair_lists)
@settings(deadline=None, max_examples=50)
def test_exchanging_the_runs_mirrors_the_paired_test(pairs: list[tuple[bool, bool]]) -> None:
    this, other = zip(*pairs, strict=True)
    test, mirrored = PairedTest(), PairedTest()
    test.update(this, other)
    mirrored.update(other, this)
    low, high = test.interval
    assert -1 <= low <= test.estimate <= high <= 1
    assert (-mirrored.interval[1], -mirrored.interval[0]) == pytest.approx((low, high), abs=1e-12)
    assert (mirrored.estimate, mirrored.e_value) == (-test.estimate, test.e_value)
    assert mirrored.decided == {"better": "worse", "worse": "better", None: None}[test.decided]


@given(pairs=pair_lists, alike=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_episodes_that_end_alike_change_the_interval_but_not_the_evidence(
    pairs: list[tuple[bool, bool]], alike: int
) -> None:
    this, other = zip(*pairs, strict=True)
    test, longer = PairedTest(), PairedTest()
    test.update(this, other)
    longer.update([*this, *[True] * alike], [*other, *[True] * alike])
    assert longer.e_value == pytest.approx(test.e_value)
    assert longer.decided == test.decided
    assert longer.n == test.n + alike


def test_a_decision_stays_even_when_later_episodes_weaken_or_oppose_it() -> None:
    test = RateTest(0.5)
    for _ in range(12):
        test.update(True)
    assert test.decided == "better"
    test.update([False] * 12)
    assert test.decided == "better"
    assert test.e_value < 20
    test.update([False] * 100)
    assert test.decided == "better"
    assert test.e_value > 20


def test_a_clear_gap_is_decided_early_and_in_the_right_direction() -> None:
    rng = np.random.default_rng(0)
    for rate, expected in ((0.7, "worse"), (0.99, "better")):
        test = RateTest(0.9)
        while test.decided is None and test.n < 500:
            test.update(rng.random(10) < rate)
        assert test.decided == expected
        assert test.n < 250
    paired = PairedTest()
    while paired.decided is None and paired.n < 500:
        paired.update(rng.random(10) < 0.9, rng.random(10) < 0.6)
    assert paired.decided == "better"
    assert paired.interval[0] > 0


@pytest.mark.parametrize(("rate", "discordance"), [(0.5, None), (0.9, None), (None, 0.1), (None, 0.4)])
def test_false_positives_stay_below_alpha_with_a_look_after_every_episode(
    rate: float | None, discordance: float | None
) -> None:
    runs, n = 2_000, 300
    draw = np.random.default_rng(7).random((runs, n))
    if rate is not None:
        wins, losses, mean = (draw < rate).cumsum(1), (draw >= rate).cumsum(1), rate
    else:
        share = discordance or 0.0
        wins, losses, mean = (draw < share / 2).cumsum(1), (draw > 1 - share / 2).cumsum(1), 0.5
    nothing = np.zeros_like(wins)
    better = log_capital(losses, nothing, wins, mean) >= math.log(40)
    worse = log_capital(wins, nothing, losses, 1 - mean) >= math.log(40)
    assert (better | worse).any(axis=1).mean() <= 0.05
    assert better.any(axis=1).mean() <= 0.025 + 3 * math.sqrt(0.025 / runs)


def test_rounds_keep_the_error_where_one_task_after_the_other_would_not() -> None:
    rng = np.random.default_rng(3)
    rates = np.array([1.0, 1.0, 0.9, 0.5, 0.1])

    def ever_decided(order: np.ndarray, block: int) -> bool:
        test = RateTest(0.7)
        for outcomes in (rng.random(len(order)) < order).reshape(-1, block):
            test.update(outcomes)
        return test.decided is not None

    assert np.mean([ever_decided(np.tile(rates, 40), 5) for _ in range(150)]) <= 0.05
    assert np.mean([ever_decided(np.repeat(rates, 40), 5) for _ in range(20)]) > 0.9


def test_the_simulations_decide_when_the_tests_do() -> None:
    rng = np.random.default_rng(5)
    outcomes = rng.random((20, 150)) < 0.8
    wins = outcomes.cumsum(axis=1)
    episodes, better = first_decision(wins, np.arange(1, 151) - wins, 0.9, looks=3)
    for run, expected, is_better in zip(outcomes, episodes, better, strict=True):
        test = RateTest(0.9)
        for block in run.reshape(-1, 3):
            test.update(block)
            if test.decided:
                break
        assert (test.n if test.decided else 0) == expected
        assert (test.decided == "better") == is_better


def test_before_the_first_episode_nothing_is_known() -> None:
    rate, paired = RateTest(0.9), PairedTest()
    assert (rate.n, rate.decided, rate.interval, paired.interval) == (0, None, (0.0, 1.0), (-1.0, 1.0))
    assert (rate.e_value, paired.e_value) == (0.5, 0.5)
    assert math.isnan(rate.estimate)
    assert math.isnan(paired.estimate)


def test_evidence_beyond_floating_point_is_finite() -> None:
    test = RateTest(0.1)
    test.update(np.ones(5000))
    assert math.isfinite(test.e_value)
    assert test.interval[1] == 1


@pytest.mark.parametrize("rate", [0.0, 1.0, 90])
def test_a_rate_that_one_episode_refutes_is_refused(rate: float) -> None:
    with pytest.raises(HarnessError, match="between 0 and 1"):
        RateTest(rate)


def test_what_is_no_outcome_is_refused_and_changes_nothing() -> None:
    test, paired = RateTest(0.9), PairedTest()
    with pytest.raises(HarnessError, match="ended in an error"):
        test.update([1, float("nan")])
    with pytest.raises(HarnessError, match="pairs need"):
        paired.update([1, 0], [1])
    assert (test.n, paired.n) == (0, 0)
    with pytest.raises(HarnessError, match="alpha"):
        PairedTest(alpha=1)
