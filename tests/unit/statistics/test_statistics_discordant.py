import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.discordant import mcnemar, tango

few = st.integers(0, 60)


@pytest.mark.parametrize(
    ("only_a", "only_b", "exact", "mid_p"),
    # Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13 (2013), 91: airway hyper-responsiveness before and
    # after stem cell transplantation; complete response before and after consolidation therapy.
    [(1, 7, 0.0703, 0.0391), (6, 16, 0.0525, 0.0347)],
)
def test_mcnemar_agrees_with_published_examples(only_a: int, only_b: int, exact: float, mid_p: float) -> None:
    assert mcnemar(only_a, only_b) == pytest.approx(exact, abs=5e-5)
    assert mcnemar(only_a, only_b, mid_p=True) == pytest.approx(mid_p, abs=5e-5)


@settings(deadline=None)
@given(only_a=few, only_b=few)
def test_mcnemar_is_twice_the_binomial_tail(only_a: int, only_b: int) -> None:
    n, smaller = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(n, k) for k in range(smaller + 1)) / 2**n
    assert mcnemar(only_a, only_b) == pytest.approx(min(1.0, 2 * tail))


@settings(deadline=None)
@given(only_a=few, only_b=few)
def test_mid_p_counts_the_observed_result_half_on_each_side(only_a: int, only_b: int) -> None:
    n, smaller = only_a + only_b, min(only_a, only_b)
    below, here = sum(math.comb(n, k) for k in range(smaller)) / 2**n, math.comb(n, smaller) / 2**n
    expected = 1.0 if n == 0 else 1 - here / 2 if only_a == only_b else 2 * (below + here / 2)
    assert mcnemar(only_a, only_b, mid_p=True) == pytest.approx(expected)


@settings(deadline=None)
@given(only_a=few, only_b=few, mid_p=st.booleans())
def test_mcnemar_does_not_care_which_run_is_named_first(only_a: int, only_b: int, mid_p: bool) -> None:
    p = mcnemar(only_a, only_b, mid_p=mid_p)
    assert 0 <= p <= 1
    assert p == pytest.approx(mcnemar(only_b, only_a, mid_p=mid_p), abs=1e-12)


@pytest.mark.parametrize(
    ("only_a", "only_b", "n", "low", "high"),
    # Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014), 2850-2875: the examples above.
    [(7, 1, 21, -0.517, -0.026), (16, 6, 161, -0.124, -0.0054)],
)
def test_tango_agrees_with_published_examples(only_a: int, only_b: int, n: int, low: float, high: float) -> None:
    assert tango(only_a, only_b, n) == pytest.approx((low, high), abs=5e-4)


@settings(deadline=None)
@given(n=st.integers(1, 5000))
def test_without_discordant_episodes_tango_has_a_closed_form(n: int) -> None:
    # Then |d| sqrt(n) = z sqrt(|d| (1 - |d|)).
    z = 1.959963984540054
    limit = z**2 / (n + z**2)
    assert tango(0, 0, n) == pytest.approx((-limit, limit), abs=1e-7)


@settings(deadline=None)
@given(n=st.integers(1, 5000))
def test_with_all_episodes_discordant_one_way_tango_has_a_closed_form(n: int) -> None:
    z = 1.959963984540054
    assert tango(0, n, n) == pytest.approx(((n - z**2) / (n + z**2), 1.0), abs=1e-7)


@settings(deadline=None)
@given(only_a=few, only_b=few, rest=st.integers(0, 500), confidence=st.floats(0.5, 0.999))
def test_tango_encloses_the_difference_and_mirrors(only_a: int, only_b: int, rest: int, confidence: float) -> None:
    n = only_a + only_b + rest
    low, high = tango(only_a, only_b, n, confidence)
    assert -1 <= low <= high <= 1
    if n:
        assert low - 1e-9 <= (only_b - only_a) / n <= high + 1e-9
    mirrored_low, mirrored_high = tango(only_b, only_a, n, confidence)
    assert (-mirrored_high, -mirrored_low) == (low, high)


@settings(deadline=None, max_examples=50)
@given(only_a=few, only_b=few, rest=st.integers(1, 500))
def test_tango_leaves_0_out_where_the_asymptotic_mcnemar_test_rejects(only_a: int, only_b: int, rest: int) -> None:
    low, high = tango(only_a, only_b, only_a + only_b + rest)
    rejected = abs(only_b - only_a) > 1.959963984540054 * math.sqrt(only_a + only_b)
    assert rejected == (not low <= 0 <= high)


def test_tango_covers_the_difference_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(100, [0.08, 0.03, 0.89], size=600)
    limits = [tango(int(only_a), int(only_b), 100) for only_b, only_a, _ in drawn]
    assert np.mean([low <= 0.05 <= high for low, high in limits]) == pytest.approx(0.95, abs=0.025)


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(HarnessError, match="0 or more"):
        mcnemar(-1, 3)
    with pytest.raises(HarnessError, match="at most n"):
        tango(3, 4, 6)
    with pytest.raises(HarnessError, match="between 0 and 1"):
        tango(1, 1, 6, 95)


def test_without_episodes_every_difference_is_possible() -> None:
    assert tango(0, 0, 0) == (-1.0, 1.0)
