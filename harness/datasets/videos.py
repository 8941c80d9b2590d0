"""Videos that a training run reads single frames of, and several of them joined into one file."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from harness.errors import HarnessError, StoreError
from harness.files import written_aside
from harness.types import UInt8Array

# A key frame every second frame, as LeRobot encodes, so that any frame is decoded from at most two. No B-frames: packets
# are then in the order of their times, and files can be joined without encoding anew. CRF 18 is usually taken for visually
# lossless. One thread: x264's output depends on their number.
_X264_OPTIONS = MappingProxyType({"crf": "18", "preset": "medium", "g": "2", "bf": "0"})

# What lerobot's own `get_video_info` finds in these files.
VIDEO_INFO = MappingProxyType(
    {
        "video.codec": "h264",
        "video.pix_fmt": "yuv420p",
        "video.is_depth_map": False,
        "video.channels": 3,
        "has_audio": False,
    }
)


def encode_pictures(path: Path, pictures: UInt8Array, fps: int) -> None:
    """Writes pictures as H.264 (yuv420p) in an .mp4; frame i is shown at i / fps seconds.

    Args:
        path: The final place.
        pictures: (T, H, W, 3), RGB; H and W are even, as yuv420p needs.
        fps: Frames a second.

    Raises:
        HarnessError: A side is odd.
        StoreError: The file cannot be written.
    """
    import av

    height_px, width_px = pictures.shape[1:3]
    if height_px % 2 or width_px % 2:
        raise HarnessError(f"{path.name}: pictures of {width_px}x{height_px} cannot be a video: a side is odd")
    with written_aside(path) as aside:
        try:
            with av.open(str(aside), "w", format="mp4") as container:
                stream = container.add_stream("libx264", rate=fps, options=dict(_X264_OPTIONS))
                stream.height, stream.width, stream.pix_fmt = height_px, width_px, "yuv420p"
                stream.codec_context.thread_count = 1
                for index, picture in enumerate(pictures):
                    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                    frame.pts, frame.time_base = index, Fraction(1, fps)
                    container.mux(stream.encode(frame))
                container.mux(stream.encode())
        except av.error.FFmpegError as error:
            raise StoreError(f"{path} cannot be written as H.264: {error}") from error


def join_videos(path: Path, parts: Sequence[tuple[Path, int]], fps: int) -> None:
    """Joins videos of `encode_pictures` into one, without encoding anew.

    Args:
        path: The final place.
        parts: Files of pictures of one size, in order, each with how many frames it has.
        fps: Frames a second, the same for all.

    Raises:
        StoreError: A file cannot be read, or the joined one not be written.
    """
    import av

    with written_aside(path) as aside:
        try:
            with av.open(str(aside), "w", format="mp4") as joined:
                stream: Any = None
                before = 0
                for part, frames in parts:
                    with av.open(str(part)) as source:
                        if stream is None:
                            stream = joined.add_stream_from_template(source.streams.video[0])
                        _copy(source, joined, stream, Fraction(before, fps))
                    before += frames
        except av.error.FFmpegError as error:
            raise StoreError(f"{path} cannot be joined of {len(parts)} videos: {error}") from error


def _copy(source: Any, joined: Any, stream: Any, offset_s: Fraction) -> None:
    for packet in source.demux(source.streams.video[0]):
        if packet.dts is None:  # the empty packet at the end
            continue
        shift = round(offset_s / packet.time_base)
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        packet.stream = stream
        joined.mux(packet)
