import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.discordant import mcnemar, tango
from harness.statistics.paired import PairedCounts, compare_paired, paired_counts

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50)


def outcomes(counts: PairedCounts) -> tuple[list[bool], list[bool]]:
    cells = [((True, True), counts.both), ((True, False), counts.only_a)]
    cells += [((False, True), counts.only_b), ((False, False), counts.neither)]
    rows = [cell for cell, times in cells for _ in range(times)]
    return [a for a, _ in rows], [b for _, b in rows]


def test_shared_episodes_are_counted_by_how_they_ended() -> None:
    assert paired_counts([1, 1, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0]) == PairedCounts(both=1, only_a=2, only_b=1, neither=2)


def test_a_published_example_from_outcomes_to_the_answer() -> None:
    # Complete response before (A) and after (B): Fagerland, Lydersen and Laake, BMC Med. Res. Methodol. 13 (2013), 91.
    counts = PairedCounts(both=59, only_a=6, only_b=16, neither=80)
    found = compare_paired(*outcomes(counts))
    assert found.counts == counts
    assert (found.rate_a, found.rate_b) == pytest.approx((65 / 161, 75 / 161))
    assert found.difference == pytest.approx(0.0621, abs=5e-5)
    assert found.interval == pytest.approx((0.0054, 0.1240), abs=5e-5)
    assert found.bootstrap_interval == pytest.approx((0.0058, 0.1184), abs=0.01)  # near Wald's, without correction
    assert found.p_value == pytest.approx(0.0525, abs=5e-5)


@settings(deadline=None, max_examples=40)
@given(pairs=pairs, data=st.data())
def test_exchanging_the_runs_mirrors_everything_and_the_order_of_episodes_does_not_matter(
    pairs: list[tuple[bool, bool]], data: st.DataObject
) -> None:
    labels = st.lists(st.sampled_from("xy"), min_size=len(pairs), max_size=len(pairs))
    tasks, suites = data.draw(labels), data.draw(labels)
    a, b = zip(*pairs, strict=True)
    one = compare_paired(a, b, tasks, suites=suites, resamples=100)
    other = compare_paired(b, a, tasks, suites=suites, resamples=100)
    assert other.difference == pytest.approx(-one.difference, abs=1e-12)
    for name in ("interval", "bootstrap_interval"):
        low, high = getattr(other, name)
        assert (-high, -low) == pytest.approx(getattr(one, name), abs=1e-12)
    assert one.interval[0] - 1e-9 <= one.difference <= one.interval[1] + 1e-9
    assert one.difference == pytest.approx(one.rate_b - one.rate_a, abs=1e-12)
    assert other.p_value == one.p_value
    order = data.draw(st.permutations(range(len(pairs))))
    shuffled = compare_paired(
        [a[i] for i in order], [b[i] for i in order], [tasks[i] for i in order],
        suites=[suites[i] for i in order], resamples=100,
    )  # fmt: skip
    assert shuffled.p_value == one.p_value
    assert shuffled.interval == pytest.approx(one.interval, abs=1e-12)
    assert shuffled.bootstrap_interval == pytest.approx(one.bootstrap_interval, abs=1e-12)


def test_several_suites_are_compared_by_the_mean_of_their_differences() -> None:
    small, large = PairedCounts(5, 1, 4, 0), PairedCounts(70, 5, 15, 10)
    (a1, b1), (a2, b2) = outcomes(small), outcomes(large)
    found = compare_paired(a1 + a2, b1 + b2, suites=["small"] * 10 + ["large"] * 100)
    assert found.difference == pytest.approx((0.3 + 0.1) / 2)
    assert (found.rate_a, found.rate_b) == pytest.approx(((0.6 + 0.75) / 2, (0.9 + 0.85) / 2))
    reach = math.hypot(0.3 - tango(1, 4, 10)[0], 0.1 - tango(5, 15, 100)[0]) / 2
    assert found.interval[0] == pytest.approx(0.2 - reach)


def test_suites_of_the_same_size_have_the_p_value_of_mcnemars_test() -> None:
    (a1, b1), (a2, b2) = outcomes(PairedCounts(5, 1, 4, 0)), outcomes(PairedCounts(7, 0, 3, 0))
    assert compare_paired(a1 + a2, b1 + b2, suites=[0] * 10 + [1] * 10).p_value == mcnemar(1, 7)


def test_runs_that_share_nothing_have_no_difference() -> None:
    found = compare_paired([], [])
    assert math.isnan(found.difference)
    assert (found.interval, found.bootstrap_interval, found.p_value) == ((-1.0, 1.0), (-1.0, 1.0), 1.0)


def test_equal_runs_differ_by_nothing_but_are_not_proved_equal() -> None:
    outcome = np.arange(500) % 20 > 0
    found = compare_paired(outcome, outcome)
    assert (found.difference, found.p_value, found.bootstrap_interval) == (0.0, 1.0, (0.0, 0.0))
    assert found.interval[1] > 0.005


def test_outcomes_that_do_not_pair_or_are_none_are_refused() -> None:
    with pytest.raises(HarnessError, match="2 outcomes of run A and 3 of run B"):
        compare_paired([1, 0], [1, 0, 1])
    with pytest.raises(HarnessError, match="run B: outcomes must be"):
        compare_paired([1, 0], [1, float("nan")])
