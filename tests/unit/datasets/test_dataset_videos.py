from __future__ import annotations

from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets.lerobot_v3 import grouped
from harness.datasets.videos import encode_pictures, join_videos
from harness.errors import HarnessError, StoreError

FPS = 20


def pictures(frames: int, seed: int) -> np.ndarray:
    """Smooth pictures, each with a brightness of its own."""
    base = np.linspace(0, 100, 48)[:, None, None] + np.linspace(0, 50, 64)[None, :, None]
    steps = np.arange(frames)[:, None, None, None] * 9.0 + seed
    return np.broadcast_to(base[None] + steps, (frames, 48, 64, 3)).astype(np.uint8)


def decoded(path) -> tuple[list[float], np.ndarray, list[bool]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    times = [float(frame.pts * frame.time_base) for frame in frames]
    return times, np.stack([frame.to_ndarray(format="rgb24") for frame in frames]), [frame.key_frame for frame in frames]


def test_frames_come_back_at_their_times_and_nearly_as_they_were(tmp_path):
    shown = pictures(7, seed=0)
    encode_pictures(tmp_path / "a.mp4", shown, FPS)
    times, found, keys = decoded(tmp_path / "a.mp4")
    assert times == pytest.approx(np.arange(7) / FPS)
    assert np.abs(found.astype(int) - shown).max() <= 6
    assert keys[0]
    assert all(one or other for one, other in pairwise(keys)), "any frame is decoded from at most two"


def test_joined_videos_hold_the_frames_of_their_parts_one_after_the_other(tmp_path):
    parts = []
    for number, frames in enumerate((3, 1, 6)):
        path = tmp_path / f"{number}.mp4"
        encode_pictures(path, pictures(frames, seed=40 * number), FPS)
        parts.append((path, frames))
    join_videos(tmp_path / "joined.mp4", parts, FPS)
    times, found, _ = decoded(tmp_path / "joined.mp4")
    assert times == pytest.approx(np.arange(10) / FPS)
    assert np.array_equal(found, np.concatenate([decoded(path)[1] for path, _ in parts]))


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        encode_pictures(tmp_path / name, pictures(4, seed=3), FPS)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_pictures_with_an_odd_side_are_refused(tmp_path):
    with pytest.raises(HarnessError, match="64x47"):
        encode_pictures(tmp_path / "a.mp4", pictures(2, 0)[:, :47], FPS)


def test_a_part_that_is_no_video_is_named_and_leaves_nothing(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(StoreError, match=r"joined\.mp4 cannot be"):
        join_videos(tmp_path / "joined.mp4", [(tmp_path / "a.mp4", 1)], FPS)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@given(st.lists(st.integers(0, 9)), st.integers(1, 20))
def test_files_hold_neighbours_up_to_their_limit_and_as_many_as_fit(sizes, limit):
    groups = list(grouped(sizes, limit))
    assert [index for group in groups for index in group] == list(range(len(sizes)))
    totals = [sum(sizes[index] for index in group) for group in groups]
    assert all(total <= limit or len(group) == 1 for total, group in zip(totals, groups, strict=True))
    assert all(totals[i] + sizes[groups[i + 1][0]] > limit for i in range(len(groups) - 1))
