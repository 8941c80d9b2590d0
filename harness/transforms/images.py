"""Steps on one picture.

A picture is uint8 (H, W, 3), RGB, unless a step says otherwise. Pictures arrive as the protocol's rotation leaves them.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.transforms.base import Invertible, SelfInverse
from harness.types import UInt8Array

Float32Array = npt.NDArray[np.float32]

# The quality that ``tf.image.encode_jpeg`` uses, and with it OpenVLA's preprocessing; its chroma is 4:2:0.
TENSORFLOW_JPEG_QUALITY = 95


@dataclass(frozen=True)
class Rotate180(SelfInverse):
    """Rows and columns reversed: LIBERO's own picture as checkpoints see it, or back."""

    def __call__(self, image: UInt8Array) -> UInt8Array:
        """See `Invertible`."""
        return np.ascontiguousarray(image[::-1, ::-1])


@dataclass(frozen=True)
class FlipVertical(SelfInverse):
    """Rows reversed."""

    def __call__(self, image: UInt8Array) -> UInt8Array:
        """See `Invertible`."""
        return np.ascontiguousarray(image[::-1])


@dataclass(frozen=True)
class FlipHorizontal(SelfInverse):
    """Columns reversed."""

    def __call__(self, image: UInt8Array) -> UInt8Array:
        """See `Invertible`."""
        return np.ascontiguousarray(image[:, ::-1])


@dataclass(frozen=True)
class SwapRedBlue(SelfInverse):
    """RGB as BGR, or back."""

    def __call__(self, image: UInt8Array) -> UInt8Array:
        """See `Invertible`."""
        return np.ascontiguousarray(image[..., ::-1])


@dataclass(frozen=True)
class ChannelsFirst(Invertible):
    """(H, W, 3) as (3, H, W), of any type."""

    def __call__(self, image: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """See `Invertible`."""
        return np.ascontiguousarray(np.moveaxis(image, -1, 0))

    def undo(self, value: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """See `Invertible`."""
        return np.ascontiguousarray(np.moveaxis(value, 0, -1))


@dataclass(frozen=True)
class UnitFloat(Invertible):
    """uint8 0 to 255 as float32 0 to 1; back, what lies between two levels is rounded and what lies outside is clipped."""

    def __call__(self, image: UInt8Array) -> Float32Array:
        """See `Invertible`."""
        return image.astype(np.float32) / np.float32(255)

    def undo(self, value: Float32Array) -> UInt8Array:
        """See `Invertible`."""
        levels: UInt8Array = np.rint(np.clip(value, 0, 1) * np.float32(255)).astype(np.uint8)
        return levels


@dataclass(frozen=True)
class ResizeWithPad:
    """Fits a picture into a square; see `resize_with_pad`.

    Attributes:
        size_px: Height and width of the square.
    """

    size_px: int

    def __call__(self, image: UInt8Array) -> UInt8Array:
        """A picture (size_px, size_px, 3)."""
        return resize_with_pad(image, self.size_px)


def resize_with_pad(image: UInt8Array, size_px: int) -> UInt8Array:
    """Fits a picture into a square, keeping its aspect ratio: bilinear, centred, black around it.

    The preprocessing of openpi's LIBERO client, bit for bit: ``openpi_client.image_tools.resize_with_pad`` of
    Physical-Intelligence/openpi.

    Args:
        image: uint8 (H, W, 3).
        size_px: Height and width of the square.

    Returns:
        uint8 (size_px, size_px, 3), always a copy; a picture that has this size already is not resampled.
    """
    height, width = image.shape[:2]
    if (height, width) == (size_px, size_px):
        return image.copy()
    from PIL import Image

    # Cut off after two divisions of floats, as openpi does it: a width of 225 becomes 223 of 224 pixels.
    ratio = max(width / size_px, height / size_px)
    new_height, new_width = max(1, int(height / ratio)), max(1, int(width / ratio))
    resized = Image.fromarray(image).resize((new_width, new_height), resample=Image.Resampling.BILINEAR)
    square = np.zeros((size_px, size_px, 3), dtype=np.uint8)
    top, left = (size_px - new_height) // 2, (size_px - new_width) // 2
    square[top : top + new_height, left : left + new_width] = np.asarray(resized)
    return square


@dataclass(frozen=True)
class ResizeLanczos:
    """Scales a picture to a square with Lanczos' filter over three lobes, whatever its aspect ratio.

    OpenVLA's ``resize_image``: ``tf.image.resize(method="lanczos3", antialias=True)``, rounded and clipped at the end alone.
    Source: ``experiments/robot/libero/libero_utils.py`` of openvla/openvla.

    Attributes:
        size_px: Height and width of the square.
    """

    size_px: int

    def __call__(self, image: UInt8Array) -> UInt8Array:
        """A picture (size_px, size_px, 3)."""
        from PIL import Image

        # Channel by channel in floats, because Pillow rounds pictures of bytes after each of its two passes.
        size = (self.size_px, self.size_px)
        channels = [Image.fromarray(channel.astype(np.float32)) for channel in np.moveaxis(image, -1, 0)]
        resized = [np.asarray(channel.resize(size, resample=Image.Resampling.LANCZOS)) for channel in channels]
        levels: UInt8Array = np.clip(np.rint(np.stack(resized, axis=-1)), 0, 255).astype(np.uint8)
        return levels


@dataclass(frozen=True)
class JpegRoundTrip:
    """Encodes a picture as JPEG and decodes it again, for models whose training data went through JPEG (RLDS).

    OpenVLA's ``resize_image`` begins with it. The encoded bytes are those of ``tf.image.encode_jpeg``, whose chroma has half
    the resolution. Decoded they differ from TensorFlow's by 1 to 2 levels on average, because TensorFlow takes libjpeg's
    fast inverse transform and Pillow the accurate one.

    Attributes:
        quality: Of the encoder, 1 to 95.
    """

    quality: int = TENSORFLOW_JPEG_QUALITY

    def __call__(self, image: UInt8Array) -> UInt8Array:
        """A picture of the same size."""
        from PIL import Image

        with io.BytesIO() as file:
            Image.fromarray(image).save(file, format="JPEG", quality=self.quality, subsampling="4:2:0")
            file.seek(0)
            with Image.open(file) as decoded:
                return np.array(decoded)


@dataclass(frozen=True)
class CentreCrop:
    """Cuts out the middle and scales it back to the size before: bilinear, corners on corners, without antialiasing.

    OpenVLA's ``crop_and_resize`` at evaluation, for models trained with random crops: ``tf.image.crop_and_resize`` in
    float32, then ``convert_image_dtype``, which cuts off value * 255.5. Source: ``experiments/robot/openvla_utils.py`` of
    openvla/openvla. Area 0.9 means that each side keeps sqrt(0.9) of its length.

    Attributes:
        area: Of the cut in parts of the picture's.
    """

    area: float = 0.9

    def __call__(self, image: UInt8Array) -> UInt8Array:
        """A picture of the same size."""
        unit = image.astype(np.float32) / np.float32(255)
        cropped = _sampled(_sampled(unit, self.area, axis=0), self.area, axis=1)
        return (np.clip(cropped, 0, 1) * np.float32(255.5)).astype(np.uint8)


def _sampled(image: Float32Array, area: float, axis: int) -> Float32Array:
    """As many samples along an axis as it has, evenly over its middle part; linear between pixels."""
    last = image.shape[axis] - 1
    margin = (1 - math.sqrt(area)) / 2
    position = np.linspace(margin * last, (1 - margin) * last, last + 1)
    below = np.minimum(position.astype(np.intp), max(0, last - 1))
    shape = [1, 1, 1]
    shape[axis] = -1
    weight = (position - below).astype(np.float32).reshape(shape)
    low, high = image.take(below, axis), image.take(np.minimum(below + 1, last), axis)
    blended: Float32Array = low + (high - low) * weight
    return blended
