"""Generated sections of a Markdown page: each lies between two markers and is rewritten in place."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UsageError
from harness.files import written_aside


def with_section(page: str, name: str, body: str) -> str:
    """The page with a section's body replaced; a page that has no such section gets it at its end.

    Args:
        page: Markdown.
        name: The section's name in the markers ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``.
        body: What stands between them.

    Raises:
        UsageError: The page has one marker without the other, has one twice, or has them the wrong way round.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{body.strip()}\n{end}"
    counts = (page.count(begin), page.count(end))
    if counts == (0, 0):
        return f"{page.rstrip()}\n\n{section}\n".lstrip()
    if counts != (1, 1) or page.index(begin) > page.index(end):
        raise UsageError(f"the page should have {begin!r} once, and {end!r} once after it; mend it by hand")
    return page[: page.index(begin)] + section + page[page.index(end) + len(end) :]


def write_section(path: Path, name: str, body: str) -> None:
    """Rewrites a section of a file, which is made when it does not exist.

    Raises:
        UsageError: See `with_section`.
        StoreError: The file cannot be written.
    """
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    text = with_section(page, name, body)
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")
