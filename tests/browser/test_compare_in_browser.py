"""compare.html in a real browser."""

from __future__ import annotations

import pytest
from looks import DESKTOP, FAINT_TEXT, HOSTILE, PHONE, UNNAMED, overflow_px, plays, tabbed
from page_runs import LIFT, REACH, write_run

import harness
from harness.pages.compare import write_compare_page

# One group: the tests share a browser, which parallel test processes would otherwise each start.
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Two runs with videos and the page beside them; tests read it only."""
    folder = tmp_path_factory.mktemp("results")
    write_run(folder / "runs" / "alpha", {LIFT: "sfffs", REACH: "sse"}, videos=True)
    write_run(folder / "runs" / "beta", {LIFT: "fsssf", REACH: "sfs"}, videos=True, steps=40)
    comparison = harness.compare(harness.load_runs(folder / "runs"))
    write_compare_page(comparison, folder / "compare.html")
    write_compare_page(comparison, folder / "embedded" / "compare.html", embed=True)
    return folder / "compare.html"


@pytest.fixture
def page(open_page, compared):
    return open_page(compared)


def test_the_headline_is_the_difference(page):
    assert page.locator("h1").inner_text() == "alpha and beta"
    card = page.locator(".card").inner_text()
    # Lift 2 of 5 and 3 of 5; Reach, where both have no error, 2 of 2 and 1 of 2: the mean of +20 and -50 points.
    assert "\N{MINUS SIGN}15.0 points" in card
    assert "undecided" in card
    assert "3 episodes only beta solves, 3 only alpha" in card


def test_the_heat_map_has_a_coloured_number_a_task_and_run(page):
    rows = page.locator("#tasks tbody tr")
    assert [row.locator("td").all_inner_texts() for row in rows.all()] == [["40", "60"], ["100", "67"], ["70", "63"]]
    colours = page.locator("#tasks td.heat").evaluate_all(
        "cells => cells.map((cell) => getComputedStyle(cell).backgroundColor)"
    )
    assert len(colours) == 6
    assert len(set(colours)) == 6


def test_a_cell_of_the_heat_map_leads_to_its_episodes(page):
    page.locator("#tasks td button").nth(2).click()
    assert page.locator("#episodes output").inner_text() == "3 of 8"
    task = page.locator("#episodes").get_by_label("Task", exact=True)
    assert task.evaluate("select => select.selectedOptions[0].textContent") == "piper_reach, 0: reach the pose"


@pytest.mark.parametrize("name", ["compare.html", "embedded/compare.html"])
def test_flips_show_both_videos_which_play_together(open_page, compared, name):
    page = open_page(compared.parent / name)
    viewer = page.locator("#flips .viewer")
    assert viewer.locator("strong.mono").inner_text() == "piper_lift/task0/init0/repeat0/seed0"
    assert [text.split(" after")[0] for text in viewer.locator("figcaption").all_inner_texts()] == [
        "alpha ✓ success",
        "beta ✗ failure",
    ]
    left, right = (video.bounding_box() for video in viewer.locator("video").all())
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    viewer.get_by_role("button", name="Play both from the start").click()
    plays(page, "#flips .viewer")


def test_flips_are_gone_through_by_keyboard(page):
    viewer = page.locator("#flips .viewer")
    later = viewer.get_by_role("button", name="Next")
    later.focus()
    seen = []
    while not later.is_disabled():
        page.keyboard.press("Enter")
        seen.append(viewer.locator("strong.mono").inner_text().split("/seed")[0])
    lift = [f"piper_lift/task0/init{init}/repeat0" for init in (1, 2, 3, 4)]
    assert seen == [*lift, "piper_reach/task0/init1/repeat0"]
    assert page.evaluate("document.activeElement.textContent") == "Previous"


def test_flips_are_found_by_who_succeeds(page):
    page.get_by_label("Succeeds").select_option("the other run")
    assert page.locator("#flips output").inner_text() == "3 of 6"
    winners = page.locator("#flips tbody tr td:nth-child(2)").all_inner_texts()
    assert winners == ["beta"] * 3


def test_an_episode_shows_the_videos_of_all_runs(page):
    page.get_by_label("Outcomes", exact=True).select_option("with an error")
    assert page.locator("#episodes output").inner_text() == "1 of 8"
    page.locator("#episodes tbody button").click()
    assert page.locator("dialog figcaption").count() == 2
    assert "PolicyError: no answer" in page.locator("dialog").inner_text()
    plays(page, "dialog")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.querySelector('dialog').open")


def test_success_over_steps_has_a_line_a_run_and_suite(page):
    assert page.locator("#steps svg[role=img] path.series").count() == 2
    page.locator("#steps").get_by_text("The same in numbers").click()
    overall = [row.locator("td").last.inner_text() for row in page.locator("#steps tbody tr").all()]
    assert overall == ["70.0 %", "63.3 %"]
    page.locator("#steps select").select_option("piper_lift")
    page.locator("#steps").get_by_text("The same in numbers").click()
    lift = [row.locator("td").last.inner_text() for row in page.locator("#steps tbody tr").all()]
    assert lift == ["40.0 %", "60.0 %"]


def test_what_differs_is_marked(open_page, tmp_path):
    write_run(tmp_path / "alpha", {LIFT: "sf"})
    write_run(tmp_path / "beta", {LIFT: "ss"}, seed=1)
    write_compare_page(harness.compare(harness.load_runs(tmp_path), force=True), tmp_path / "compare.html")
    page = open_page(tmp_path / "compare.html")
    assert "NOT COMPARABLE" in page.locator(".blocking").inner_text()
    row = page.locator("#comparability tr.differs").inner_text()
    assert row.split() == ["seed", "not", "comparable", "alpha:", "0", "beta:", "1"]


def test_published_rates_are_marked(open_page, tmp_path):
    row = harness.comparison.ReferenceRow("pi0.5", "piper_lift", 0.988, None, 50, 3, "openpi", "a paper")
    write_run(tmp_path / "alpha", {LIFT: "sf"})
    comparison = harness.compare(harness.load_runs(tmp_path), reference=[row])
    write_compare_page(comparison, tmp_path / "compare.html")
    page = open_page(tmp_path / "compare.html")
    assert "Published, not measured here" in page.locator("#rates").inner_text()
    assert page.locator(".published").inner_text().split("\t")[:3] == ["pi0.5", "piper_lift", "98.8 %"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP])
def test_everything_can_be_read(open_page, compared, viewport, scheme):
    page = open_page(compared, viewport=viewport, scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate(FAINT_TEXT) == []
    assert page.evaluate(UNNAMED) == []
    assert overflow_px(page) == 0


def test_many_runs_fit_a_phone(open_page, tmp_path):
    for i in range(20):
        write_run(tmp_path / f"checkpoint_number_{i}", {LIFT: "sfs"[i % 3 :] + "s", REACH: "ff"})
    write_compare_page(harness.compare(harness.load_runs(tmp_path)), tmp_path / "compare.html")
    page = open_page(tmp_path / "compare.html", viewport=PHONE)
    assert page.locator("#rates tbody tr").count() == 20
    assert page.locator("#differences table").first.locator("tbody tr").count() == 19
    assert overflow_px(page) == 0


def test_the_keyboard_goes_through_the_page_in_order_and_can_be_seen(page):
    seen = tabbed(page, 40)
    # A video's own controls are several stops at one element.
    assert [one["at"] for one in seen] == sorted(one["at"] for one in seen)
    assert [one for one in seen if one["outline"] < 2 or one["wide"] == 0] == []


def test_text_from_outside_is_shown_and_never_run(open_page, tmp_path):
    for name, letters in (("alpha", "se"), ("beta", "fs")):
        write_run(tmp_path / name, {(LIFT[0], HOSTILE): letters}, policy=HOSTILE + name, error=HOSTILE)
    write_compare_page(harness.compare(harness.load_runs(tmp_path)), tmp_path / "compare.html")
    page = open_page(tmp_path / "compare.html", viewport=PHONE)
    assert HOSTILE in page.locator("h1").inner_text()
    assert HOSTILE in page.locator("#errors").inner_text()
    page.locator("#episodes tbody button").first.click()
    assert page.evaluate("window.hacked === undefined && document.images.length === 0")
    assert overflow_px(page) == 0
