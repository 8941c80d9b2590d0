from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.datasets.stats import as_json, picture_histogram, picture_stats, vector_stats

PICTURES = arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.just(3)))


def test_statistics_of_columns():
    rows = np.array([[float(i), 5.0] for i in range(101)])
    stats = vector_stats(rows)
    expected = {"mean": [50, 5], "min": [0, 5], "max": [100, 5], "q01": [1, 5], "q99": [99, 5], "count": [101]}
    assert {name: stats[name].tolist() for name in expected} == expected
    assert stats["std"] == pytest.approx([np.sqrt((101**2 - 1) / 12), 0])  # of a discrete uniform distribution


@settings(max_examples=60, deadline=None)
@given(PICTURES)
def test_statistics_of_pictures_are_those_of_their_pixels(pictures):
    stats = picture_stats(picture_histogram(pictures), len(pictures))
    pixels = pictures.reshape(-1, 3) / 255
    expected = {
        "mean": pixels.mean(axis=0),
        "std": pixels.std(axis=0),
        "min": pixels.min(axis=0),
        "max": pixels.max(axis=0),
        "q01": np.quantile(pixels, 0.01, axis=0, method="inverted_cdf"),
        "q99": np.quantile(pixels, 0.99, axis=0, method="inverted_cdf"),
    }
    for name, values in expected.items():
        assert stats[name].shape == (3, 1, 1)
        assert stats[name].ravel() == pytest.approx(values, abs=1e-12), name
    assert stats["count"].tolist() == [len(pictures)]


@settings(max_examples=20, deadline=None)
@given(PICTURES)
def test_histograms_of_parts_add_up(pictures):
    twice = np.concatenate([pictures, pictures])
    assert np.array_equal(picture_histogram(twice), 2 * picture_histogram(pictures))


def test_statistics_become_json():
    stats = {"action": vector_stats(np.zeros((2, 3)))}
    content = json.loads(json.dumps(as_json(stats, leave_out=("q01", "q99"))))
    assert content["action"]["mean"] == [0.0, 0.0, 0.0]
    assert set(content["action"]) == {"mean", "std", "min", "max", "count"}
