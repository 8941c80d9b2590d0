"""vla-eval's wire format, protocol version 1: msgpack frames with a type, a payload, a sequence number and a time.

An array is ``{"__ndarray__": true, "data": bytes, "dtype": "<f4", "shape": [...]}``, a picture may be ``{"__image__": true,
"format": "png" | "jpeg" | "raw", "data": bytes, "shape": [...], "dtype"?}``; the keys are text. Source:
``src/vla_eval/protocol/{messages,numpy_codec,image_codec}.py`` in allenai/vla-evaluation-harness.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from harness.errors import PolicyOutputError
from harness.policies.msgpack_messages import packed, unpacked
from harness.policies.wire_arrays import NUMBER_KINDS, array_of, checked_dtype, checked_shape
from harness.types import UInt8Array

PROTOCOL_VERSION = 1

FrameType = Literal["hello", "episode_start", "episode_end", "observation", "action", "error"]
PictureFormat = Literal["raw", "png", "jpeg"]
FRAME_TYPES: tuple[FrameType, ...] = get_args(FrameType)
PICTURE_FORMATS: tuple[PictureFormat, ...] = get_args(PictureFormat)

# image_codec.py saves with this quality.
_JPEG_QUALITY = 95
_PICTURE_CHANNELS = (1, 3, 4)
# A few kilobytes of PNG can stand for gigabytes of pixels; a 4K picture has 25 MB.
_LARGEST_PICTURE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Frame:
    """One message.

    Attributes:
        type: What it is.
        payload: What it says; arrays as NumPy arrays.
        seq: Counted by the client; an answer repeats its question's.
        timestamp: When it was made, in seconds since the epoch.
    """

    type: FrameType
    payload: Mapping[str, Any]
    seq: int
    timestamp: float = field(default_factory=time.time)


def pack_frame(frame: Frame, pictures: PictureFormat = "raw") -> bytes:
    """Encodes a frame.

    Args:
        frame: Its payload holds maps, lists, texts, numbers, arrays and numpy scalars.
        pictures: How uint8 arrays (H, W, 1 | 3 | 4) travel; ``raw`` is an array like any other, and ``jpeg``, which loses
            something, is for three channels: a picture of another number goes as PNG.

    Raises:
        PolicyError: Something in it has no encoding: an array of objects, say.
    """
    message = {"type": frame.type, "payload": frame.payload, "seq": frame.seq, "timestamp": frame.timestamp}
    return packed(message, partial(_to_plain, pictures=pictures), "vla-eval")


def unpack_frame(data: bytes) -> Frame:
    """Decodes a frame; arrays and pictures come back as writable arrays.

    Raises:
        PolicyOutputError: The bytes are no frame, or an array's parts do not fit together.
    """
    message = unpacked(data, _from_map, "vla-eval")
    if not isinstance(message, dict):
        raise PolicyOutputError(f"a frame must be a map, not {type(message).__name__}")
    if missing := [name for name in ("type", "payload", "seq", "timestamp") if name not in message]:
        raise PolicyOutputError(f"a frame lacks {', '.join(missing)}; it has {', '.join(map(str, message)) or 'nothing'}")
    if message["type"] not in FRAME_TYPES:
        raise PolicyOutputError(f"a frame has the type {message['type']!r}; known: {', '.join(FRAME_TYPES)}")
    if not isinstance(message["payload"], dict) or type(message["seq"]) is not int:
        raise PolicyOutputError("a frame's payload must be a map and its seq a whole number")
    if not isinstance(message["timestamp"], int | float):
        raise PolicyOutputError("a frame's timestamp must be a number")
    return Frame(message["type"], message["payload"], message["seq"], float(message["timestamp"]))


def _to_plain(value: Any, pictures: PictureFormat) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"{type(value).__name__} has no encoding")
    if value.dtype.kind not in NUMBER_KINDS:
        raise ValueError(f"dtype {value.dtype} has no encoding")
    if isinstance(value, np.generic):
        return value.item()
    if pictures != "raw" and value.dtype == np.uint8 and value.ndim == 3 and value.shape[2] in _PICTURE_CHANNELS:
        return _picture_map(value, pictures)
    return {"__ndarray__": True, "data": value.tobytes(), "dtype": value.dtype.str, "shape": list(value.shape)}


def _picture_map(picture: UInt8Array, pictures: Literal["png", "jpeg"]) -> dict[str, Any]:
    from PIL import Image

    encoding = pictures if picture.shape[2] == 3 else "png"
    file = io.BytesIO()
    Image.fromarray(picture.squeeze(axis=2) if picture.shape[2] == 1 else picture).save(
        file, format=encoding, quality=_JPEG_QUALITY
    )
    return {"__image__": True, "format": encoding, "data": file.getvalue(), "shape": list(picture.shape)}


def _from_map(value: dict[Any, Any]) -> Any:
    if "__image__" in value:
        return _picture(value)
    if "__ndarray__" in value:
        return array_of(value.get("data"), checked_dtype(value.get("dtype"), NUMBER_KINDS), value.get("shape"))
    return value


def _picture(value: dict[Any, Any]) -> npt.NDArray[Any]:
    encoding, data, shape = value.get("format"), value.get("data"), checked_shape(value.get("shape"))
    if encoding not in PICTURE_FORMATS:
        raise ValueError(f"a picture has the format {encoding!r}; known: {', '.join(PICTURE_FORMATS)}")
    if encoding == "raw":
        return array_of(data, checked_dtype(value.get("dtype", "|u1"), NUMBER_KINDS), shape)
    if not isinstance(data, bytes):
        raise ValueError(f"a picture needs bytes as data, not {type(data).__name__}")
    if len(shape) != 3 or shape[2] not in _PICTURE_CHANNELS or math.prod(shape) > _LARGEST_PICTURE_BYTES:
        raise ValueError(
            f"{shape} is not the shape of a picture (H, W, 1 | 3 | 4) of at most {_LARGEST_PICTURE_BYTES} bytes"
        )
    return _decoded(data, encoding, shape)


def _decoded(data: bytes, encoding: str, shape: list[int]) -> npt.NDArray[Any]:
    """The pixels; they are decoded only when the file's header says the size that `shape` says."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=[encoding]) as image:
            found = [image.height, image.width]
            pixels = np.array(image) if found == shape[:2] else None
    except Exception as error:  # Pillow raises a dozen things for damaged files, SyntaxError among them
        raise ValueError(f"a picture cannot be decoded: {error}") from error
    if pixels is None:
        raise ValueError(f"a picture of {found[0]}x{found[1]} pixels is declared as {shape}")
    if pixels.dtype != np.uint8 or math.prod(pixels.shape) != math.prod(shape):
        raise ValueError(f"a picture of shape {list(pixels.shape)} and dtype {pixels.dtype} is declared as {shape}")
    return pixels.reshape(shape)
