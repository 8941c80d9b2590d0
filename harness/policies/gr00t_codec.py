"""GR00T's wire format: msgpack, with an array as ``{"__ndarray_class__": true, "as_npy": bytes of an .npy file}``.

Source: ``MsgSerializer`` in ``gr00t/policy/server_client.py`` of NVIDIA/Isaac-GR00T (N1.6). Its other class,
``{"__ModalityConfig_class__": true, "as_json": map}``, stays a map here.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.policies.msgpack_messages import packed, unpacked
from harness.policies.wire_arrays import PLAIN_KINDS

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def pack(message: Any) -> bytes:
    """Encodes maps, lists, texts, numbers, arrays and numpy scalars.

    Raises:
        PolicyError: Something in it has no encoding: an array of objects, say.
    """
    return packed(message, _to_map, "GR00T")


def unpack(data: bytes) -> Any:
    """Decodes what `pack`, or GR00T, encoded.

    Raises:
        PolicyOutputError: The bytes are not one whole msgpack value, or an array's file is damaged or holds objects.
    """
    return unpacked(data, _from_map, "GR00T")


def _to_map(value: Any) -> Any:
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"{type(value).__name__} has no encoding")
    if value.dtype.kind not in PLAIN_KINDS:
        raise ValueError(f"dtype {value.dtype} has no encoding")
    if isinstance(value, np.generic):
        return value.item()
    file = io.BytesIO()
    np.save(file, value, allow_pickle=False)
    return {"__ndarray_class__": True, "as_npy": file.getvalue()}


def _from_map(value: dict[Any, Any]) -> Any:
    return _array(value.get("as_npy")) if "__ndarray_class__" in value else value


def _array(data: object) -> npt.NDArray[Any]:
    """The array of an .npy file, whose header is checked against its length before anything is made of it."""
    if not isinstance(data, bytes):
        raise ValueError(f"an array needs bytes as as_npy, not {type(data).__name__}")
    file = io.BytesIO(data)
    shape, dtype = _header(file)
    if dtype.kind not in PLAIN_KINDS:
        raise ValueError(f"dtype {dtype} is refused")
    expected, found = math.prod(shape) * dtype.itemsize, len(data) - file.tell()
    if expected != found:
        raise ValueError(f"an array of shape {shape} and dtype {dtype} has {expected} bytes, not {found}")
    array: npt.NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
    return array


def _header(file: io.BytesIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype that an .npy file announces."""
    try:
        version = np.lib.format.read_magic(file)
        shape, _, dtype = _HEADERS[version](file)
    except Exception as error:  # NumPy lets through what tokenizing and literal_eval raise
        raise ValueError(f"the head of an .npy file cannot be read: {error}") from error
    return shape, dtype
