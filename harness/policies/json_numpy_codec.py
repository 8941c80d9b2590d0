"""json_numpy's format: JSON, with an array as ``{"__numpy__": base64, "dtype": "<f4", "shape": [...]}``.

A numpy scalar is an array of shape ``[]``. Servers of the OpenVLA family also take a request as ``{"encoded": text}``, whose
text is the JSON of the request; they answer it with a JSON text that holds the JSON of the answer. Sources: the package
json-numpy 2.1.1, and ``vla-scripts/deploy.py`` in openvla/openvla and moojink/openvla-oft.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from harness.errors import PolicyError, PolicyOutputError
from harness.policies.wire_arrays import PLAIN_KINDS, array_of, checked_dtype


def dumps(value: Any) -> str:
    """Encodes maps with text as keys, lists, texts, numbers, arrays and numpy scalars.

    Raises:
        PolicyError: Something in it has no encoding: an array of objects, or NaN outside of an array.
    """
    try:
        return json.dumps(value, default=_to_map, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise PolicyError(f"a message cannot be encoded as JSON: {error}") from error


def loads(text: str | bytes) -> Any:
    """Decodes what `dumps`, or json_numpy, encoded; arrays come back as writable copies.

    Raises:
        PolicyOutputError: The text is not JSON, or an array's parts do not fit together.
    """
    try:
        return json.loads(text, object_hook=_from_map)
    except (TypeError, ValueError, RecursionError) as error:
        raise PolicyOutputError(
            f"a message of {len(text)} bytes is not json_numpy's JSON: {error or type(error).__name__}"
        ) from error


def request_body(request: Any, *, encoded: bool) -> bytes:
    """A request as it is posted.

    Args:
        request: Usually a map.
        encoded: Within ``{"encoded": text}``.

    Raises:
        PolicyError: See `dumps`.
    """
    text = dumps(request)
    return (dumps({"encoded": text}) if encoded else text).encode()


def read_request(body: bytes) -> tuple[Any, bool]:
    """What `request_body` was given: the request, and whether it was within ``{"encoded": text}``.

    Raises:
        PolicyOutputError: See `loads`.
    """
    request = loads(body)
    if isinstance(request, dict) and set(request) == {"encoded"} and isinstance(request["encoded"], str):
        return loads(request["encoded"]), True
    return request, False


def answer_body(answer: Any, *, encoded: bool) -> bytes:
    """An answer as it is sent.

    Args:
        answer: Usually an array.
        encoded: Whether the request was.

    Raises:
        PolicyError: See `dumps`.
    """
    text = dumps(answer)
    return (dumps(text) if encoded else text).encode()


def read_answer(body: bytes, *, encoded: bool) -> Any:
    """What `answer_body` was given.

    Args:
        body: What came back.
        encoded: Whether the request was; ``"error"``, which servers send for any failure, is not encoded.

    Raises:
        PolicyOutputError: See `loads`.
    """
    answer = loads(body)
    return loads(answer) if encoded and isinstance(answer, str) and answer != "error" else answer


def _to_map(value: Any) -> dict[str, Any]:
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"{type(value).__name__} has no encoding")
    if value.dtype.kind not in PLAIN_KINDS:
        raise ValueError(f"dtype {value.dtype} has no encoding")
    data = base64.b64encode(value.tobytes()).decode()
    return {"__numpy__": data, "dtype": value.dtype.str, "shape": list(value.shape)}


def _from_map(value: dict[str, Any]) -> Any:
    if "__numpy__" not in value:
        return value
    data = value["__numpy__"]
    if not isinstance(data, str):
        raise ValueError(f"an array needs text as __numpy__, not {type(data).__name__}")
    array = array_of(base64.b64decode(data, validate=True), checked_dtype(value.get("dtype")), value.get("shape"))
    return array if array.ndim else array[()]
