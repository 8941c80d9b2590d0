"""One HTML file from the parts: the template, the style, the scripts and the data, all inside it.

What a page shows comes from outside: task names, instructions, error messages, policies' URIs. It is put into the page as
one island of JSON, in which no character can end the element, and the scripts show it as text only, never as HTML. A
content security policy allows exactly the scripts and the style that are here, and no network.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from harness.errors import StoreError
from harness.files import written_aside

PageKind = Literal["report", "compare"]

# What is inlined into a page of either kind, in this order.
_SHARED = ("elements.js", "charts.js", "videos.js", "tables.js", "run_parts.js")
_SCRIPTS: Mapping[PageKind, tuple[str, ...]] = {
    "report": (*_SHARED, "report.js"),
    "compare": (*_SHARED, "pairs.js", "flips.js", "checkpoints.js", "compare.js"),
}
_PLACE = re.compile(r"\{\{([a-z]+)\}\}")
_VIDEOS_PLACE = "{{videos}}\n"

# JSON knows these characters by their numbers too. Without them no text can end a script element or begin a comment in it.
_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def write_page(path: Path, kind: PageKind, title: str, data: Mapping[str, Any], videos: Mapping[str, Path]) -> None:
    """Writes a page, whole or not at all.

    Args:
        path: Where to.
        kind: Which scripts it gets.
        title: Of the window.
        data: What the scripts show: JSON-able but for NaN and infinity, which become null.
        videos: Element id -> file to embed; the scripts look for them by id.

    Raises:
        StoreError: The page cannot be written, or a video cannot be read.
    """
    before, after = (_filled(half, kind, title, data) for half in _part("page.html").split(_VIDEOS_PLACE))
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(before)
        for name, video in videos.items():
            file.write(f'<script type="text/plain" id="{html.escape(name)}">{_base64(video)}</script>\n')
        file.write(after)


def island(data: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element: no ``<``, ``>``, ``&``, and nothing but ASCII."""
    return json.dumps(_finite(data), separators=(",", ":"), allow_nan=False).translate(_UNSAFE)


def _filled(template: str, kind: PageKind, title: str, data: Mapping[str, Any]) -> str:
    """A piece of the template with its places filled; what is filled in is not looked at again."""
    style = _part("style.css")
    script = '"use strict";\n(() => {\n' + "\n".join(_part(name) for name in _SCRIPTS[kind]) + "\n})();\n"
    policy = (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
        "media-src 'self' file: data:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    words = {"policy": policy, "title": html.escape(title), "style": style, "script": script}
    return _PLACE.sub(lambda found: island(data) if found[1] == "data" else words[found[1]], template)


def _part(name: str) -> str:
    return resources.files(__package__).joinpath("parts", name).read_text(encoding="utf-8")


def _source(content: str) -> str:
    """A content security policy's name for an inline element."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _base64(video: Path) -> str:
    try:
        return base64.b64encode(video.read_bytes()).decode()
    except OSError as error:
        raise StoreError(f"{video} cannot be embedded: {error.strerror}") from error


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
