"""What may not matter to a comparison, and what must mirror itself."""

import dataclasses
import math
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_runs import info, records, write_records, write_run

import harness
from harness.comparison import Comparison, PairResult
from harness.store import RunStore

SUITES = ("libero_spatial", "libero_goal")
OUTCOMES = st.fixed_dictionaries(
    {(suite, task): st.text(alphabet="ssffe.", min_size=1, max_size=6) for suite in SUITES for task in (0, 1)}
)
FEW = settings(max_examples=12, deadline=None)


def numbers(pair: PairResult) -> list[object]:
    """What a pair says, in a form in which NaN equals NaN."""
    return [repr(value) for value in dataclasses.astuple(pair)]


def same(one: Comparison, other: Comparison) -> None:
    assert sorted(map(numbers, one.pairs)) == sorted(map(numbers, other.pairs))
    for frame in ("rates", "task_rates"):
        first, second = (getattr(which, frame)().astype(str).to_numpy().tolist() for which in (one, other))
        assert sorted(first) == sorted(second)
    assert sorted(one.flips["key"]) == sorted(other.flips["key"])


@FEW
@given(a=OUTCOMES, b=OUTCOMES, seed=st.integers(0, 1000))
def test_the_order_of_episodes_does_not_matter(a, b, seed) -> None:
    with tempfile.TemporaryDirectory() as folder:
        compared = []
        for place in ("in_order", "shuffled"):
            for name, outcomes in (("a", a), ("b", b)):
                episodes = records(outcomes)
                if place == "shuffled":
                    random.Random(seed).shuffle(episodes)
                write_records(Path(folder) / place / name, name, episodes, SUITES)
            compared.append(harness.compare(harness.load_runs(Path(folder) / place)))
        same(*compared)


@FEW
@given(outcomes=st.lists(OUTCOMES, min_size=3, max_size=3), order=st.permutations([0, 1, 2]))
def test_the_order_of_runs_does_not_matter(outcomes, order) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, of_run in enumerate(outcomes):
            write_run(Path(folder) / str(number), f"p{number}", of_run)
        runs = harness.load_runs(folder)
        permuted = [runs[place] for place in order]
        same(harness.compare(runs, baseline="p0"), harness.compare(permuted, baseline="p0"))


@FEW
@given(outcomes=OUTCOMES, other=OUTCOMES, share=st.floats(0, 1))
def test_a_run_in_two_halves_equals_the_run(outcomes, other, share) -> None:
    episodes = records(outcomes)
    cut = round(share * len(episodes))
    with tempfile.TemporaryDirectory() as folder:
        whole, resumed, joined = (Path(folder) / name / "a" for name in ("whole", "resumed", "joined"))
        write_records(whole, "a", episodes, SUITES)
        write_records(resumed, "a", episodes[:cut], SUITES)
        store = RunStore(resumed)
        for one in episodes[cut:]:
            store.append(one)
        store.close()
        parts = (episodes[:cut], episodes[cut:])
        halves = [write_records(Path(folder) / str(i), "a", part, SUITES) for i, part in enumerate(parts)]
        RunStore.create(joined, info("a", SUITES)).close()
        # The second half first: a file of lines has no order.
        (joined / "episodes.jsonl").write_bytes(b"".join((half / "episodes.jsonl").read_bytes() for half in halves[::-1]))
        b = harness.Run(write_run(Path(folder) / "b", "b", other))
        results = [harness.compare([harness.Run(one), b]) for one in (whole, resumed, joined)]
        same(results[0], results[1])
        same(results[0], results[2])
        counts = [harness.compare([harness.Run(half)]).runs[0].mean for half in halves]
        for name in ("episodes", "n", "successes", "failures", "errors"):
            assert sum(getattr(half, name) for half in counts) == getattr(results[0].runs[0].mean, name)


@FEW
@given(a=OUTCOMES, b=OUTCOMES)
def test_exchanging_the_runs_mirrors_the_comparison(a, b) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_run(Path(folder) / "a", "a", a)
        write_run(Path(folder) / "b", "b", b)
        runs = harness.load_runs(folder)
        forwards, backwards = (harness.compare(runs, baseline=name) for name in ("a", "b"))
    for one in forwards.pairs:
        other = next(pair for pair in backwards.pairs if pair.suite == one.suite)
        assert_mirrored(one, other)
    assert sorted(forwards.flips["key"]) == sorted(backwards.flips["key"])
    assert sorted(forwards.flips["winner"]) == sorted(backwards.flips["winner"])


def assert_mirrored(one: PairResult, other: PairResult) -> None:
    opposite = {"better": "worse", "worse": "better"}
    assert (one.n_a, one.n_b, one.method, one.test) == (other.n_b, other.n_a, other.method, other.test)
    assert (one.rate_a, one.rate_b) == pytest.approx((other.rate_b, other.rate_a), nan_ok=True)
    assert one.difference == pytest.approx(-other.difference, nan_ok=True)
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]), nan_ok=True, abs=1e-8)
    assert (one.p_value, one.p_adjusted) == pytest.approx((other.p_value, other.p_adjusted))
    assert one.verdict == opposite.get(other.verdict, other.verdict)
    assert one.detectable == pytest.approx(other.detectable, nan_ok=True, abs=1e-5)
    assert (one.unshared_a, one.unshared_b) == (other.unshared_b, other.unshared_a)
    if one.bootstrap_interval is not None:
        assert other.bootstrap_interval is not None
        low, high = other.bootstrap_interval
        assert one.bootstrap_interval == pytest.approx((-high, -low), abs=1e-9)
    if one.counts is not None:
        assert other.counts is not None
        assert (one.counts.only_a, one.counts.only_b) == (other.counts.only_b, other.counts.only_a)
    assert math.isnan(one.difference) == (one.verdict == "no_episodes")
