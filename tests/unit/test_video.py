from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from harness.errors import HarnessError, RenderingError, StoreError
from harness.recording.video import STRIP_HEIGHT_PX, caption, episode_frames, side_by_side, write_video
from harness.types import UInt8Array


def _gradient(height: int, width: int, shift: int = 0) -> UInt8Array:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([(rows + shift) % 256, columns % 256, np.full_like(rows, 90)], axis=-1).astype(np.uint8)


def _decoded(path: Path) -> list[UInt8Array]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("count", [1, 2, 47])
def test_a_video_is_h264_at_exactly_the_given_rate_with_every_frame(tmp_path: Path, count: int) -> None:
    write_video(tmp_path / "a.mp4", (_gradient(64, 96, i) for i in range(count)), fps=20)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        times = [frame.time for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.average_rate, stream.frames) == (20, count)
        assert (stream.width, stream.height) == (96, 64)
    assert times == pytest.approx([i / 20 for i in range(count)], abs=1e-9)


def test_a_video_shows_the_pictures_in_their_order_and_colours(tmp_path: Path) -> None:
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (128, 128, 128)]
    write_video(tmp_path / "a.mp4", (np.full((32, 32, 3), colour, dtype=np.uint8) for colour in colours), fps=20)
    shown = [tuple(picture.mean(axis=(0, 1))) for picture in _decoded(tmp_path / "a.mp4")]
    np.testing.assert_allclose(shown, colours, atol=6)


def test_a_video_can_be_played_while_it_loads(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [_gradient(32, 32)], fps=20)
    content = (tmp_path / "a.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, (_gradient(64, 64, i) for i in range(30)), fps=20)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_odd_sides_are_extended_by_repeating_the_edge(tmp_path: Path) -> None:
    picture = np.full((33, 35, 3), 200, dtype=np.uint8)
    write_video(tmp_path / "a.mp4", [picture], fps=20)
    (shown,) = _decoded(tmp_path / "a.mp4")
    assert shown.shape == (34, 36, 3)
    np.testing.assert_allclose(shown[-1, -1], 200, atol=4)


def test_frames_that_stop_with_an_error_leave_the_older_video_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"older")

    def broken() -> Iterator[UInt8Array]:
        yield _gradient(32, 32)
        raise RenderingError("the context is lost")

    with pytest.raises(RenderingError, match="context is lost"):
        write_video(path, broken(), fps=20)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "without frames"),
        ([_gradient(32, 32), _gradient(32, 34)], r"frame 1 .*\(32, 34, 3\)"),
        ([np.zeros((32, 32, 3))], "frame 0 .*float64"),
        ([np.zeros((32, 32, 4), dtype=np.uint8)], r"frame 0 .*\(32, 32, 4\)"),
    ],
)
def test_frames_that_make_no_video_are_refused(tmp_path: Path, frames: list[UInt8Array], words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        write_video(tmp_path / "a.mp4", frames, fps=20)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"a\.mp4"):
        write_video(tmp_path / "file" / "a.mp4", [_gradient(32, 32)], fps=20)


def test_pictures_stand_side_by_side_in_their_order_with_a_dark_area_under_the_lower_one() -> None:
    high, low = _gradient(40, 20), np.full((30, 10, 3), 255, dtype=np.uint8)
    joined = side_by_side({"z_first": high, "a_second": low})
    assert joined.shape == (40, 30, 3)
    np.testing.assert_array_equal(joined[:, :20], high)
    np.testing.assert_array_equal(joined[:30, 20:], low)
    assert joined[30:, 20:].max() < 40
    with pytest.raises(HarnessError, match="no pictures"):
        side_by_side({})


def test_a_caption_stands_under_the_picture_and_leaves_it_as_it_is() -> None:
    picture = _gradient(64, 256)
    captioned = caption(picture, "step 12/220", "success")
    assert captioned.shape == (64 + STRIP_HEIGHT_PX, 256, 3)
    np.testing.assert_array_equal(captioned[:64], picture)
    strip = captioned[64:]
    assert strip[:, :90].max() > 200  # the text at the left
    assert strip[:, 190:].max() > 200  # the one at the right
    assert strip[:, 110:180].max() < 40  # nothing between them


@pytest.mark.parametrize(("outcome", "weakest"), [("success", (0, 2)), ("failure", (1, 2)), ("error", (2,))])
def test_the_outcome_is_green_red_or_amber(outcome: str, weakest: tuple[int, ...]) -> None:
    strip = caption(_gradient(16, 128), "", outcome)[16:].astype(int)
    brightest = strip.reshape(-1, 3)[strip.sum(axis=2).argmax()]
    strong = [channel for channel in range(3) if channel not in weakest]
    assert min(brightest[strong]) > 150
    assert max(brightest[list(weakest)]) < min(brightest[strong]) - 40


def test_a_long_text_ends_before_the_other_one() -> None:
    alone = caption(_gradient(16, 200), "", "failure")[16:]
    both = caption(_gradient(16, 200), "w" * 300, "failure")[16:]
    right_start = int(np.argmax((alone.max(axis=2) > 100).any(axis=0)))
    np.testing.assert_array_equal(both[:, right_start - 2 :], alone[:, right_start - 2 :])
    assert both[:, : right_start - 8].max() > 200


@pytest.mark.parametrize("width", [1, 8, 30])
def test_a_caption_fits_any_width(width: int) -> None:
    assert caption(_gradient(16, width), "a long text at the left", "success").shape[1] == width


def test_an_episode_gives_a_frame_a_state_with_two_strips_under_the_pictures() -> None:
    pictures = [{"front": _gradient(64, 64, i), "wrist": _gradient(64, 64, 2 * i)} for i in range(4)]
    frames = list(
        episode_frames(iter(pictures), instruction="open it", outcome="failure", max_steps=220, control_freq_hz=20)
    )
    assert len(frames) == 4
    for step, frame in enumerate(frames):
        assert frame.shape == (64 + 2 * STRIP_HEIGHT_PX, 128, 3)
        np.testing.assert_array_equal(frame[:64, :64], pictures[step]["front"])
        told = caption(np.zeros((1, 128, 3), dtype=np.uint8), "open it", "")[1:]
        counted = caption(np.zeros((1, 128, 3), dtype=np.uint8), f"step {step}/220 · 0.{5 * step:02} s", "failure")[1:]
        np.testing.assert_array_equal(frame[64 : 64 + STRIP_HEIGHT_PX], told)
        np.testing.assert_array_equal(frame[64 + STRIP_HEIGHT_PX :], counted)
