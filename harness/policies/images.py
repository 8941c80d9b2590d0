"""What policies do to pictures before a model sees them."""

from __future__ import annotations

import numpy as np

from harness.types import UInt8Array


def resize_with_pad(image: UInt8Array, size_px: int) -> UInt8Array:
    """Fits a picture into a square, keeping its aspect ratio: bilinear, centred, black around it.

    The preprocessing of openpi's LIBERO client (``openpi_client.image_tools.resize_with_pad``).

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

    longer = max(height, width)
    new_height, new_width = max(1, height * size_px // longer), max(1, width * size_px // longer)
    resized = Image.fromarray(image).resize((new_width, new_height), resample=Image.Resampling.BILINEAR)
    square = np.zeros((size_px, size_px, 3), dtype=np.uint8)
    top, left = (size_px - new_height) // 2, (size_px - new_width) // 2
    square[top : top + new_height, left : left + new_width] = np.asarray(resized)
    return square
