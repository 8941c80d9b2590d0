from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.policies.images import resize_with_pad


def test_a_picture_of_the_right_size_is_copied_unchanged() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    result = resize_with_pad(image, 8)
    assert np.array_equal(result, image)
    assert not np.shares_memory(result, image)


def test_a_wide_picture_gets_equal_black_bars_above_and_below() -> None:
    result = resize_with_pad(np.full((480, 640, 3), 200, dtype=np.uint8), 224)
    # 480 / 640 * 224 = 168 rows, 28 black ones on either side.
    assert (result[:28] == 0).all()
    assert (result[28:196] == 200).all()
    assert (result[196:] == 0).all()


def test_a_high_picture_gets_equal_black_bars_left_and_right() -> None:
    result = resize_with_pad(np.full((20, 10, 3), 9, dtype=np.uint8), 40)
    assert (result[:, :10] == 0).all()
    assert (result[:, 10:30] == 9).all()
    assert (result[:, 30:] == 0).all()


def test_halving_averages_bilinearly_and_keeps_channels_apart() -> None:
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    image[:, 2:, 0] = 200
    image[2:, :, 2] = 100
    result = resize_with_pad(image, 2)
    # Pillow's bilinear filter at half size is a triangle over 4 pixels, (1, 3, 3, 1) / 8, cut off at the border:
    # the left column weighs the zeros 3 + 3 and the one 200 with 1, so 200 / 7.
    assert result[0, :, 0].tolist() == pytest.approx([200 / 7, 200 * 6 / 7], abs=0.51)
    assert result[:, 0, 2].tolist() == pytest.approx([100 / 7, 100 * 6 / 7], abs=0.51)
    assert (result[..., 1] == 0).all()


@given(height=st.integers(1, 60), width=st.integers(1, 60), size=st.integers(1, 40))
def test_the_result_is_square_and_keeps_the_colour_and_the_aspect(height: int, width: int, size: int) -> None:
    result = resize_with_pad(np.full((height, width, 3), 77, dtype=np.uint8), size)
    assert result.shape == (size, size, 3)
    assert result.dtype == np.uint8
    rows, columns = (result.any(axis=(1, 2)).sum(), result.any(axis=(0, 2)).sum())
    assert set(np.unique(result)) <= {0, 77}
    assert max(rows, columns) == size
    assert abs(rows * width - columns * height) <= max(height, width)
