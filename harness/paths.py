"""Where the harness keeps and finds files: the environment first, then the checkout, then the wheel."""

from __future__ import annotations

import functools
import os
import stat
import tempfile
from pathlib import Path

from harness.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def checkout_root() -> Path | None:
    """The folder of the source checkout that this package runs from; None when it was installed from a wheel."""
    root = _PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "suites").is_dir() else None


def suites_dir() -> Path:
    """The folder of the suites' YAML files.

    ``$EVALHARNESS_SUITES``, else the checkout's ``suites``, else the copy inside the installed package. Whether the folder
    exists is for the reader to check.
    """
    return _shipped_folder("EVALHARNESS_SUITES", "suites")


def robots_dir() -> Path:
    """The folder of the robots' descriptions, one folder a robot.

    ``$EVALHARNESS_ROBOTS``, else the checkout's ``robots``, else the copy inside the installed package. Whether the folder
    exists is for the reader to check.
    """
    return _shipped_folder("EVALHARNESS_ROBOTS", "robots")


def reference_dir() -> Path:
    """The folder of the published success rates, CSV files.

    ``$EVALHARNESS_REFERENCE``, else the checkout's ``results/reference``, else the copy inside the installed package.
    Whether the folder exists is for the reader to check.
    """
    return _shipped_folder("EVALHARNESS_REFERENCE", "results/reference")


def data_dir() -> Path:
    """The folder for what the user keeps, such as assets.

    ``$XDG_DATA_HOME/evalharness``, else ``~/.local/share/evalharness`` (XDG Base Directory Specification 0.8). Nothing is
    created. Without a home folder it lies in `cache_dir`.
    """
    base = _xdg_folder("XDG_DATA_HOME", ".local/share")
    return base / "evalharness" if base else cache_dir() / "data"


def cache_dir() -> Path:
    """The folder for what can be made again; it exists and can be written when this returns.

    ``$EVALHARNESS_CACHE``, else ``$XDG_CACHE_HOME/evalharness``, else ``~/.cache/evalharness``, else, where no home can be
    written (a container run under a foreign user id, say), a private folder among the temporary files.

    Raises:
        UsageError: ``$EVALHARNESS_CACHE`` is set and cannot be written.
    """
    chosen = _folder_from("EVALHARNESS_CACHE")
    if chosen is not None:
        if not _make_writable(chosen):
            raise UsageError(f"EVALHARNESS_CACHE is {chosen}, which is not a folder that can be written. Name another one.")
        return chosen
    base = _xdg_folder("XDG_CACHE_HOME", ".cache")
    if base is not None and _make_writable(base / "evalharness"):
        return base / "evalharness"
    return _private_temporary(Path(tempfile.gettempdir()))


def _shipped_folder(variable: str, name: str) -> Path:
    """A folder that comes with the harness: the environment's choice, else the checkout's, else the wheel's copy."""
    chosen = _folder_from(variable)
    if chosen is not None:
        return chosen
    checkout = checkout_root()
    return checkout / name if checkout else _PACKAGE / "_data" / name


def _folder_from(variable: str) -> Path | None:
    """The absolute folder that an environment variable names; None when it is unset or empty."""
    value = os.environ.get(variable, "")
    return Path(value).expanduser().absolute() if value else None


def _xdg_folder(variable: str, below_home: str) -> Path | None:
    """An XDG base folder; a relative one is ignored, as the specification asks. None without a home folder."""
    value = Path(os.environ.get(variable, ""))
    if value.is_absolute():
        return value
    try:
        return Path.home() / below_home
    except RuntimeError:
        return None


def _make_writable(folder: Path) -> bool:
    """Makes the folder if need be, and says whether files can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


@functools.lru_cache(maxsize=8)
def _private_temporary(parent: Path) -> Path:
    """A folder below `parent` that belongs to this user alone, the same one in every process where that is safe."""
    folder = parent / f"evalharness-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        # Anyone can make this name in a shared /tmp first; a folder of somebody else must not be trusted.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            return Path(tempfile.mkdtemp(prefix="evalharness-", dir=parent))
    return folder
