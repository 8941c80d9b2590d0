"""Arrays that come over a wire: nothing is made of them before their type, their shape and their length fit together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

# NumPy's letters. Objects would need pickle, void is raw memory, and complex has no meaning for a policy.
PLAIN_KINDS = frozenset("biufSUmM")
NUMBER_KINDS = frozenset("biuf")


def checked_dtype(text: object, kinds: frozenset[str] = PLAIN_KINDS) -> np.dtype[Any]:
    """The dtype of a text such as ``<f4``.

    Args:
        text: What the other side sent.
        kinds: NumPy's one-letter kinds that are allowed.

    Raises:
        ValueError: It is no text, no dtype, or of a kind that is not allowed.
    """
    if not isinstance(text, str):
        raise ValueError(f"a dtype must be text such as '<f4', not {text!r}")
    try:
        dtype = np.dtype(text)
    except (TypeError, SyntaxError) as error:
        raise ValueError(f"{text!r} is not a dtype: {error}") from error
    if dtype.kind not in kinds:
        raise ValueError(f"dtype {text!r} is refused")
    return dtype


def checked_shape(shape: object) -> list[int]:
    """A list of lengths.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(shape, list):
        raise ValueError(f"an array needs a list as shape, not {type(shape).__name__}")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"{shape} is not a shape")
    return shape


def array_of(data: object, dtype: np.dtype[Any], shape: object) -> npt.NDArray[Any]:
    """A writable array made of bytes in C order.

    Raises:
        ValueError: `data` are not bytes, `shape` is not a list of lengths, or there are more or fewer bytes than they need.
    """
    if not isinstance(data, bytes):
        raise ValueError(f"an array needs bytes as data, not {type(data).__name__}")
    lengths = checked_shape(shape)
    expected = math.prod(lengths) * dtype.itemsize
    if len(data) != expected:
        raise ValueError(f"an array of shape {lengths} and dtype {dtype} has {expected} bytes, not {len(data)}")
    return np.frombuffer(data, dtype=dtype).reshape(lengths).copy()
