import base64
import json
import math
import re

import pytest
from page_runs import LIFT, REACH, write_run

from harness.pages.report import report_data, write_report_page
from harness.pages.video_files import PageFiles
from harness.runs import Run


@pytest.fixture
def run(tmp_path):
    directory = write_run(tmp_path / "alpha", {LIFT: "sfs", REACH: "es"}, videos=True)
    (directory / "errors").mkdir(exist_ok=True)
    (directory / "errors" / "piper_reach__task0__init0__repeat0__seed0.attempt1.txt").write_text("where from")
    return Run(directory)


def data_of(run, page=None, *, embed=False):
    return report_data(run, PageFiles(page or run.directory / "report.html", embed=embed))


def test_the_headline_is_the_mean_of_suites_with_its_counts(run):
    mean = data_of(run)["rates"]["mean"]
    assert mean["success_rate"] == pytest.approx((2 / 3 + 1) / 2)
    assert (mean["episodes"], mean["successes"], mean["failures"], mean["errors"]) == (5, 3, 1, 1)
    # MOVER of Wilson's limits 0.2077 and 0.9385 of 2 in 3, 0.2065 and 1 of 1 in 1
    assert mean["ci_low"] == pytest.approx(0.8333 - math.hypot(0.6667 - 0.2077, 1 - 0.2065) / 2, abs=2e-3)


def test_episodes_are_columns_in_order(run):
    data = data_of(run)
    episodes = data["run"]["episodes"]
    assert [(task["suite"], task["id"], task["name"]) for task in data["tasks"]] == [
        (LIFT[0], 0, LIFT[1]),
        (REACH[0], 0, REACH[1]),
    ]
    assert data["tasks"][0]["instruction"] == "please lift_the_red_cube"
    assert episodes["outcome"] == "sfses"
    assert episodes["task"] == [0, 0, 0, 1, 1]
    assert episodes["init"] == [0, 1, 2, 0, 1]
    assert episodes["steps"] == [50, 200, 52, 5, 51]
    assert episodes["video"] == [1, 1, 1, 1, 1]
    assert episodes["video_names"] == {"3": "piper_reach__task0__init0__repeat0__seed0.attempt1.mp4"}


def test_errors_name_their_log_and_how_the_episode_ended(run):
    errors = data_of(run)["run"]["errors"]
    assert errors["messages"] == [("PolicyError", "no answer")]
    log = "errors/piper_reach__task0__init0__repeat0__seed0.attempt1.txt"
    assert errors["attempts"] == [[1, 0, 0, 0, 1, 5, 0, "e", log]]


def test_a_page_that_is_sent_away_links_no_logs(run, tmp_path):
    (attempt,) = data_of(run, tmp_path / "page.html", embed=True)["run"]["errors"]["attempts"]
    assert attempt[-1] is None


def test_curves_and_time_have_a_row_a_suite(run):
    data = data_of(run)["run"]
    assert [(curve["suite"], curve["n"], curve["points"], curve["max_steps"]) for curve in data["curves"]] == [
        ("piper_lift", 3, [[50, 1], [52, 2]], 200),
        ("piper_reach", 1, [[51, 1]], 200),
    ]
    assert [row["suite"] for row in data["timing"]] == ["piper_lift", "piper_reach", None]
    assert data["timing"][2]["steps"] == 358


def test_notes_say_what_the_numbers_do_not(tmp_path):
    assets = {"kind": "lite", "sha256": "00", "root": "", "source": "", "warning": "not comparable with published rates"}
    directory = write_run(tmp_path / "alpha", {LIFT: "se"}, videos=True, episodes=7, assets=assets)
    (directory / "videos" / "piper_lift__task0__init0__repeat0__seed0.mp4").unlink()
    data = data_of(Run(directory))
    assert data["notes"] == [
        "The run is unfinished: 2 of 7 episodes have ended.",
        "1 episode ended in an error; the rates leave that out.",
        "1 video that the run recorded is not in its directory.",
        "not comparable with published rates",
    ]
    assert data["run"]["episodes"]["video"] == [0, 1]


def test_a_run_without_episodes_makes_a_page(tmp_path):
    run = Run(write_run(tmp_path / "alpha", {LIFT: ""}, episodes=3))
    write_report_page(run, tmp_path / "report.html")
    assert data_of(run)["rates"]["mean"] is None


def test_a_page_of_a_run_is_the_same_whenever_it_is_made(run, tmp_path):
    for name in ("a.html", "b.html"):
        write_report_page(run, tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_embedded_videos_are_whole(run, tmp_path):
    page = tmp_path / "elsewhere" / "report.html"
    write_report_page(run, page, embed=True)
    text = page.read_text(encoding="utf-8")
    videos = re.findall(r'<script type="text/plain" id="(video-\d+)">([^<]*)</script>', text)
    island = json.loads(re.search(r'id="data">(.*)</script>', text)[1])
    assert island["run"]["episodes"]["video"] == [name for name, _ in videos]
    recorded = [run.directory / record.video for record in run.records()]
    assert [base64.b64decode(content) for _, content in videos] == [path.read_bytes() for path in recorded]
