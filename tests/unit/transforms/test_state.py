from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import PolicyError
from harness.transforms.state import AsType, Split, join


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_a_vector_is_split_in_order_and_joined_again(lengths: list[int]) -> None:
    parts = tuple((f"part{number}", length) for number, length in enumerate(lengths))
    vector = np.arange(float(sum(lengths)))
    vector.flags.writeable = False
    sample = {"state": vector, "prompt": "x"}
    split = Split("state", parts)(sample)
    assert set(split) == {"prompt", *(name for name, _ in parts)}
    assert [len(split[name]) for name, _ in parts] == lengths
    assert [number for name, _ in parts for number in split[name]] == vector.tolist()
    joined = join("state", parts)(split)
    assert joined["state"].tolist() == vector.tolist()
    assert set(joined) == {"state", "prompt"}
    assert all(not np.shares_memory(split[name], vector) for name, _ in parts)


def test_a_layout_is_the_order_of_its_parts() -> None:
    parts = (("state/gripper_qpos", 2), ("state/eef_pos", 3))
    sample = {"state/eef_pos": np.array([1.0, 2.0, 3.0]), "state/gripper_qpos": np.array([8.0, 9.0])}
    assert join("state/vector", parts)(sample)["state/vector"].tolist() == [8, 9, 1, 2, 3]


@pytest.mark.parametrize("shape", [(4,), (6,), (1, 5)])
def test_a_vector_of_another_length_than_its_parts_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PolicyError, match=r"its parts need \(5,\)"):
        Split("state", (("a", 2), ("b", 3)))({"state": np.zeros(shape)})


def test_a_part_that_is_missing_is_named() -> None:
    with pytest.raises(PolicyError, match="no 'b', only a"):
        join("state", (("a", 1), ("b", 1)))({"a": np.zeros(1)})


def test_a_state_in_another_type_is_a_copy() -> None:
    state = np.arange(3.0)
    assert AsType("float32")(state).dtype == np.float32
    same_type = AsType("float64")(state)
    assert same_type.tolist() == [0, 1, 2]
    assert not np.shares_memory(same_type, state)
