"""Downloads one file over HTTP, and goes on where an earlier attempt was cut short."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.envs.libero.asset_archive import MAX_TOTAL_BYTES
from harness.errors import DownloadError, UsageError

_CHUNK = 2**18
_TIMEOUT_S = 30.0

Progress = Callable[[int, int | None], None]


def is_url(text: str) -> bool:
    """Whether this names something on a server and not on this machine."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text) is not None


def download(url: str, target: Path, progress: Progress) -> None:
    """Downloads a file to `target`, which exists only when all of it is there.

    What has arrived is kept beside it in ``.part``, and the server's validator (ETag, else Last-Modified) in ``.part.json``.
    The next call asks for the rest with ``Range`` and ``If-Range`` (RFC 9110, sections 13.1.5 and 14.2), so that it begins
    anew when the file on the server has changed meanwhile.

    Args:
        url: http or https.
        target: Where the file is to be; an older one is taken for the same file, and nothing is asked of the server.
        progress: Told how many bytes there are, and how many there will be where that is known.

    Raises:
        UsageError: Another kind of URL.
        DownloadError: The server refused, the connection was cut, or the file is larger than any archive of LIBERO.
        OSError: The disk refused.
    """
    try:
        scheme = urllib.parse.urlsplit(url).scheme
    except ValueError:  # an address that is none, such as http://[::1/
        scheme = ""
    if scheme not in ("http", "https"):
        raise UsageError(f"{url} is no URL that can be downloaded: it should begin with http:// or https://.")
    if target.exists():
        return
    part, notes = target.with_name(target.name + ".part"), target.with_name(target.name + ".part.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _transfer(url, part, notes, progress)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(f"{url} could not be downloaded: {reason or type(error).__name__}") from error
    part.rename(target)
    notes.unlink(missing_ok=True)


def _transfer(url: str, part: Path, notes: Path, progress: Progress) -> None:
    """Adds to the partial file until it is whole."""
    have, validator = _earlier(url, part, notes)
    headers = {"Accept-Encoding": "identity"}
    if have and validator:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the caller has looked at the scheme
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
            raise
        part.unlink()
        _transfer(url, part, notes, progress)
        return
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0
        size = _size(response, have, url)
        notes.write_text(json.dumps({"url": url, "validator": _validator(response.headers)}), encoding="utf-8")
        with part.open("ab" if have else "wb") as file:
            progress(have, size)
            while chunk := response.read1(_CHUNK):  # what is there, and not a full block: it may be the last
                have += len(chunk)
                _check_size(have, url)
                file.write(chunk)
                progress(have, size)
    # http.client takes a connection that is closed too early for the end of the file.
    if size is not None and have != size:
        raise DownloadError(f"{url} could not be downloaded: the connection was cut after {have} of {size} bytes.")


def _earlier(url: str, part: Path, notes: Path) -> tuple[int, str]:
    """How many bytes an earlier attempt left, and the validator of the file that they are from."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        content = json.loads(notes.read_text(encoding="utf-8"))
        if content["url"] == url:
            return part.stat().st_size, str(content["validator"])
    return 0, ""


def _validator(headers: Mapping[str, Any]) -> str:
    """What If-Range may hold: a strong ETag or a date; empty where the server gives neither."""
    etag = str(headers.get("ETag", ""))
    return etag if etag and not etag.startswith("W/") else str(headers.get("Last-Modified", ""))


def _size(response: http.client.HTTPResponse, have: int, url: str) -> int | None:
    """The whole file's size by the answer's headers; None when they do not tell."""
    if have:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != have:
            raise DownloadError(f"{url} could not be downloaded: the server sent another part than it was asked for.")
        size = None if found[2] == "*" else int(found[2])
    else:
        length = response.headers.get("Content-Length", "")
        size = int(length) if length.isdigit() else None
    _check_size(size or 0, url)
    return size


def _check_size(size: int, url: str) -> None:
    if size > MAX_TOTAL_BYTES:
        raise DownloadError(f"{url} has more than {MAX_TOTAL_BYTES / 2**30:.0f} GiB; it is no archive of LIBERO's assets.")
