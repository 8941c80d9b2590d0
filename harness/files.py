"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.errors import StoreError

_ASIDE_PATTERN = ".*.part"


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Lets a file be written beside its final place and moves it there when all went well.

    Args:
        path: The final place; missing folders are made, an older file is replaced.

    Yields:
        Where to write: a hidden name in the same folder, so that the move is atomic. Removed when the block raises.

    Raises:
        StoreError: The file system refused.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        os.replace(aside, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
    finally:
        with suppress(OSError):
            aside.unlink()


def remove_asides(folder: Path) -> None:
    """Removes what `written_aside` leaves in a folder when its process is killed."""
    for path in folder.glob(_ASIDE_PATTERN):
        path.unlink(missing_ok=True)
