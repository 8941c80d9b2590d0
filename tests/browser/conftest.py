"""A real Chromium without a window, and pages in it that must stay without errors and without a network."""

from __future__ import annotations

import os
import shutil

import pytest
from looks import DESKTOP

# The variable names a browser; otherwise the first of these that is on the PATH.
VARIABLE = "EVALHARNESS_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    named = os.environ.get(VARIABLE)
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser():
    """Chromium; a skip that says why where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (dependency group dev)")
    executable = find_chromium()
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH, and {VARIABLE} names none")
    with playwright.sync_playwright() as driver:
        # Chromium's sandbox refuses to run as root, which containers often do.
        chromium = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Opens a file in a new window; at the end no window may have had an error or asked for anything but files."""
    contexts, problems, addresses = [], [], []

    def opened(path, *, viewport=DESKTOP, scheme="light"):
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: addresses.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("main section")
        return page

    opened.problems = problems
    opened.addresses = addresses
    yield opened
    for context in contexts:
        context.close()
    assert problems == []
    assert [address for address in addresses if not address.startswith(("file:", "data:"))] == []
