"""What must hold of every page: nothing is too wide, everything can be read, and the focus can be seen."""

from __future__ import annotations

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}

# As a task's name, an instruction or an error message it must be shown as it stands.
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"

# Elements whose text contrasts less with what is behind it than WCAG 2.2 asks for (4.5, or 3 where it is large).
FAINT_TEXT = """() => {
  const channels = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!own || element.closest("script, style, option, [disabled], .skip") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [a, b] = [channels(element.closest("svg") ? style.fill : style.color), behind(element)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    const name = `${element.tagName} ${element.className}: ${element.textContent.slice(0, 40)}`;
    if (contrast < (large ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)} ${name}`);
  }
  return faint;
}"""

FOCUSED = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const place = element.getBoundingClientRect();
  const all = [...document.querySelectorAll("*")];
  const words = (element.getAttribute("aria-label") || element.textContent).slice(0, 60);
  const outline = style.outlineStyle !== "none" ? parseFloat(style.outlineWidth) : 0;
  return { at: all.indexOf(element), tag: element.tagName, words, outline, wide: place.width };
}"""

UNNAMED = """() =>
  [...document.querySelectorAll("button, a[href], input, select, video, summary, [tabindex='0'], svg[role=img]")]
  .filter((one) => one.checkVisibility() && !(one.getAttribute("aria-label") || one.getAttribute("aria-labelledby")
    || one.textContent.trim() || (one.labels && one.labels.length && one.labels[0].textContent.trim())))
  .map((one) => one.outerHTML.slice(0, 120))"""


def overflow_px(page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def tabbed(page, times: int) -> list[dict]:
    """Where the focus goes with so many presses of Tab."""
    seen = []
    for _ in range(times):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    return seen


_PLAYS = """async (video) => {
  await video.play();
  await new Promise((done, failed) => {
    const look = () => { if (video.currentTime > 0.2 && video.videoWidth > 0) done(); };
    video.addEventListener("timeupdate", look);
    video.addEventListener("error", () => failed(new Error("the video cannot be read")));
    setTimeout(() => failed(new Error(`no picture: ${video.currentTime} s`)), 15000);
  });
}"""


def plays(page, place: str) -> None:
    """Returns when every video of a place has a picture and its time goes on; an error when one does not get there."""
    videos = page.locator(f"{place} video")
    videos.first.wait_for()
    for video in videos.all():
        video.evaluate(_PLAYS)
