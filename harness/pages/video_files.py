"""Where a page finds an episode's video: beside it on the disk, or inside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from harness.errors import StoreError, UsageError
from harness.store import ERRORS_FOLDER, VIDEOS_FOLDER

# What a page may hold: browsers keep all of it in memory, and none opens a file of half a gigabyte gladly.
MAX_EMBEDDED_BYTES = 200_000_000


class PageFiles:
    """The files that a page shows, of one or several runs.

    Args:
        page: Where the page is written.
        embed: Whether videos go into it.
    """

    def __init__(self, page: Path, *, embed: bool) -> None:
        self._folder = os.path.abspath(page.parent)
        self.embed = embed
        self._embedded: dict[str, Path] = {}
        self._bytes = 0

    @property
    def embedded(self) -> Mapping[str, Path]:
        """Element id -> file that must be embedded under it."""
        return self._embedded

    def base(self, run: Path) -> str:
        """The address of a run directory as seen from the page: relative, percent-encoded, with a slash at its end."""
        relative = os.path.relpath(os.path.abspath(run), self._folder)
        return "" if relative == "." else quote(relative) + "/"

    def video(self, run: Path, name: str) -> int | str:
        """How the page's scripts find a video that is there.

        Args:
            run: The run directory.
            name: The file's name in its folder of videos.

        Returns:
            1: linked, by the name. Text: the id of the element that it is embedded in.

        Raises:
            StoreError: Its size cannot be read.
            UsageError: More would have to be embedded than a page may hold.
        """
        if not self.embed:
            return 1
        path = run / VIDEOS_FOLDER / name
        try:
            self._bytes += path.stat().st_size
        except OSError as error:
            raise StoreError(f"{path} cannot be embedded: {error.strerror}") from error
        if self._bytes > MAX_EMBEDDED_BYTES:
            raise UsageError(
                f"the videos are more than {MAX_EMBEDDED_BYTES // 1_000_000} MB, too much for one page. "
                "Leave out --embed: the page then links them, relative to itself."
            )
        element = f"video-{len(self._embedded)}"
        self._embedded[element] = path
        return element


class RunFiles:
    """Which of a run's files are there; looked up once."""

    def __init__(self, run: Path) -> None:
        self.directory = run
        self._videos = _names(run / VIDEOS_FOLDER)
        self._logs = _names(run / ERRORS_FOLDER)

    def video_name(self, recorded: str | None) -> str | None:
        """The name of a recorded video in its folder; None without one, or where it is not there.

        A record that names a file anywhere else counts as one without: nothing outside the run's videos is ever shown.
        """
        if recorded is None:
            return None
        folder, _, name = recorded.partition("/")
        return name if folder == VIDEOS_FOLDER and name in self._videos else None

    def has_log(self, name: str) -> bool:
        """Whether a file is among those that say where errors came from."""
        return name in self._logs


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror}") from error
