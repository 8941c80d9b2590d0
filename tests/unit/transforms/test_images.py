from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from harness.transforms.images import (
    CentreCrop,
    ChannelsFirst,
    FlipHorizontal,
    FlipVertical,
    JpegRoundTrip,
    ResizeLanczos,
    ResizeWithPad,
    Rotate180,
    SwapRedBlue,
    UnitFloat,
)

PICTURES = npst.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)))
LOSSLESS = [Rotate180(), FlipVertical(), FlipHorizontal(), SwapRedBlue(), ChannelsFirst(), UnitFloat()]
ALL = [*LOSSLESS, ResizeWithPad(24), ResizeLanczos(24), JpegRoundTrip(), CentreCrop()]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    channels = [np.sin(rows / 17) + np.cos(columns / 11), np.sin(columns / 13), np.cos((rows + columns) / 19)]
    return np.stack([np.uint8(127 + 60 * channel) for channel in channels], axis=-1)


def openpis_resize_with_pad(image: np.ndarray, size: int) -> np.ndarray:
    """The reference, from its definition: sides divided by the larger ratio and cut off, bilinear, centred on black."""
    height, width = image.shape[:2]
    ratio = max(width / size, height / size)
    inner_width, inner_height = int(width / ratio), int(height / ratio)
    canvas = Image.new("RGB", (size, size), 0)
    inner = Image.fromarray(image).resize((inner_width, inner_height), Image.Resampling.BILINEAR)
    canvas.paste(inner, (int((size - inner_width) / 2), int((size - inner_height) / 2)))
    return np.asarray(canvas)


def weighted_lanczos(size_before: int, size_after: int) -> np.ndarray:
    """Weights (after, before) of Lanczos' filter over three lobes, widened by the scale when a picture shrinks."""
    scale = size_before / size_after
    support = max(scale, 1.0)
    centres = (np.arange(size_after) + 0.5) * scale - 0.5
    distance = (np.arange(size_before)[None] - centres[:, None]) / support
    weights = np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("step", LOSSLESS, ids=lambda step: type(step).__name__)
@given(image=PICTURES)
def test_a_step_and_its_inverse_give_the_picture_back(step: Any, image: np.ndarray) -> None:
    assert np.array_equal(step.inverse()(step(image)), image)
    assert np.array_equal(step.inverse().inverse()(image), step(image))


@pytest.mark.parametrize("step", ALL, ids=lambda step: type(step).__name__)
def test_a_step_leaves_its_input_alone_and_shares_no_memory_with_it(step: Any) -> None:
    image = noise(24, 24)
    before = image.copy()
    image.flags.writeable = False
    result = step(image)
    result[...] = 0
    assert np.array_equal(image, before)


def test_rotations_and_flips_move_a_corner_where_they_say() -> None:
    image = np.zeros((2, 3, 3), dtype=np.uint8)
    image[0, 0] = (1, 2, 3)
    assert Rotate180()(image)[1, 2].tolist() == [1, 2, 3]
    assert FlipVertical()(image)[1, 0].tolist() == [1, 2, 3]
    assert FlipHorizontal()(image)[0, 2].tolist() == [1, 2, 3]
    assert SwapRedBlue()(image)[0, 0].tolist() == [3, 2, 1]
    assert ChannelsFirst()(image)[:, 0, 0].tolist() == [1, 2, 3]
    assert ChannelsFirst()(image).shape == (3, 2, 3)


def test_floats_run_from_0_to_1_and_are_rounded_and_clipped_on_the_way_back() -> None:
    image = np.array([[[0, 51, 255]]], dtype=np.uint8)
    floats = UnitFloat()(image)
    assert floats.dtype == np.float32
    assert floats[0, 0].tolist() == pytest.approx([0, 0.2, 1])
    back = UnitFloat().inverse()(np.array([[[-0.5, 0.4981, 1.7]]], dtype=np.float32))
    assert back[0, 0].tolist() == [0, 127, 255]


@pytest.mark.parametrize("shape", [(256, 256), (480, 640), (640, 480), (225, 225), (100, 224), (37, 611), (18, 36)])
@pytest.mark.parametrize("make", [noise, smooth])
def test_resizing_with_padding_is_bit_equal_to_openpis(shape: tuple[int, int], make: Any) -> None:
    image = make(*shape)
    assert np.array_equal(ResizeWithPad(224)(image), openpis_resize_with_pad(image, 224))


def test_a_width_that_openpi_rounds_down_gets_223_columns() -> None:
    # 225 / (225 / 224) is 223.99999999999997 in floats.
    result = ResizeWithPad(224)(np.full((225, 225, 3), 9, dtype=np.uint8))
    assert (result.any(axis=(0, 2)).sum(), result.any(axis=(1, 2)).sum()) == (223, 223)


def test_a_picture_of_the_right_size_is_copied_unchanged() -> None:
    image = noise(8, 8)
    result = ResizeWithPad(8)(image)
    assert np.array_equal(result, image)
    assert not np.shares_memory(result, image)


def test_a_wide_picture_gets_equal_black_bars_above_and_below() -> None:
    result = ResizeWithPad(224)(np.full((480, 640, 3), 200, dtype=np.uint8))
    # 480 / 640 * 224 = 168 rows, 28 black ones on either side.
    assert (result[:28] == 0).all()
    assert (result[28:196] == 200).all()
    assert (result[196:] == 0).all()


def test_a_high_picture_gets_equal_black_bars_left_and_right() -> None:
    result = ResizeWithPad(40)(np.full((20, 10, 3), 9, dtype=np.uint8))
    assert (result[:, :10] == 0).all()
    assert (result[:, 10:30] == 9).all()
    assert (result[:, 30:] == 0).all()


def test_halving_averages_bilinearly_and_keeps_channels_apart() -> None:
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    image[:, 2:, 0] = 200
    image[2:, :, 2] = 100
    result = ResizeWithPad(2)(image)
    # Pillow's bilinear filter at half size is a triangle over 4 pixels, (1, 3, 3, 1) / 8, cut off at the border:
    # the left column weighs the zeros 3 + 3 and the one 200 with 1, so 200 / 7.
    assert result[0, :, 0].tolist() == pytest.approx([200 / 7, 200 * 6 / 7], abs=0.51)
    assert result[:, 0, 2].tolist() == pytest.approx([100 / 7, 100 * 6 / 7], abs=0.51)
    assert (result[..., 1] == 0).all()


@given(height=st.integers(1, 60), width=st.integers(1, 60), size=st.integers(1, 40))
def test_the_square_keeps_the_colour_and_the_aspect(height: int, width: int, size: int) -> None:
    result = ResizeWithPad(size)(np.full((height, width, 3), 77, dtype=np.uint8))
    assert result.shape == (size, size, 3)
    assert result.dtype == np.uint8
    rows, columns = (result.any(axis=(1, 2)).sum(), result.any(axis=(0, 2)).sum())
    assert set(np.unique(result)) <= {0, 77}
    assert max(rows, columns) >= max(1, size - 1)
    assert abs(rows * width - columns * height) <= 2 * max(height, width)


@pytest.mark.parametrize(("before", "after"), [(256, 224), (100, 224), (64, 24)])
def test_lanczos_weighs_pixels_as_its_formula_says_and_rounds_once(before: int, after: int) -> None:
    image = smooth(before, before)
    weights = weighted_lanczos(before, after)
    channels = np.moveaxis(image.astype(np.float64), -1, 0)
    exact = np.moveaxis(weights @ channels @ weights.T, 0, -1)
    result = ResizeLanczos(after)(image)
    # Half a level of rounding, and a little for weights and sums in single precision.
    assert np.abs(result - np.clip(exact, 0, 255)).max() <= 0.51


def test_a_picture_that_is_not_square_is_stretched_by_lanczos() -> None:
    assert ResizeLanczos(20)(noise(30, 50)).shape == (20, 20, 3)


def test_the_jpeg_round_trip_is_that_of_quality_95_with_halved_chroma() -> None:
    image = smooth(64, 48)
    result = JpegRoundTrip()(image)
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=95, subsampling=2)
    assert file.getvalue()[:2] == b"\xff\xd8"
    assert np.array_equal(result, np.asarray(Image.open(file)))
    assert 0 < np.abs(result.astype(int) - image).max() <= 12


def test_a_lower_quality_changes_a_picture_more() -> None:
    image = noise(64, 64)
    errors = [np.abs(JpegRoundTrip(quality)(image).astype(int) - image).mean() for quality in (20, 75, 95)]
    assert errors[0] > errors[1] > errors[2] > 0


@pytest.mark.parametrize("size", [224, 33])
def test_the_centre_crop_samples_the_middle_bilinearly_with_corners_on_corners(size: int) -> None:
    image = noise(size, size)
    side = math.sqrt(0.9)
    start, end = (1 - side) / 2 * (size - 1), (1 + side) / 2 * (size - 1)
    expected = np.empty((size, size, 3))
    for row, y in enumerate(np.linspace(start, end, size)):
        top, fraction = int(y), y - int(y)
        blended = image[top] * (1 - fraction) + image[min(top + 1, size - 1)] * fraction
        for column, x in enumerate(np.linspace(start, end, size)):
            left, part = int(x), x - int(x)
            expected[row, column] = blended[left] * (1 - part) + blended[min(left + 1, size - 1)] * part
    # convert_image_dtype of TensorFlow cuts off value * 255.5 of a value in [0, 1].
    result = CentreCrop(0.9)(image)
    assert np.abs(result - expected * 255.5 / 255).max() <= 1.001
    assert (result <= expected * 255.5 / 255 + 0.001).all()


def test_a_crop_of_the_whole_area_changes_nothing() -> None:
    image = noise(24, 30)
    assert np.array_equal(CentreCrop(1.0)(image), image)


def test_a_crop_of_a_quarter_shows_the_middle_half_of_each_side() -> None:
    image = np.zeros((101, 101, 3), dtype=np.uint8)
    image[25:76, 25:76] = 255
    assert (CentreCrop(0.25)(image) == 255).all()
    image[24, :] = image[:, 24] = 99
    assert (CentreCrop(0.25)(image) == 255).all()
