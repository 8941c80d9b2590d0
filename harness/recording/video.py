"""Videos of episodes: pictures side by side, a caption under them, H.264 in an .mp4 file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from harness.errors import HarnessError, StoreError
from harness.files import written_aside
from harness.types import Outcome, UInt8Array

# The strip under a picture: an even height, so that it never makes an odd picture of an even one.
STRIP_HEIGHT_PX = 20
_FONT_SIZE_PX = 12
_MARGIN_PX = 6
_DARK = (24, 24, 24)
_WHITE = (240, 240, 240)
_OUTCOME_COLOURS = MappingProxyType({"success": (96, 220, 112), "failure": (255, 112, 104), "error": (255, 190, 64)})

# One thread: x264's output depends on the number of threads, and a worker has one core. CRF 20 is a little better than
# x264's default of 23, which blurs the small letters of the caption.
_X264_OPTIONS = MappingProxyType({"crf": "20", "preset": "medium"})
_SMPTE_170M = 6  # ISO/IEC 23091-2, colour codes; the BT.601 matrix that the conversion to yuv420p uses
_LIMITED_RANGE = 1  # FFmpeg's AVCOL_RANGE_MPEG


def write_video(path: Path, frames: Iterable[UInt8Array], fps: int) -> None:
    """Writes frames as H.264 (yuv420p) in an .mp4 that plays while it loads; the same frames give the same bytes.

    Args:
        path: The final place; a file appears there only when it is complete.
        frames: Pictures (H, W, 3), RGB, all of one size. An odd side is extended by one pixel, as yuv420p needs.
        fps: Frames a second, constant; frame i is shown at i / fps seconds.

    Raises:
        HarnessError: There are no frames, or they differ in size or are not RGB pictures.
        StoreError: The file cannot be written.
    """
    import av

    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise HarnessError(f"{path} would be a video without frames")
    with written_aside(path) as aside:
        try:
            with av.open(str(aside), "w", format="mp4", options={"movflags": "+faststart"}) as container:
                _encode(container, chain([first], remaining), first.shape, fps)
        except av.error.FFmpegError as error:
            raise StoreError(f"{path} cannot be written as H.264: {error}") from error


def side_by_side(pictures: Mapping[str, UInt8Array]) -> UInt8Array:
    """Puts pictures beside each other, in the mapping's order.

    Args:
        pictures: Camera name -> picture (H, W, 3). A lower picture is extended downwards with a dark area.

    Returns:
        One picture, as high as the highest and as wide as all together.

    Raises:
        HarnessError: There are no pictures.
    """
    if not pictures:
        raise HarnessError("there are no pictures to put side by side")
    height = max(picture.shape[0] for picture in pictures.values())
    columns = []
    for picture in pictures.values():
        column = np.full((height, picture.shape[1], 3), _DARK, dtype=np.uint8)
        column[: picture.shape[0]] = picture
        columns.append(column)
    return np.concatenate(columns, axis=1)


def caption(frame: UInt8Array, left: str, right: str) -> UInt8Array:
    """Adds a dark strip with two texts under a picture; the picture itself stays as it is.

    Args:
        frame: Picture (H, W, 3).
        left: Text at the left; shortened with three dots where it does not fit beside the right one.
        right: Text at the right; ``success`` is green, ``failure`` red, ``error`` amber, anything else white.

    Returns:
        Picture (H + STRIP_HEIGHT_PX, W, 3).
    """
    width = frame.shape[1]
    strip = Image.new("RGB", (width, STRIP_HEIGHT_PX), _DARK)
    draw = ImageDraw.Draw(strip)
    font = _font()
    middle = STRIP_HEIGHT_PX // 2
    right_start = width - _MARGIN_PX - (font.getlength(right) if right else 0)
    gap = _MARGIN_PX if right else 0
    shortened = _fitted(left, right_start - gap - _MARGIN_PX)
    draw.text((_MARGIN_PX, middle), shortened, fill=_WHITE, font=font, anchor="lm")
    draw.text((right_start, middle), right, fill=_OUTCOME_COLOURS.get(right, _WHITE), font=font, anchor="lm")
    return np.concatenate([frame, np.asarray(strip, dtype=np.uint8)], axis=0)


def episode_frames(
    pictures: Iterable[Mapping[str, UInt8Array]],
    *,
    instruction: str,
    outcome: Outcome,
    max_steps: int,
    control_freq_hz: int,
) -> Iterator[UInt8Array]:
    """Makes the frames of an episode's video, one a state.

    Under the cameras' pictures stand two strips: the instruction, and ``step 12/220 · 0.60 s`` with the outcome.

    Args:
        pictures: Camera name -> picture (H, W, 3), for the first state and the state after every step: T + 1 mappings.
        instruction: What the policy was told.
        outcome: How the episode ended; shown on every frame.
        max_steps: The protocol's limit, the second number of the step counter.
        control_freq_hz: Control steps a simulated second; also the right ``fps`` for `write_video`.

    Yields:
        T + 1 frames (H + 2 STRIP_HEIGHT_PX, sum of W, 3).
    """
    for step, views in enumerate(pictures):
        told = caption(side_by_side(views), instruction, "")
        yield caption(told, f"step {step}/{max_steps} · {step / control_freq_hz:.2f} s", outcome)


def _encode(container: Any, frames: Iterable[UInt8Array], shape: tuple[int, ...], fps: int) -> None:
    import av

    stream = container.add_stream("libx264", rate=fps, options=dict(_X264_OPTIONS))
    stream.height, stream.width = (side + side % 2 for side in shape[:2])
    stream.pix_fmt = "yuv420p"
    stream.time_base = Fraction(1, fps)
    codec = stream.codec_context
    codec.time_base = Fraction(1, fps)
    codec.thread_count = 1
    codec.colorspace = codec.color_primaries = codec.color_trc = _SMPTE_170M
    codec.color_range = _LIMITED_RANGE
    for index, picture in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(_even(picture, shape, index), format="rgb24")
        frame.pts = index
        frame.time_base = Fraction(1, fps)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def _even(picture: UInt8Array, shape: tuple[int, ...], index: int) -> UInt8Array:
    if picture.shape != shape or picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise HarnessError(
            f"frame {index} of a video is {picture.dtype} {picture.shape}; expected uint8 (H, W, 3), "
            f"and the first frame's shape, {shape}"
        )
    height, width = shape[:2]
    if height % 2 or width % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(picture)


def _fitted(text: str, width_px: float) -> str:
    font = _font()
    if font.getlength(text) <= width_px:
        return text
    for end in range(len(text) - 1, 0, -1):
        shorter = text[:end].rstrip() + "..."
        if font.getlength(shorter) <= width_px:
            return shorter
    return ""


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=_FONT_SIZE_PX)
