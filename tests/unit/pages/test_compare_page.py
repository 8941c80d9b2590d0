import json
import re

import pytest
from page_runs import LIFT, REACH, write_run

import harness
from harness.pages.compare import compare_data, write_compare_page
from harness.pages.video_files import PageFiles


@pytest.fixture
def comparison(tmp_path):
    write_run(tmp_path / "alpha", {LIFT: "sffs", REACH: "se"})
    write_run(tmp_path / "beta", {LIFT: "fsss", REACH: "ss"})
    return harness.compare(harness.load_runs(tmp_path))


def data_of(comparison, page):
    return compare_data(comparison, PageFiles(page, embed=False))


def test_rates_of_runs_suites_and_tasks_are_there(comparison, tmp_path):
    data = data_of(comparison, tmp_path / "compare.html")
    assert [run["label"] for run in data["runs"]] == ["alpha", "beta"]
    assert [run["suites"]["piper_lift"]["rate"] for run in data["runs"]] == [0.5, 0.75]
    assert [[task["rate"] for task in run["tasks"]] for run in data["runs"]] == [[0.5, 1.0], [0.75, 1.0]]
    assert [run["mean"]["errors"] for run in data["runs"]] == [1, 0]
    assert [run["data"]["base"] for run in data["runs"]] == ["alpha/", "beta/"]


def test_flips_point_at_both_episodes(comparison, tmp_path):
    data = data_of(comparison, tmp_path / "compare.html")
    # Lift: only alpha solves state 0, only beta states 1 and 2. Reach: alpha's error is no failure.
    assert sorted(data["flips"]) == [[0, 1, False, 0, 0], [0, 1, True, 1, 1], [0, 1, True, 2, 2]]


def test_the_overall_pair_is_there_with_its_words(comparison, tmp_path):
    pairs = data_of(comparison, tmp_path / "compare.html")["pairs"]
    assert [pair["suite"] for pair in pairs] == ["piper_lift", "piper_reach", "mean"]
    assert pairs[0]["counts"] == {"both": 1, "only_a": 1, "only_b": 2, "neither": 0}
    assert pairs[0]["difference"] == pytest.approx(0.25)


def test_the_page_holds_the_data_and_what_differs(tmp_path):
    write_run(tmp_path / "alpha", {LIFT: "sf"})
    write_run(tmp_path / "beta", {LIFT: "ss"}, seed=1)
    comparison = harness.compare(harness.load_runs(tmp_path), force=True)
    write_compare_page(comparison, tmp_path / "compare.html")
    text = (tmp_path / "compare.html").read_text(encoding="utf-8")
    island = json.loads(re.search(r'id="data">(.*)</script>', text)[1])
    assert island["forced"] is True
    assert island["notes"][0].startswith("NOT COMPARABLE")
    assert {"field": "seed", "values": {"alpha": "0", "beta": "1"}, "severity": "blocking"} in island["differences"]
