from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st

from harness.errors import PolicyError, PolicyOutputError
from harness.policies.json_numpy_codec import answer_body, dumps, loads, read_answer, read_request, request_body

# What json_numpy 2.1.1 prints for {"a": np.array([[1, 2]], np.float32), "s": np.float32(0.5), "t": "x"}.
TEXT = (
    '{"a": {"__numpy__": "AACAPwAAAEA=", "dtype": "<f4", "shape": [1, 2]}, '
    '"s": {"__numpy__": "AAAAPw==", "dtype": "<f4", "shape": []}, "t": "x"}'
)


def array_map(**changes: Any) -> str:
    """The text of two float32 zeros, with changes."""
    return json.dumps({"__numpy__": "AAAAAAAAAAA=", "dtype": "<f4", "shape": [2]} | changes)


def test_arrays_and_scalars_are_written_as_json_numpy_does_letter_for_letter() -> None:
    assert dumps({"a": np.array([[1.0, 2.0]], dtype=np.float32), "s": np.float32(0.5), "t": "x"}) == TEXT


def test_json_numpys_text_is_read() -> None:
    value = loads(TEXT)
    assert (value["a"].dtype, value["a"].tolist()) == (np.dtype("<f4"), [[1.0, 2.0]])
    assert (type(value["s"]), value["s"], value["t"]) == (np.float32, 0.5, "x")
    value["a"][0, 0] = 5.0
    assert value["a"].tolist() == [[5.0, 2.0]]


@given(
    numpy_st.arrays(
        dtype=st.one_of(numpy_st.boolean_dtypes(), numpy_st.integer_dtypes(), numpy_st.floating_dtypes()),
        shape=numpy_st.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5),
    )
)
def test_arrays_survive_the_way_there_and_back_bit_for_bit(array: np.ndarray[Any, Any]) -> None:
    back = loads(dumps([array]))[0]
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_a_doubly_encoded_request_is_a_map_whose_one_text_is_the_request() -> None:
    body = request_body({"t": "x"}, encoded=True)
    assert json.loads(body) == {"encoded": '{"t": "x"}'}
    assert read_request(body) == ({"t": "x"}, True)
    assert read_request(request_body({"t": "x"}, encoded=False)) == ({"t": "x"}, False)


def test_a_doubly_encoded_answer_is_a_text_that_holds_the_answer() -> None:
    body = answer_body([1, 2], encoded=True)
    assert json.loads(body) == "[1, 2]"
    assert read_answer(body, encoded=True) == [1, 2]
    assert read_answer(b"[1, 2]", encoded=False) == [1, 2]
    assert read_answer(b'"error"', encoded=True) == "error"


@pytest.mark.parametrize(
    "value", [np.array([{}], dtype=object), np.zeros(2, dtype=complex), float("nan"), object(), {b"k": 1}]
)
def test_what_has_no_encoding_is_refused(value: Any) -> None:
    with pytest.raises(PolicyError, match="cannot be encoded"):
        dumps({"x": value})


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "|O"},
        {"dtype": "<c8"},
        {"dtype": [["a", "<i4"]]},
        {"dtype": "nonsense"},
        {"shape": [3]},
        {"shape": [-2]},
        {"shape": 2},
        {"shape": [2**62, 2**62]},
        {"__numpy__": "AAAA AAAA"},
        {"__numpy__": "AAA"},
        {"__numpy__": 1},
    ],
)
def test_an_array_whose_parts_do_not_fit_is_refused(changes: dict[str, Any]) -> None:
    assert loads(array_map()).tolist() == [0.0, 0.0]
    with pytest.raises(PolicyOutputError, match="not json_numpy's JSON"):
        loads(array_map(**changes))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xff", b"[" * 100_000])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(PolicyOutputError, match="not json_numpy's JSON"):
        loads(body)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        loads(text)
    except PolicyOutputError:
        return
