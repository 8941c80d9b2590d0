import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.multiplicity import holm

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        # The four hypotheses of the usual worked example: 4 x 0.005, 3 x 0.01, 2 x 0.03, then raised to that.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.2], [0.2]),
        ([0.6, 0.7], [1.0, 1.0]),
        ([], []),
    ],
)
def test_holms_steps_by_hand(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(p_values) == pytest.approx(adjusted)


@settings(deadline=None)
@given(p_values=p_lists)
def test_adjusted_values_lie_between_the_raw_ones_and_bonferronis(p_values: list[float]) -> None:
    raw, adjusted = np.array(p_values), holm(p_values)
    assert (adjusted >= raw).all()
    assert (adjusted <= np.minimum(1, len(raw) * raw)).all()


@settings(deadline=None)
@given(p_values=p_lists)
def test_a_smaller_p_value_never_gets_a_larger_adjusted_one(p_values: list[float]) -> None:
    order = np.argsort(p_values)
    assert (np.diff(holm(p_values)[order]) >= 0).all()


@settings(deadline=None)
@given(p_values=p_lists, data=st.data())
def test_the_order_of_the_hypotheses_does_not_matter(p_values: list[float], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(p_values))))
    assert holm([p_values[i] for i in order]).tolist() == holm(p_values)[order].tolist()


@settings(deadline=None)
@given(p_values=p_lists, alpha=st.floats(0.001, 0.2))
def test_rejections_are_those_of_the_step_down_procedure(p_values: list[float], alpha: float) -> None:
    ordered, rejections = sorted(p_values), 0
    while rejections < len(ordered) and ordered[rejections] * (len(ordered) - rejections) <= alpha:
        rejections += 1
    assert int((holm(p_values) <= alpha).sum()) == rejections


def test_the_chance_of_any_false_positive_is_kept() -> None:
    uniform = np.random.default_rng(0).random((4000, 5))
    any_rejected = np.mean([holm(row).min() <= 0.05 for row in uniform])
    assert any_rejected == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize("p_values", [[0.5, 1.1], [-0.1], [float("nan")], [[0.1, 0.2]]])
def test_what_is_no_list_of_p_values_is_refused(p_values: list[float]) -> None:
    with pytest.raises(HarnessError, match="numbers from 0 to 1"):
        holm(p_values)
