"""A dataset's folder while it is being made, and the file that says what it was made from."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from harness.errors import ResumeError, StoreError, UsageError
from harness.files import written_aside
from harness.run_lock import LOCK_FILE

EXPORT_FILE = "export.json"
PIECES_FOLDER = ".pieces"
_ASSEMBLED_FOLDER = ".assembled"
_SCHEMA = 1


class DatasetFolder:
    """A folder that a dataset is made in.

    Until it is complete there are only ``export.json`` and the pieces; what a reader looks for appears at the end.
    """

    def __init__(self, directory: Path) -> None:
        """Takes the folder; nothing is read or written."""
        self.directory = directory

    @property
    def pieces(self) -> Path:
        """The folder of all pieces."""
        return self.directory / PIECES_FOLDER

    def begin(self, settings: Mapping[str, Any], *, resume: bool, force: bool, keep: Collection[str] = ()) -> bool:
        """Makes the folder ready to be filled.

        Args:
            settings: What identifies the export, JSON-able.
            resume: Go on with what an interrupted export left; a folder that is not there is made.
            force: Remove what an earlier export left.
            keep: Names in the folder that are somebody else's and stay.

        Returns:
            Whether a dataset with these settings is there and complete.

        Raises:
            UsageError: Something is there and neither is given, or it is no dataset.
            ResumeError: What is there was made from something else.
            StoreError: The folder cannot be made.
        """
        present = self._present(keep)
        if present and force:
            self.refuse_foreign(keep)
            self._clear(present)
        elif present and not resume:
            raise UsageError(
                f"{self.directory} is not empty: --resume goes on with the dataset in it, --force makes it anew"
            )
        elif present:
            return self._resumed(settings)
        self._write({"schema": _SCHEMA, **settings, "complete": False})
        return False

    def refuse_foreign(self, keep: Collection[str] = ()) -> None:
        """Refuses a folder that holds what no export made.

        Args:
            keep: Names in it that are somebody else's and may be there.

        Raises:
            UsageError: It does.
        """
        if self._present(keep):
            self.content()

    def finish(self, settings: Mapping[str, Any], contents: Mapping[str, Any]) -> None:
        """Moves the assembled dataset to its place, and removes the pieces.

        Args:
            settings: As `begin` had them.
            contents: What is in the dataset, JSON-able.

        Raises:
            StoreError: The file system refused.
        """
        try:
            # LeRobot's meta last: without it there is no dataset.
            for path in sorted(self.assembled.iterdir(), key=lambda path: path.name == "meta"):
                final = self.directory / path.name
                if final.is_dir():  # left by an export that was killed here
                    shutil.rmtree(final)
                os.replace(path, final)
            self._write({"schema": _SCHEMA, **settings, "complete": True, **contents})
            self.assembled.rmdir()
            shutil.rmtree(self.pieces)
        except OSError as error:
            raise StoreError(f"{self.directory} cannot be completed: {error}") from error

    @property
    def assembled(self) -> Path:
        """Where the dataset is put together."""
        return self.directory / _ASSEMBLED_FOLDER

    def empty_assembled(self) -> Path:
        """`assembled`, with nothing in it.

        Raises:
            StoreError: The file system refused.
        """
        try:
            shutil.rmtree(self.assembled, ignore_errors=True)
            self.assembled.mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"{self.assembled} cannot be made: {error}") from error
        return self.assembled

    def content(self) -> dict[str, Any]:
        """What ``export.json`` says.

        Raises:
            UsageError: There is none, or it is not of this version.
        """
        path = self.directory / EXPORT_FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.directory} is no dataset of evalharness: {path} cannot be read: {error}") from error
        if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
            raise UsageError(f"{path} is of another version; this one reads schema {_SCHEMA}")
        return content

    def _present(self, keep: Collection[str]) -> list[Path]:
        if self.directory.exists() and not self.directory.is_dir():
            raise UsageError(f"{self.directory} is a file")
        entries = self.directory.iterdir() if self.directory.is_dir() else ()
        return [path for path in entries if path.name not in (*keep, LOCK_FILE)]

    def _clear(self, present: Collection[Path]) -> None:
        try:
            for path in present:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        except OSError as error:
            raise StoreError(f"{self.directory} cannot be cleared: {error}") from error

    def _resumed(self, settings: Mapping[str, Any]) -> bool:
        content = self.content()
        wanted = json.loads(json.dumps(settings))
        differing = [name for name in wanted if content.get(name) != wanted[name]]
        if differing:
            lines = "".join(f"\n  {name}: there {content.get(name)!r}, now {wanted[name]!r}" for name in differing)
            raise ResumeError(f"{self.directory} was made from something else:{lines}\n--force makes it anew.")
        return bool(content["complete"])

    def _write(self, content: Mapping[str, Any]) -> None:
        with written_aside(self.directory / EXPORT_FILE) as aside:
            aside.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
