from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st

from harness.errors import PolicyError, PolicyOutputError
from harness.policies.openpi_codec import jsonable, pack, unpack

# Written by hand from the msgpack specification: 0x8n a map of n pairs, 0xan text, 0xc4 bytes with a length of one byte,
# 0xc3 true, 0x9n an array of n, 0xcb a big-endian double.
ARRAY_BYTES = (
    b"\x81"
    b"\xa1a"
    b"\x84"
    b"\xc4\x0b__ndarray__\xc3"
    b"\xc4\x04data\xc4\x08\x00\x00\x80\x3f\x00\x00\x00\x40"
    b"\xc4\x05dtype\xa3<f4"
    b"\xc4\x05shape\x92\x01\x02"
)
SCALAR_BYTES = b"\x83\xc4\x0d__npgeneric__\xc3\xc4\x04data\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00\xc4\x05dtype\xa3<f4"


def array_map(**changes: Any) -> dict[bytes, Any]:
    """The map of two float32 numbers, with changes."""
    parts: dict[str, Any] = {"__ndarray__": True, "data": bytes(8), "dtype": "<f4", "shape": [2]}
    return {name.encode(): value for name, value in (parts | changes).items()}


def test_an_array_is_encoded_as_openpi_does_byte_for_byte() -> None:
    assert pack({"a": np.array([[1.0, 2.0]], dtype=np.float32)}) == ARRAY_BYTES


def test_a_scalar_is_encoded_as_openpi_does_byte_for_byte() -> None:
    assert pack(np.float32(0.5)) == SCALAR_BYTES


def test_bytes_of_openpi_are_decoded() -> None:
    array = unpack(ARRAY_BYTES)["a"]
    assert (array.dtype, array.tolist()) == (np.dtype("<f4"), [[1.0, 2.0]])
    scalar = unpack(SCALAR_BYTES)
    assert (type(scalar), scalar) == (np.float32, 0.5)


def test_a_decoded_array_can_be_written_to() -> None:
    array = unpack(ARRAY_BYTES)["a"]
    array[0, 0] = 5.0
    assert array.tolist() == [[5.0, 2.0]]


@given(
    numpy_st.arrays(
        dtype=st.one_of(
            numpy_st.boolean_dtypes(),
            numpy_st.integer_dtypes(),
            numpy_st.unsigned_integer_dtypes(),
            numpy_st.floating_dtypes(),
        ),
        shape=numpy_st.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    )
)
def test_arrays_survive_the_way_there_and_back_bit_for_bit(array: np.ndarray[Any, Any]) -> None:
    back = unpack(pack({"x": array}))["x"]
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_memory_order_does_not_matter() -> None:
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert unpack(pack(array.T)).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert unpack(pack(array[::-1, ::-1])).tolist() == [[5, 4, 3], [2, 1, 0]]


@pytest.mark.parametrize(
    "value",
    [np.array([{}], dtype=object), np.zeros(2, dtype="V4"), np.zeros(2, dtype=complex), np.complex64(1), object(), {1j}],
)
def test_what_has_no_encoding_is_refused(value: Any) -> None:
    with pytest.raises(PolicyError, match="cannot be encoded"):
        pack({"x": value})


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "|O"},
        {"dtype": "|V4"},
        {"dtype": "<c8"},
        {"dtype": "<i2,<i2"},
        {"dtype": "nonsense"},
        {"dtype": 4},
        {"shape": [3]},
        {"shape": [-2]},
        {"shape": [-1, -2]},
        {"shape": [2.0]},
        {"shape": [True, 2]},
        {"shape": 2},
        {"shape": [1] * 100 + [2]},
        {"shape": [2**62, 2**62]},
        {"shape": [0, 2**62, 2**62], "data": b""},
        {"shape": [10**12], "dtype": "<U0", "data": b""},
        {"data": bytes(7)},
        {"data": "text"},
        {"data": None},
    ],
)
def test_an_array_whose_parts_do_not_fit_is_refused(changes: dict[str, Any]) -> None:
    assert unpack(pack(array_map())).tolist() == [0.0, 0.0]
    with pytest.raises(PolicyOutputError):
        unpack(pack(array_map(**changes)))


@pytest.mark.parametrize("data", [None, [1, 2], {"a": 1}, 300, "x"])
def test_a_scalar_whose_parts_do_not_fit_is_refused(data: Any) -> None:
    with pytest.raises(PolicyOutputError):
        unpack(pack({b"__npgeneric__": True, b"data": data, b"dtype": "|u1"}))


@given(st.binary(max_size=80))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        unpack(data)
    except PolicyOutputError:
        return


@given(cut=st.integers(0, len(ARRAY_BYTES) - 1))
def test_a_cut_message_is_refused(cut: int) -> None:
    with pytest.raises(PolicyOutputError):
        unpack(ARRAY_BYTES[:cut])


def test_bytes_after_the_message_are_refused() -> None:
    with pytest.raises(PolicyOutputError):
        unpack(ARRAY_BYTES + b"\x00")


def test_metadata_become_what_json_can_hold() -> None:
    metadata = {b"k": np.array([[1, 2]]), "n": np.float64(0.5), "l": (1, None, True), 3: b"\xff", "t": "x"}
    assert jsonable(metadata) == {"k": [[1, 2]], "n": 0.5, "l": [1, None, True], "3": "ff", "t": "x"}
