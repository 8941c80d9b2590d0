"""How vla-eval, json_numpy and GR00T write arrays down, from their own descriptions and without the harness's codecs."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image


def to_vla_eval(value: Any) -> Any:
    array = np.asarray(value)
    return {"__ndarray__": True, "data": array.tobytes(), "dtype": array.dtype.str, "shape": list(array.shape)}


def from_vla_eval(value: dict[str, Any]) -> Any:
    if value.get("__image__"):
        return np.array(Image.open(io.BytesIO(value["data"])))
    if value.get("__ndarray__"):
        return np.frombuffer(value["data"], value["dtype"]).reshape(value["shape"])
    return value


def to_json_numpy(value: Any) -> Any:
    array = np.asarray(value)
    return {"__numpy__": base64.b64encode(array.tobytes()).decode(), "dtype": array.dtype.str, "shape": array.shape}


def from_json_numpy(value: dict[str, Any]) -> Any:
    if "__numpy__" in value:
        return np.frombuffer(base64.b64decode(value["__numpy__"]), value["dtype"]).reshape(value["shape"])
    return value


def to_gr00t(value: Any) -> Any:
    file = io.BytesIO()
    np.save(file, np.asarray(value), allow_pickle=False)
    return {"__ndarray_class__": True, "as_npy": file.getvalue()}


def from_gr00t(value: dict[str, Any]) -> Any:
    return np.load(io.BytesIO(value["as_npy"]), allow_pickle=False) if "__ndarray_class__" in value else value
