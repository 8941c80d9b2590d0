"""One writer a run directory: a lock file that the system releases when its process ends, and that says whose it is."""

from __future__ import annotations

import fcntl
import json
import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RunDirectoryError, StoreError

LOCK_FILE = ".lock"


@dataclass(frozen=True)
class Owner:
    """The process that a lock file names.

    Attributes:
        pid: Its process id on its computer.
        host: Its computer's name.
    """

    pid: int
    host: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    @property
    def here(self) -> bool:
        """Whether it runs, or ran, on this computer."""
        return self.host == platform.node()

    @property
    def alive(self) -> bool:
        """Whether it still runs; only known `here`."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


class RunLock:
    """A directory's lock, held until `release` or the end of the process."""

    def __init__(self, directory: Path) -> None:
        """Takes the lock.

        The lock itself is the system's (flock), which ends with its process, so what a killed process leaves is no lock. On
        a file system without locks the process that the file names decides: one that does not run any more on this computer
        has left a stale file, which is taken over; of one on another computer nothing is known, and it is believed.

        Raises:
            RunDirectoryError: Another process holds it; the message names the process.
            StoreError: The directory cannot be written.
        """
        path = directory / LOCK_FILE
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"{directory} cannot be written: {error.strerror}") from error
        try:
            _take(self._file, directory)
            _name_owner(self._file)
        except BaseException:
            os.close(self._file)
            raise

    def release(self) -> None:
        """Lets another process have the directory."""
        with suppress(OSError):  # the name is for messages; a full disk must not stop the release
            os.ftruncate(self._file, 0)
        os.close(self._file)


def _take(file: int, directory: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = _owner(file)
        who = f" ({owner})" if owner else ""
        raise RunDirectoryError(f"another evalharness is writing {directory}{who}; wait for it, or end it") from error
    except OSError:
        owner = _owner(file)
        if owner is None or (owner.here and (owner.pid == os.getpid() or not owner.alive)):
            return
        raise RunDirectoryError(
            f"another evalharness is writing {directory} ({owner}); wait for it, or end it. If it has ended already, remove "
            f"{directory / LOCK_FILE}, because this file system has no locks that end by themselves"
        ) from None


def _name_owner(file: int) -> None:
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps({"pid": os.getpid(), "host": platform.node()}).encode(), 0)


def _owner(file: int) -> Owner | None:
    """Whose a lock file says it is; None where it says nothing readable."""
    try:
        content = json.loads(os.pread(file, 4096, 0))
        return Owner(int(content["pid"]), str(content["host"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
