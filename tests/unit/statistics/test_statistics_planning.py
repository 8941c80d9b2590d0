import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.discordant import mcnemar
from harness.statistics.planning import PairedDesign, UnpairedDesign
from harness.statistics.unpaired import score_test


def test_unpaired_plans_agree_with_rs_power_prop_test() -> None:
    # The examples of R's documentation of power.prop.test.
    assert UnpairedDesign(0.5).power(0.25, 50) == pytest.approx(0.740, abs=5e-4)
    assert UnpairedDesign(0.5).episodes(0.25, power=0.9) == 77  # 76.7
    assert 0.5 + UnpairedDesign(0.5).detectable(50, power=0.9) == pytest.approx(0.8026, abs=5e-5)
    assert UnpairedDesign(0.5, alpha=0.00131).power(0.4, 50) == pytest.approx(0.9, abs=5e-4)


@pytest.mark.parametrize(("baseline", "detect", "n"), [(0.6, 0.1, 356), (0.85, 0.05, 686)])
def test_unpaired_plans_agree_with_textbook_numbers(baseline: float, detect: float, n: int) -> None:
    # (1.96 sqrt(2 p q) + 0.8416 sqrt(p1 q1 + p2 q2))^2 / (p1 - p2)^2, rounded up.
    assert UnpairedDesign(baseline).episodes(detect) == n


@pytest.mark.parametrize(("baseline", "detect"), [(0.9, 0.03), (0.9, -0.05), (0.7, 0.1)])
def test_the_planned_power_is_that_of_simulated_unpaired_runs(baseline: float, detect: float) -> None:
    n = UnpairedDesign(baseline).episodes(detect)
    rng = np.random.default_rng(0)
    a, b = rng.binomial(n, baseline, size=3000), rng.binomial(n, baseline + detect, size=3000)
    found = [score_test((int(x), n), (int(y), n)) <= 0.05 for x, y in zip(a, b, strict=True)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.025)


@pytest.mark.parametrize("correlation", [0.0, 0.4])
def test_the_planned_power_is_that_of_simulated_paired_runs(correlation: float) -> None:
    design = PairedDesign(0.8, correlation)
    n = design.episodes(0.08)
    a, b = 0.8, 0.88
    both = a * b + correlation * math.sqrt(a * (1 - a) * b * (1 - b))
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(n, [both, a - both, b - both, 1 - a - b + both], size=3000)
    found = [mcnemar(int(only_a), int(only_b)) <= 0.05 for _, only_a, only_b, _ in drawn]
    assert np.mean(found) == pytest.approx(0.8, abs=0.025)


@pytest.mark.parametrize(("discordance", "detect", "n"), [(0.5, 0.4, 14), (0.3, -0.1, 20), (0.2, 0.2, 12)])
def test_paired_power_is_the_chance_of_all_results_that_mcnemar_rejects(discordance: float, detect: float, n: int) -> None:
    b, a = (discordance + detect) / 2, (discordance - detect) / 2
    power = math.fsum(
        math.comb(n, k) * math.comb(n - k, j) * b**k * a**j * (1 - discordance) ** (n - k - j)
        for k in range(n + 1)
        for j in range(n - k + 1)
        if mcnemar(j, k) <= 0.05
    )
    assert PairedDesign(0.5, discordance=discordance).power(detect, n) == pytest.approx(power, abs=1e-8)


@pytest.mark.parametrize(("discordance", "detect"), [(0.156, 0.03), (0.3, 0.05)])
def test_paired_plans_are_near_connors_formula(discordance: float, detect: float) -> None:
    # R. J. Connor, Biometrics 43 (1987), 207-211; the exact test needs a little more.
    connor = ((1.959964 * math.sqrt(discordance) + 0.841621 * math.sqrt(discordance - detect**2)) / detect) ** 2
    assert connor < PairedDesign(0.8, discordance=discordance).episodes(detect) < 1.06 * connor


@settings(max_examples=25, deadline=None)
@given(baseline=st.floats(0.3, 0.9), detect=st.floats(0.03, 0.09), paired=st.booleans(), power=st.floats(0.5, 0.95))
def test_planned_episodes_have_the_power_and_one_less_has_not(
    baseline: float, detect: float, paired: bool, power: float
) -> None:
    design = PairedDesign(baseline) if paired else UnpairedDesign(baseline)
    n = design.episodes(detect, power)
    assert design.power(detect, n) >= power
    assert design.power(detect, n - 1) < power


@settings(max_examples=25, deadline=None)
@given(baseline=st.floats(0.1, 0.95), n=st.integers(20, 3000), paired=st.booleans(), worse=st.booleans())
def test_the_smallest_difference_has_the_power_and_a_smaller_one_has_not(
    baseline: float, n: int, paired: bool, worse: bool
) -> None:
    design = PairedDesign(baseline, 0.3) if paired else UnpairedDesign(baseline)
    size = design.detectable(n, worse=worse)
    sign = -1 if worse else 1
    if math.isnan(size):
        assert design.power(sign * (baseline if worse else 1 - baseline), n) < 0.8
    else:
        assert design.power(sign * size, n) >= 0.8 - 1e-9
        assert design.power(sign * (size - 1e-4), n) < 0.8


def test_a_run_that_solves_everything_is_found_by_the_reference_runs_failures_alone() -> None:
    # Every discordant episode favours B; McNemar's test needs 6 of them, each with the chance that A fails.
    design, n = PairedDesign(0.8909137330773603), 60
    failing = 1 - design.baseline
    expected = math.fsum(math.comb(n, k) * failing**k * design.baseline ** (n - k) for k in range(6, n + 1))
    assert design.power(failing, n) == pytest.approx(expected, abs=1e-8)


def test_discordance_follows_from_the_correlation_as_far_as_the_rates_allow() -> None:
    assert PairedDesign(0.9).discordant(0.03) == pytest.approx(0.9 * 0.07 + 0.1 * 0.93)
    assert PairedDesign(0.5, 0.6).discordant(0.0 + 1e-12) == pytest.approx(0.2)
    assert PairedDesign(0.9, 1.0).discordant(-0.4) == pytest.approx(0.4)  # at least the difference
    assert PairedDesign(0.9, -1.0).discordant(0.05) == pytest.approx(0.15)  # at most both runs' failures


def test_correlated_outcomes_need_fewer_episodes_and_none_about_as_many_as_unpaired_runs() -> None:
    needed = [PairedDesign(0.9, correlation).episodes(0.03) for correlation in (0.0, 0.25, 0.5)]
    assert needed == sorted(needed, reverse=True)
    assert needed[0] == pytest.approx(UnpairedDesign(0.9).episodes(0.03), rel=0.06)
    assert needed[2] < 0.6 * needed[0]


def test_a_measured_discordance_is_used_and_fitted_to_the_difference() -> None:
    design = PairedDesign(0.9, discordance=0.1)
    size = design.detectable(500)
    assert design.power(size, 500) == pytest.approx(0.8, abs=1e-3)
    assert PairedDesign(0.9, discordance=0.001).detectable(500) == pytest.approx(PairedDesign(0.9, 1.0).detectable(500))


def test_too_few_episodes_find_nothing() -> None:
    assert math.isnan(UnpairedDesign(0.98).detectable(20))
    assert math.isnan(PairedDesign(0.98).detectable(20))
    assert PairedDesign(0.5).power(0.3, 1) == 0


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (lambda: UnpairedDesign(1.0), "baseline"),
        (lambda: UnpairedDesign(0.9, alpha=5), "alpha"),
        (lambda: UnpairedDesign(0.9).episodes(0.2), "-0.9 to 0.1 is possible"),
        (lambda: UnpairedDesign(0.9).episodes(0.0), "must not be 0"),
        (lambda: UnpairedDesign(0.9).episodes(0.05, power=80), "power 80"),
        (lambda: UnpairedDesign(0.9).detectable(0), "0 episodes"),
        (lambda: PairedDesign(0.9, 2.0), "correlation 2.0"),
        (lambda: PairedDesign(0.9, discordance=0.0), "discordance 0.0"),
        (lambda: PairedDesign(0.9, discordance=0.02).episodes(0.05), "allow 0.05 to 0.15"),
        (lambda: PairedDesign(0.9).detectable(0), "0 episodes"),
    ],
)
def test_what_cannot_be_planned_is_refused(refused, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        refused()
