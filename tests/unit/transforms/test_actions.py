from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from harness.errors import PolicyError
from harness.transforms.actions import DeltaFromAbsolute, Gripper, Pad, make_bool_mask

NUMBERS = st.floats(-10, 10, allow_subnormal=False)


def test_a_mask_is_runs_of_true_and_false() -> None:
    assert make_bool_mask(2, -2, 2) == (True, True, False, False, True, True)
    assert make_bool_mask(6, -1, 6, -1) == (*[True] * 6, False, *[True] * 6, False)
    assert make_bool_mask(2, 0, 2) == (True,) * 4
    assert make_bool_mask() == ()


@given(
    mask=st.lists(st.booleans(), min_size=1, max_size=7).map(tuple),
    actions=npst.arrays(np.float64, st.tuples(st.integers(1, 5), st.just(7)), elements=NUMBERS),
    state=npst.arrays(np.float64, 8, elements=NUMBERS),
)
def test_every_action_of_a_chunk_is_relative_to_the_one_state_where_the_mask_says_so(
    mask: tuple[bool, ...], actions: np.ndarray, state: np.ndarray
) -> None:
    actions.flags.writeable = state.flags.writeable = False
    step = DeltaFromAbsolute(mask, "state")
    deltas = step({"state": state, "actions": actions, "prompt": "x"})
    for dim in range(7):
        shift = state[dim] if dim < len(mask) and mask[dim] else 0.0
        assert np.array_equal(deltas["actions"][:, dim], actions[:, dim] - shift)
    back = step.inverse()(deltas)
    assert back["actions"] == pytest.approx(actions, abs=1e-12)
    assert (back["state"] is state, back["prompt"]) == (True, "x")


def test_actions_without_their_state_are_refused() -> None:
    with pytest.raises(PolicyError, match="no 'state', only actions"):
        DeltaFromAbsolute((True,), "state").inverse()({"actions": np.zeros((1, 7))})


@given(npst.arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 7)), elements=NUMBERS), st.integers(0, 9))
def test_padding_adds_zeros_and_is_cut_off_again(actions: np.ndarray, extra: int) -> None:
    dim = actions.shape[1]
    padded = Pad(dim, dim + extra)(actions)
    assert np.array_equal(padded[:, :dim], actions)
    assert (padded[:, dim:].shape[1], np.any(padded[:, dim:])) == (extra, False)
    assert np.array_equal(Pad(dim, dim + extra).inverse()(padded), actions)
    assert not np.shares_memory(padded, actions)


def test_actions_that_are_not_padded_any_more_stay() -> None:
    assert np.array_equal(Pad(7, 32).inverse()(np.ones((2, 7))), np.ones((2, 7)))


@pytest.mark.parametrize("width", [6, 8, 31, 33])
def test_actions_of_another_width_than_the_padded_one_are_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"{width} numbers; expected 7 or 32"):
        Pad(7, 32).inverse()(np.ones((2, width)))


def test_the_gripper_of_rlds_is_opened_above_a_half_and_closed_below() -> None:
    actions = np.array([[0.1, 0.9], [0.2, 0.1], [0.3, 0.5]])
    actions.flags.writeable = False
    assert Gripper("rlds_sign")(actions).tolist() == [[0.1, -1.0], [0.2, 1.0], [0.3, 0.0]]
    assert Gripper("binarize")(actions[0] - 1).tolist() == [[-0.9, -1.0]]
    assert Gripper("as_is")(actions).tolist() == actions.tolist()
