from __future__ import annotations

import io
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st
from PIL import Image

from harness.errors import PolicyError, PolicyOutputError
from harness.policies.vla_eval_codec import Frame, PictureFormat, pack_frame, unpack_frame

# {"type": "action", "payload": {"actions": an array of two float32}, "seq": 3, "timestamp": 0.5}, written by hand from the
# msgpack specification: 0x8n a map of n pairs, 0xan text, 0xc4 bytes with a length of one byte, 0xc3 true, 0x9n an array of
# n, 0xcb a big-endian double.
ACTION_BYTES = (
    b"\x84\xa4type\xa6action"
    b"\xa7payload\x81\xa7actions"
    b"\x84\xab__ndarray__\xc3\xa4data\xc4\x08\x00\x00\x80\x3f\x00\x00\x00\x40\xa5dtype\xa3<f4\xa5shape\x91\x02"
    b"\xa3seq\x03\xa9timestamp\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"
)


def frame_bytes(value: Any, **changes: Any) -> bytes:
    frame = {"type": "action", "payload": {"x": value}, "seq": 1, "timestamp": 0.0} | changes
    return msgpack.packb({name: part for name, part in frame.items() if part != "left out"})


def picture(shape: tuple[int, ...] = (5, 4, 3)) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def png(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, format="PNG")
    return file.getvalue()


def test_a_frame_is_written_as_vla_eval_does_byte_for_byte() -> None:
    frame = Frame("action", {"actions": np.array([1.0, 2.0], dtype=np.float32)}, seq=3, timestamp=0.5)
    assert pack_frame(frame) == ACTION_BYTES


def test_vla_evals_bytes_are_read() -> None:
    frame = unpack_frame(ACTION_BYTES)
    assert (frame.type, frame.seq, frame.timestamp) == ("action", 3, 0.5)
    actions = frame.payload["actions"]
    assert (actions.dtype, actions.tolist()) == (np.dtype("<f4"), [1.0, 2.0])
    actions[0] = 5.0
    assert actions.tolist() == [5.0, 2.0]


@given(
    numpy_st.arrays(
        dtype=st.one_of(numpy_st.boolean_dtypes(), numpy_st.integer_dtypes(), numpy_st.floating_dtypes()),
        shape=numpy_st.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    )
)
def test_arrays_survive_the_way_there_and_back_bit_for_bit(array: np.ndarray[Any, Any]) -> None:
    back = unpack_frame(pack_frame(Frame("observation", {"x": array}, 1))).payload["x"]
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_numpy_scalars_travel_as_numbers() -> None:
    payload = {"i": np.int64(3), "f": np.float32(0.5), "b": np.bool_(True)}
    assert msgpack.unpackb(pack_frame(Frame("episode_end", payload, 1)))["payload"] == {"i": 3, "f": 0.5, "b": True}


@pytest.mark.parametrize("pictures", ["raw", "png"])
@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 1), (5, 4, 4)])
def test_pictures_survive_without_loss(pictures: PictureFormat, shape: tuple[int, ...]) -> None:
    data = pack_frame(Frame("observation", {"x": picture(shape)}, 1), pictures)
    assert (b"__image__" in data) == (pictures == "png")
    assert np.array_equal(unpack_frame(data).payload["x"], picture(shape))


def test_a_jpeg_is_close_and_of_the_same_shape() -> None:
    smooth = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8)[..., np.newaxis].repeat(3, axis=2)
    data = pack_frame(Frame("observation", {"x": smooth}, 1), "jpeg")
    assert data.count(b"\xff\xd8\xff") == 1
    back = unpack_frame(data).payload["x"].astype(int)
    assert back.shape == smooth.shape
    assert np.abs(back - smooth).max() <= 8


@pytest.mark.parametrize("encoding", ["raw", "png"])
def test_vla_evals_pictures_are_read(encoding: str) -> None:
    data = picture().tobytes() if encoding == "raw" else png(picture())
    sent = {"__image__": True, "format": encoding, "data": data, "shape": [5, 4, 3]}
    sent |= {"dtype": "|u1"} if encoding == "raw" else {}
    assert np.array_equal(unpack_frame(frame_bytes(sent)).payload["x"], picture())


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [4, 5, 3]},
        {"shape": [5, 4, 4]},
        {"shape": [5, 4]},
        {"shape": [2**20, 2**20, 3]},
        {"format": "gif"},
        {"format": "jpeg"},
        {"format": "raw"},
        {"data": b"\x89PNG"},
        {"data": "text"},
        {"data": png(picture())[:60]},
        {"data": png(np.zeros((20_000, 20_000), dtype=bool)), "shape": [20_000, 20_000, 1]},
        {"data": png(np.zeros((20_000, 20_000), dtype=bool))},
    ],
)
def test_a_picture_whose_parts_do_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PolicyOutputError):
        unpack_frame(frame_bytes({"__image__": True, "format": "png", "data": png(picture()), "shape": [5, 4, 3]} | changes))


@pytest.mark.parametrize("dtype", ["|O", "|V4", "<c8", "<U1", "<i2,<i2", 4, None])
def test_an_array_of_another_kind_than_numbers_is_refused(dtype: Any) -> None:
    with pytest.raises(PolicyOutputError):
        unpack_frame(frame_bytes({"__ndarray__": True, "data": bytes(8), "dtype": dtype, "shape": [1]}))


@pytest.mark.parametrize("changes", [{"shape": [3]}, {"shape": [-2]}, {"shape": 2}, {"data": bytes(7)}, {"data": "x" * 8}])
def test_an_array_whose_parts_do_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PolicyOutputError):
        unpack_frame(frame_bytes({"__ndarray__": True, "data": bytes(8), "dtype": "<f4", "shape": [2]} | changes))


@pytest.mark.parametrize("value", [np.array([{}], dtype=object), np.zeros(2, dtype=complex), np.array(["a"]), object()])
def test_what_has_no_encoding_is_refused(value: Any) -> None:
    with pytest.raises(PolicyError, match="cannot be encoded"):
        pack_frame(Frame("observation", {"x": value}, 1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "left out"}, "lacks type"),
        ({"timestamp": "left out"}, "lacks timestamp"),
        ({"type": "shutdown"}, "type 'shutdown'; known: hello"),
        ({"payload": [1]}, "payload must be a map"),
        ({"seq": "1"}, "seq a whole number"),
        ({"timestamp": "now"}, "timestamp must be a number"),
    ],
)
def test_a_frame_with_something_wrong_is_refused(changes: dict[str, Any], message: str) -> None:
    assert unpack_frame(frame_bytes(1)).payload == {"x": 1}
    with pytest.raises(PolicyOutputError, match=message):
        unpack_frame(frame_bytes(1, **changes))


def test_a_message_that_is_no_map_is_refused() -> None:
    with pytest.raises(PolicyOutputError, match="must be a map, not list"):
        unpack_frame(b"\x91\x01")


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        unpack_frame(data)
    except PolicyOutputError:
        return


@given(cut=st.integers(0, len(ACTION_BYTES) - 1))
def test_a_cut_frame_is_refused(cut: int) -> None:
    with pytest.raises(PolicyOutputError):
        unpack_frame(ACTION_BYTES[:cut])
