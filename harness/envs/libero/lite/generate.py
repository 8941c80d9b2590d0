"""Writes the lite set, and keeps one in the cache."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from harness.envs.libero.lite import containers, crockery, furniture, groceries, scenes
from harness.envs.libero.lite.writer import file_contents
from harness.errors import StoreError
from harness.paths import cache_dir

_DESCRIPTIONS = (scenes, furniture, crockery, groceries, containers)


def lite_root() -> Path:
    """The folder of the lite set, made at first use; any number of processes may ask at the same time.

    Raises:
        StoreError: It cannot be written.
    """
    root = lite_folder()
    if root.is_dir():
        return root
    try:
        aside = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
        try:
            generate_lite(aside)
            # Folders of temporary files are private; the set may be read by whoever may read the cache.
            aside.chmod(0o755)
            os.rename(aside, root)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        # Another process was faster: a folder cannot be moved over one that is not empty.
        if root.is_dir():
            return root
        raise StoreError(f"the lite set cannot be written to {root}: {error}") from error
    return root


def lite_folder() -> Path:
    """Where `lite_root` keeps the set, made or not: named after the description, so that another one makes another set."""
    return cache_dir() / f"libero-lite-{description_sha256()[:16]}"


def generate_lite(into: Path) -> None:
    """Writes the set's files; the same bytes everywhere, in less than a second.

    Args:
        into: Folder to write to; made if need be. What is in it stays, unless a file of the set has its name.

    Raises:
        StoreError: The file system refused.
    """
    try:
        for path, content in lite_files().items():
            place = into / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    except OSError as error:
        raise StoreError(f"the lite set cannot be written to {into}: {error}") from error


@functools.cache
def lite_files() -> Mapping[str, bytes]:
    """The set: path relative to its root -> content.

    Raises:
        ValueError: Two descriptions claim one path with different contents.
    """
    found: dict[str, bytes] = {}
    for module in _DESCRIPTIONS:
        for file in module.files():
            for path, content in file_contents(file).items():
                if found.setdefault(path, content) != content:
                    raise ValueError(f"two different files of the lite set are named {path}")
    return MappingProxyType(found)


@functools.cache
def lite_sha256() -> str:
    """SHA-256 over the set: path and SHA-256 of each file, sorted. It changes when, and only when, a file of it does."""
    digest = hashlib.sha256()
    for path, content in sorted(lite_files().items()):
        digest.update(f"{path}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


@functools.cache
def description_sha256() -> str:
    """SHA-256 over the modules of this package, which are the description: names and contents, sorted."""
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"{module.name}\0".encode() + module.read_bytes() + b"\0")
    return digest.hexdigest()
