"""openpi's wire format: msgpack, with numpy arrays and scalars as small maps.

An array is ``{b"__ndarray__": True, b"data": bytes, b"dtype": "<f4", b"shape": [...]}``, a scalar ``{b"__npgeneric__": True,
b"data": number, b"dtype": "<f4"}``; the keys are bytes. Source: ``openpi_client/msgpack_numpy.py`` in
Physical-Intelligence/openpi.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.policies.msgpack_messages import packed, unpacked
from harness.policies.wire_arrays import PLAIN_KINDS, array_of, checked_dtype


def pack(message: Any) -> bytes:
    """Encodes maps, lists, texts, numbers, arrays and numpy scalars.

    Raises:
        PolicyError: Something in it has no encoding: an array of objects, say.
    """
    return packed(message, _to_map, "openpi")


def unpack(data: bytes) -> Any:
    """Decodes what `pack`, or openpi, encoded; arrays come back as writable copies.

    Raises:
        PolicyOutputError: The bytes are not one whole msgpack value, or an array's parts do not fit together.
    """
    return unpacked(data, _from_map, "openpi")


def jsonable(value: Any) -> Any:
    """The same message with arrays as lists, numpy scalars as numbers, bytes as hexadecimal text and keys as text."""
    if isinstance(value, dict):
        return {
            key.decode(errors="replace") if isinstance(key, bytes) else str(key): jsonable(v) for key, v in value.items()
        }
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _to_map(value: Any) -> dict[bytes, Any]:
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"{type(value).__name__} has no encoding")
    if value.dtype.kind not in PLAIN_KINDS:
        raise ValueError(f"dtype {value.dtype} has no encoding")
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}


def _from_map(value: dict[Any, Any]) -> Any:
    if b"__ndarray__" in value:
        return array_of(value.get(b"data"), checked_dtype(value.get(b"dtype")), value.get(b"shape"))
    if b"__npgeneric__" in value:
        return _scalar(value)
    return value


def _scalar(value: dict[Any, Any]) -> np.generic:
    data = value.get(b"data")
    if not isinstance(data, bool | int | float | str | bytes):
        raise ValueError(f"a numpy scalar needs a number or text as data, not {type(data).__name__}")
    scalar: np.generic = checked_dtype(value.get(b"dtype")).type(data)
    return scalar
