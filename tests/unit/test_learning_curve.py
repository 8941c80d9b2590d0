import math
import xml.etree.ElementTree as ET

import pandas as pd
import pytest

from harness.learning_curve import CURVE_COLUMNS, curve_svg, step_of, write_curve

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("runs/pi0/step_10000", 10000), ("checkpoint-5000", 5000), ("outputs/checkpoints/020000/pretrained_model", 20000),
        ("ckpt20k", 20000), ("iter_300.pt", 300), ("global_step_1m", 1_000_000), ("Steps-7", 7), ("20k", 20000),
        ("py:my.py:Model?checkpoint=runs/step_400", 400), ("py:my.py:Model?checkpoint=020000&num_steps=10", 20000),
        ("py:my.py:Model?checkpoint=runs/step_400&device=cpu", 400), ("run3/step_5/step_6", 6), ("step=30", 30),
    ],
)  # fmt: skip
def test_a_step_is_found_in_a_name(name, step):
    assert step_of(name) == step


@pytest.mark.parametrize(
    "name", ["ws://localhost:8000", "expert", "py:my.py:Model?num_steps=10", "py:my.py:Model?seed=3", "model_v2", "best", ""]
)
def test_ports_and_other_numbers_are_no_steps(name):
    assert step_of(name) is None


def curve(*points):
    rows = [(step, "r", "p", 10, 5, 0, rate, low, high, "wilson") for step, rate, low, high in points]
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def test_the_picture_has_a_point_a_step_higher_for_better_and_leaves_out_what_is_not_known():
    drawn = curve((0, 0.0, 0.0, 0.3), (100, 0.5, 0.2, 0.8), (150, math.nan, math.nan, math.nan), (200, 1.0, 0.7, 1.0))
    circles = [circle.attrib for circle in ET.fromstring(curve_svg(drawn)).iter(f"{SVG}circle")]
    across, down = [float(c["cx"]) for c in circles], [float(c["cy"]) for c in circles]
    assert len(circles) == 3
    assert across[1] - across[0] == pytest.approx(across[2] - across[1])
    assert down[0] > down[1] > down[2]
    assert down[0] - down[1] == pytest.approx(down[1] - down[2])


@pytest.mark.parametrize("count", [0, 1, 2, 9, 50])
def test_any_number_of_points_makes_a_picture_with_at_most_nine_labels(count):
    texts = [
        text.text
        for text in ET.fromstring(curve_svg(curve(*((1000 * i, 0.5, 0.4, 0.6) for i in range(count))))).iter(f"{SVG}text")
    ]
    labels = [text for text in texts if text.replace(",", "").isdecimal()]
    assert min(count, 1) <= len(labels) <= 9
    if count:
        assert f"{1000 * (count - 1):,}" in labels


def test_the_files_are_written(tmp_path):
    write_curve(curve((5, 0.5, 0.25, 0.75)), tmp_path)
    assert (tmp_path / "learning_curve.csv").read_text().splitlines()[1] == "5,r,p,10,5,0,0.5,0.25,0.75,wilson"
    assert (tmp_path / "learning_curve.svg").read_text().startswith("<svg")
