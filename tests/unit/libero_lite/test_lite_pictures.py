"""Pictures: a decoder that is not ours reads what was drawn."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.envs.libero.lite.pictures import Canvas, plaster, tiles, wood

RED, BLUE, WHITE = (200, 30, 40), (20, 60, 180), (250, 250, 250)


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))


@given(
    width=st.integers(1, 300).map(lambda n: 2 * n),
    height=st.integers(1, 300),
    edges=st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_a_rectangle_covers_its_part_and_nothing_else(width, height, edges):
    left, right = sorted(edges[:2])
    top, bottom = sorted(edges[2:])
    expected = np.full((height, width, 3), RED)
    expected[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = BLUE
    drawn = pixels(Canvas(width, height, RED).rectangle(left, top, right, bottom, BLUE).picture("p"))
    np.testing.assert_array_equal(drawn, expected)


def test_a_disc_is_round_and_in_its_place():
    drawn = pixels(Canvas(100, 100, RED).disc(0.3, 0.6, 0.2, BLUE).picture("p"))
    rows, columns = np.nonzero((drawn == BLUE).all(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (40, 79, 10, 49)
    assert len(rows) == pytest.approx(np.pi * 20**2, rel=0.02)


def test_words_are_centred_and_read_from_left_to_right():
    drawn = (pixels(Canvas(60, 20, RED).words(0.5, 0.5, "IL", WHITE, 1).picture("p")) == WHITE).all(axis=2)
    rows, columns = np.nonzero(drawn)
    assert rows.min() == 7
    assert rows.max() == 13
    assert set(columns) == {25, 26, 27, 30, 31, 32, 33, 34}
    bottom = drawn[13]
    assert bottom[30:].sum() == 5, "the L has its foot on the right"
    assert drawn[7][30:].sum() == 1


def test_words_wider_than_the_picture_are_cut_off():
    assert pixels(Canvas(20, 20, RED).words(0.5, 0.5, "CHOCOLATE", WHITE, 3).picture("p")).shape == (20, 20, 3)


def test_a_seventeenth_colour_is_refused():
    canvas = Canvas(32, 32, RED)
    for shade in range(16):
        canvas.rectangle(0, 0, 1, 1, (shade, shade, shade))
    with pytest.raises(ValueError, match="17 colours"):
        canvas.picture("p")


@pytest.mark.parametrize("draw", [wood, plaster])
def test_natural_surfaces_stay_between_their_colours_and_differ_by_seed(draw):
    light, dark = (200, 180, 160), (100, 90, 80)
    drawn = pixels(draw("p", light, dark, seed=1))
    assert (drawn <= light).all()
    assert (drawn >= dark).all()
    assert drawn.std() > 3, "it is not one colour"
    assert (drawn != pixels(draw("p", light, dark, seed=2))).any()


def test_tiles_have_joints_at_regular_distances():
    joint = (1, 2, 3)
    drawn = (pixels(tiles("p", (220, 220, 220), (180, 180, 180), joint, seed=1)) == joint).all(axis=2)
    assert np.flatnonzero(drawn.all(axis=1)).tolist() == [0, 1, 64, 65]
    assert np.flatnonzero(drawn.all(axis=0)).tolist() == [0, 1, 64, 65]
