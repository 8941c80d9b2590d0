from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import PolicyOutputError, PolicyUnavailableError
from harness.policies.base import PolicyURI, checked_chunk, short_name


@pytest.mark.parametrize(
    ("text", "scheme", "body", "params"),
    [
        ("zero", "zero", "", {}),
        ("random?chunk=3", "random", "", {"chunk": "3"}),
        ("random?note=a:b", "random", "", {"note": "a:b"}),
        ("replay:runs/a", "replay", "runs/a", {}),
        ("py:dir/file.py:Model?device=cpu&k=", "py", "dir/file.py:Model", {"device": "cpu", "k": ""}),
        ("ws://localhost:8000?timeout_s=3", "ws", "//localhost:8000", {"timeout_s": "3"}),
    ],
)
def test_a_uri_is_taken_apart(text: str, scheme: str, body: str, params: dict[str, str]) -> None:
    uri = PolicyURI.parse(text)
    assert (uri.text, uri.scheme, uri.body, dict(uri.params)) == (text, scheme, body, params)


@pytest.mark.parametrize("text", ["", "   ", ":zero", "?a=1", "zero?a", "zero?a=1&a=2"])
def test_a_malformed_uri_is_refused(text: str) -> None:
    with pytest.raises(PolicyUnavailableError):
        PolicyURI.parse(text)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "x", "", "99999999999"])
def test_a_parameter_that_is_no_whole_number_from_the_minimum_on_is_refused(value: str) -> None:
    with pytest.raises(PolicyUnavailableError, match="chunk"):
        PolicyURI.parse(f"random?chunk={value}").integer("chunk", default=1, minimum=1)


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon", ""])
def test_a_parameter_that_is_no_positive_time_is_refused(value: str) -> None:
    with pytest.raises(PolicyUnavailableError, match="timeout_s"):
        PolicyURI.parse(f"ws://h?timeout_s={value}").seconds("timeout_s", default=1.0)


def test_parameters_are_read_and_have_defaults() -> None:
    uri = PolicyURI.parse("x?n=4&t=0.25")
    assert (uri.integer("n", default=1, minimum=1), uri.integer("m", default=7, minimum=1)) == (4, 7)
    assert (uri.seconds("t", default=1.0), uri.seconds("u", default=1.5)) == (0.25, 1.5)


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_a_short_name_is_always_a_file_name(parts: list[str]) -> None:
    name = short_name(*parts)
    assert name
    assert name not in (".", "..")
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_one_action_becomes_a_chunk_of_one_that_shares_no_memory() -> None:
    action = np.array([1, 2, 3])
    chunk = checked_chunk(action, 3)
    action[0] = 9
    assert chunk.tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    "answer", ["error", None, {"actions": [0.0]}, [0.0] * 6, np.zeros((2, 6)), np.zeros((0, 7)), np.zeros((1, 1, 7)), 0.0]
)
def test_an_answer_of_another_shape_or_type_is_refused(answer: object) -> None:
    with pytest.raises(PolicyOutputError):
        checked_chunk(answer, 7)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_refused_with_its_place(bad: float) -> None:
    chunk = np.zeros((3, 7))
    chunk[1, 4] = bad
    with pytest.raises(PolicyOutputError, match="action 1 of 3, dimension 4"):
        checked_chunk(chunk, 7)
