"""Actions become tokens and come back: the rule of OpenVLA's bins, as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import PolicyUnavailableError, UsageError
from harness.tokens.action_tokens import BINS, ActionTokenizer
from harness.transforms.statistics import VectorStatistics

FREE_IDS = tuple(range(1000, 1000 - BINS, -1))


def tokenizer(low: float, high: float, *, masked: bool = True, ids: tuple[int, ...] = FREE_IDS) -> ActionTokenizer:
    return ActionTokenizer(VectorStatistics((0.0,), (1.0,), (low,), (high,), (masked,)), ids)


unit = tokenizer(-1.0, 1.0)
bounds = st.tuples(st.floats(-100, 100), st.floats(0.001, 100)).map(lambda pair: (pair[0], pair[0] + pair[1]))
ids_in_any_order = st.permutations(FREE_IDS).map(tuple)


@given(bounds, st.floats(0, 1), ids_in_any_order)
def test_a_value_between_the_percentiles_comes_back_within_half_a_bin(bound, share, ids):
    low, high = bound
    value = low + share * (high - low)
    (back,) = tokenizer(low, high, ids=ids).decode(tokenizer(low, high, ids=ids).encode([value]))
    half_a_bin = (high - low) / 255 / 2
    assert abs(back - value) <= half_a_bin + 2e-8


@given(bounds, st.floats(-1000, 1000), st.floats(-1000, 1000))
def test_a_larger_value_never_decodes_to_a_smaller_one(bound, first, second):
    one = tokenizer(*bound)
    (small,), (large,) = (one.decode(one.encode([value])) for value in sorted((first, second)))
    assert small <= large


@given(bounds, st.floats(1e-6, 1e6))
def test_what_lies_outside_of_the_percentiles_gets_the_outermost_bins(bound, beyond):
    low, high = bound
    one = tokenizer(low, high)
    assert one.encode([low - beyond]) == FREE_IDS[0]
    assert one.encode([high + beyond])[0] in FREE_IDS[254:]


@given(bounds, st.floats(-1000, 1000))
def test_decoding_and_encoding_again_changes_nothing(bound, value):
    one = tokenizer(*bound)
    decoded = one.decode(one.encode([value]))
    assert np.array_equal(one.decode(one.encode(decoded)), decoded)


def test_the_ends_decode_to_254_of_255():
    assert unit.decode(unit.encode([[-1.0], [1.0]])).ravel() == pytest.approx([-254 / 255, 254 / 255], abs=1e-7)


def test_the_last_bin_decodes_as_the_one_before_it():
    assert np.array_equal(unit.decode([FREE_IDS[255]]), unit.decode([FREE_IDS[254]]))


def test_nothing_is_bin_127():
    assert unit.encode([0.0]) == FREE_IDS[127]
    assert unit.decode([FREE_IDS[127]]) == pytest.approx([0.0], abs=1e-12)


def test_bins_are_as_wide_as_255_in_the_range():
    edge = -1 + 2 / 255
    assert unit.encode([edge - 1e-6]) == FREE_IDS[0]
    assert unit.encode([edge + 1e-6]) == FREE_IDS[1]


@given(st.floats(-1, 1))
def test_a_dimension_outside_of_the_mask_is_taken_as_it_is(value):
    gripper = tokenizer(5.0, 6.0, masked=False)
    assert gripper.decode(gripper.encode([value])) == pytest.approx([value], abs=1 / 255 + 1e-9)


def test_a_dimension_outside_of_the_mask_is_clipped_to_minus_one_and_one():
    gripper = tokenizer(5.0, 6.0, masked=False)
    assert gripper.decode(gripper.encode([7.0])) == pytest.approx([254 / 255])


def test_a_dimension_that_never_moved_decodes_to_its_value():
    assert tokenizer(0.3, 0.3).decode(tokenizer(0.3, 0.3).encode([0.3])) == pytest.approx([0.3])


def test_chunks_keep_their_shape():
    two = ActionTokenizer(VectorStatistics((0.0,) * 2, (1.0,) * 2, (-1.0, 0.0), (1.0, 10.0)), FREE_IDS)
    actions = np.array([[[0.5, 2.0], [-0.5, 9.0]], [[0.0, 0.0], [1.0, 5.0]]])
    assert two.encode(actions).shape == (2, 2, 2)
    assert two.decode(two.encode(actions)) == pytest.approx(actions, abs=5 / 255 + 1e-6)


@pytest.mark.parametrize("actions", [[np.nan], [np.inf], [0.0, 0.0], 0.0])
def test_what_is_no_finite_action_of_the_right_length_is_refused(actions):
    with pytest.raises(UsageError, match=r"NaN or infinity|expected \(\.\.\., 1\)"):
        unit.encode(actions)


@pytest.mark.parametrize("token", [0, FREE_IDS[0] + 1, FREE_IDS[-1] - 1, -1])
def test_a_token_that_is_no_action_is_refused_by_name(token):
    with pytest.raises(UsageError, match=f"token {token} is no action token"):
        unit.decode([token])


@pytest.mark.parametrize("ids", [FREE_IDS[:-1], (*FREE_IDS[:-1], FREE_IDS[0]), (*FREE_IDS[:-1], -1)])
def test_fewer_than_256_different_ids_are_refused(ids):
    with pytest.raises(UsageError, match="256 different token ids"):
        tokenizer(-1, 1, ids=ids)


def test_statistics_without_percentiles_are_refused():
    with pytest.raises(PolicyUnavailableError, match="q01 and q99"):
        ActionTokenizer(VectorStatistics((0.0,), (1.0,)), FREE_IDS)
