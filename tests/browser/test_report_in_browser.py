"""report.html in a real browser."""

from __future__ import annotations

import shutil

import pytest
from looks import DESKTOP, FAINT_TEXT, HOSTILE, PHONE, UNNAMED, overflow_px, plays, tabbed
from page_runs import LIFT, REACH, write_run

from harness.pages.report import write_report_page
from harness.runs import Run

# One group: the tests share a browser, which parallel test processes would otherwise each start.
pytestmark = pytest.mark.xdist_group("browser")

KEY = "piper_lift/task0/init0/repeat0/seed0"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A run with videos and the page beside them; tests read it only."""
    folder = tmp_path_factory.mktemp("results")
    directory = write_run(folder / "my run #1", {LIFT: "sfse" * 20, REACH: "fs" * 5}, policy="alpha", videos=True)
    write_report_page(Run(directory), directory / "report.html")
    write_report_page(Run(directory), folder / "embedded.html", embed=True)
    return directory


@pytest.fixture
def report(open_page, results):
    return open_page(results / "report.html")


def episodes(page) -> list[str]:
    return page.locator("#episodes tbody tr td:first-child").all_inner_texts()


def test_the_headline_has_rate_interval_and_counts(report):
    assert report.title() == "my run #1: alpha"
    headline = report.locator(".headline").inner_text()
    # Lift 40 of 60, Reach 5 of 10: their mean is 58.3 %.
    assert "58.3 %" in headline
    assert "95 % interval" in headline
    assert [card.split("\n")[-1] for card in report.locator(".card:not(.main)").all_inner_texts()] == [
        "90",
        "45",
        "25",
        "20",
    ]
    assert "20 episodes ended in an error" in report.locator(".note").inner_text()


def test_rates_stand_in_coloured_cells_with_their_numbers(report):
    cells = report.locator("#rates td.heat")
    assert cells.all_inner_texts() == ["66.7 %", "50.0 %", "58.3 %"]
    colours = cells.evaluate_all("cells => cells.map((cell) => getComputedStyle(cell).backgroundColor)")
    assert len(set(colours)) == 3


def test_search_and_choices_find_episodes(report):
    found = report.locator("#episodes output")
    assert found.inner_text() == "90 of 90"
    report.get_by_label("Outcome", exact=True).select_option("error")
    assert found.inner_text() == "20 of 90"
    report.get_by_label("Search").fill("init7 LIFT")
    assert found.inner_text() == "4 of 90"
    assert episodes(report) == [f"piper_lift/task0/init{init}/repeat0/seed0" for init in (7, 71, 75, 79)]
    report.get_by_role("button", name="Show all").click()
    assert found.inner_text() == "90 of 90"
    report.get_by_label("Suite").select_option("piper_reach")
    assert found.inner_text() == "10 of 90"
    report.get_by_label("Search").fill("no such thing")
    assert found.inner_text() == "0 of 90"
    assert episodes(report) == []


def test_errors_are_found_by_their_words(report):
    report.get_by_label("Search").fill("no answer")
    assert report.locator("#episodes output").inner_text() == "20 of 90"


def test_episodes_come_a_page_at_a_time(report):
    assert len(episodes(report)) == 50
    report.get_by_role("button", name="Next").click()
    assert len(episodes(report)) == 40
    assert "Page 2 of 2" in report.locator("#episodes .pager").inner_text()
    assert report.get_by_role("button", name="Next").is_disabled()
    report.get_by_role("button", name="Previous").click()
    assert episodes(report)[0] == KEY


def test_a_column_sorts_up_and_down(report):
    steps = report.locator("#episodes tbody tr td:nth-child(4)")
    head = report.locator("#episodes th", has_text="steps")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert steps.first.inner_text() == "5"
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert steps.first.inner_text() == "200"


def test_a_rate_leads_to_its_episodes(report):
    report.get_by_role("button", name="reach the pose").click()
    assert report.locator("#episodes output").inner_text() == "10 of 90"
    assert all(key.startswith("piper_reach/") for key in episodes(report))


def test_a_linked_video_plays(report):
    report.get_by_role("button", name=KEY).click()
    assert report.locator("dialog h2").inner_text() == KEY
    assert (
        report.locator("dialog video")
        .evaluate("video => video.src")
        .endswith("/my%20run%20%231/videos/piper_lift__task0__init0__repeat0__seed0.mp4")
    )
    plays(report, "dialog")
    assert report.locator("dialog video").evaluate("video => [video.videoWidth, video.videoHeight]") == [96, 64]


def test_a_video_of_an_error_plays(report):
    report.get_by_label("Outcome", exact=True).select_option("error")
    report.locator("#episodes tbody button").first.click()
    assert "PolicyError: no answer" in report.locator("dialog").inner_text()
    plays(report, "dialog")


def test_the_page_goes_where_its_run_goes(open_page, results, tmp_path):
    shutil.copytree(results, tmp_path / "moved")
    page = open_page(tmp_path / "moved" / "report.html")
    page.get_by_role("button", name=KEY).click()
    plays(page, "dialog")


def test_an_embedded_video_plays_alone(open_page, results, tmp_path):
    shutil.copy(results.parent / "embedded.html", tmp_path / "alone.html")
    page = open_page(tmp_path / "alone.html")
    page.get_by_role("button", name=KEY).click()
    plays(page, "dialog")
    assert {address for address in open_page.addresses if address.startswith("file:")} == {
        (tmp_path / "alone.html").as_uri()
    }


def test_a_video_that_is_gone_is_said_to_be(open_page, results, tmp_path):
    shutil.copy(results / "report.html", tmp_path / "alone.html")
    page = open_page(tmp_path / "alone.html")
    page.get_by_role("button", name=KEY).click()
    page.get_by_text("The video cannot be read.").wait_for()
    assert all("ERR_FILE_NOT_FOUND" in problem for problem in open_page.problems)
    open_page.problems.clear()


def test_success_over_steps_is_drawn_and_in_numbers(report):
    assert report.locator("#steps svg[role=img] path.series").count() == 3
    assert report.locator("#steps .lines li").all_text_contents() == [" mean of suites", " piper_lift", " piper_reach"]
    report.get_by_text("The same in numbers").click()
    # Of the 60 of Lift that count, those of initial states 0, 2, ... 50 take at most 100 steps: 26.
    row = report.locator("#steps tbody tr", has_text="piper_lift").locator("td")
    assert (row.nth(4).inner_text(), row.last.inner_text()) == ("43.3 %", "66.7 %")


def test_errors_time_and_protocol_are_there(report):
    assert "20 attempts ended in an error." in report.locator("#errors").inner_text()
    assert report.locator("#time tbody tr").count() == 3
    protocol = report.locator("#protocol").inner_text()
    assert "max steps" in protocol
    assert "episode_key" in protocol
    report.get_by_text("Renderer", exact=True).click()
    assert "llvmpipe" in report.locator("#protocol").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP])
def test_everything_can_be_read(open_page, results, viewport, scheme):
    page = open_page(results / "report.html", viewport=viewport, scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate(FAINT_TEXT) == []
    assert page.evaluate(UNNAMED) == []
    assert overflow_px(page) == 0
    page.get_by_role("button", name=KEY).click()
    assert page.evaluate(FAINT_TEXT) == []
    assert overflow_px(page) == 0
    assert page.evaluate("document.querySelector('dialog').scrollWidth - document.querySelector('dialog').clientWidth") == 0


def test_the_keyboard_goes_through_the_page_in_order_and_can_be_seen(report):
    seen = tabbed(report, 30)
    assert seen[0]["words"] == "Skip to the results"
    assert [one["at"] for one in seen] == sorted({one["at"] for one in seen})
    assert [one for one in seen if one["outline"] < 2 or one["wide"] == 0] == []
    assert {"A", "BUTTON", "DIV", "INPUT", "SELECT"} <= {one["tag"] for one in seen}


def test_an_episode_opens_and_closes_by_keyboard_and_the_focus_returns(report):
    report.get_by_label("Search").focus()
    report.keyboard.type("init1 reach")
    assert report.locator("#episodes output").inner_text() == "1 of 90"
    report.locator("#episodes tbody button").focus()
    report.keyboard.press("Enter")
    assert report.evaluate("document.querySelector('dialog').open")
    assert report.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    report.keyboard.press("Escape")
    assert not report.evaluate("document.querySelector('dialog').open")
    assert report.evaluate("document.activeElement.textContent") == "piper_reach/task0/init1/repeat0/seed0"
    assert report.locator("dialog video").count() == 0


def test_a_choice_is_made_by_keyboard(report):
    report.get_by_label("Outcome", exact=True).focus()
    report.keyboard.type("fail")
    assert report.locator("#episodes output").inner_text() == "25 of 90"


def test_print_leaves_out_what_paper_cannot_do(report):
    report.emulate_media(media="print")
    assert not report.locator("#episodes form").is_visible()
    assert report.locator("#rates table").is_visible()


def test_text_from_outside_is_shown_and_never_run(open_page, tmp_path):
    directory = write_run(tmp_path / "run", {(LIFT[0], HOSTILE): "se", (HOSTILE, "a"): "s"}, policy=HOSTILE, error=HOSTILE)
    write_report_page(Run(directory), tmp_path / "report.html")
    page = open_page(tmp_path / "report.html", viewport=PHONE)
    assert page.locator("h1").inner_text() == HOSTILE
    assert HOSTILE in page.locator("#errors").inner_text()
    page.locator("#episodes tbody button").first.click()
    assert f"please {HOSTILE}" in page.locator("dialog").inner_text()
    assert page.evaluate("window.hacked === undefined && document.images.length === 0")
    assert overflow_px(page) == 0


def test_a_script_that_came_in_all_the_same_would_not_run(report, open_page):
    report.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.hacked = 1' }))"
    )
    assert report.evaluate("window.hacked === undefined")
    assert any("Content Security Policy" in problem for problem in open_page.problems)
    open_page.problems.clear()


def test_ten_thousand_episodes_stay_small(open_page, tmp_path):
    directory = write_run(tmp_path / "run", {("piper_lift", f"task_{i}"): "sfse" * 63 for i in range(40)})
    write_report_page(Run(directory), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 2_000_000
    page = open_page(tmp_path / "report.html")
    assert page.locator("#episodes output").inner_text() == "10,080 of 10,080"
    assert page.evaluate("document.querySelectorAll('*').length") < 8000
    page.get_by_label("Search").fill("init251 task_39")
    assert page.locator("#episodes output").inner_text() == "1 of 10,080"


def test_a_run_without_episodes_says_so(open_page, tmp_path):
    write_report_page(Run(write_run(tmp_path / "run", {LIFT: ""}, episodes=5)), tmp_path / "report.html")
    page = open_page(tmp_path / "report.html")
    assert "No episode has ended yet." in page.locator("header").inner_text()
    assert "0 of 5 episodes" in page.locator(".note").inner_text()
