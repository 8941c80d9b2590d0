"""Copies assets out of a folder or an archive; what an archive says about itself is not believed."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Protocol, cast

from harness.envs.libero.assets import looks_like_assets
from harness.errors import DownloadError

# GitHub, where LIBERO's 585 files come from, takes none above 100 MB, and all of them have 422 MB on the hub.
MAX_FILE_BYTES = 256 * 2**20
MAX_TOTAL_BYTES = 4 * 2**30
MAX_MEMBERS = 100_000
_CHUNK = 2**20
# Where the assets lie in a LIBERO checkout, in an unpacked download, and in an installed package.
_BELOW = ("", "assets", "libero_assets", "libero/assets", "libero/libero/assets")
_ARCHIVES = ".zip, .tar, .tar.gz, .tar.xz or .tar.bz2"

Advance = Callable[[int], None]


class _Source(Protocol):
    """Something that holds files by name; names use slashes and have no ``.`` and ``..`` in them."""

    def names(self) -> Collection[str]:
        """Every file's name."""

    def copy(self, chosen: Mapping[str, Path], advance: Advance) -> None:
        """Copies the files with these names to these places."""


def copy_assets(source: Path, into: Path, files: Collection[str], *, everything: bool, advance: Advance) -> None:
    """Copies LIBERO's assets from a folder or an archive. In an archive they may lie anywhere, as in one of a checkout.

    Args:
        source: A folder, or a zip or tar archive; its name does not matter.
        into: Folder that receives the files, under their names in LIBERO's assets.
        files: Which files, relative to the assets' root. Those that are not there are left out.
        everything: Take all files of the assets instead.
        advance: Told how many bytes were copied since the last call.

    Raises:
        DownloadError: There are no assets in it, it is damaged, or it is made to do harm: names that lead out of `into`,
            links, devices, or far more data than LIBERO's assets have.
        OSError: The disk refused.
    """
    with _opened(source) as opened:
        names = opened.names()
        prefix = _prefix(names, source)
        wanted = [name for name in names if name.startswith(prefix)] if everything else [prefix + file for file in files]
        present = set(names)
        opened.copy({name: into / name.removeprefix(prefix) for name in wanted if name in present}, advance)


def safe_name(name: str) -> str:
    """The plain form of a name from outside.

    Raises:
        DownloadError: It leads out of the folder that it is relative to, or is no name of a file.
    """
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or name[1:2] == ":":
        raise DownloadError(f"the name {name!r} leads out of the folder; nothing is taken from such a source.")
    return posixpath.normpath(name)


def _prefix(names: Collection[str], source: Path) -> str:
    """What stands before ``scenes/`` and ``articulated_objects/`` in an archive; the shortest where there are several."""
    found: dict[str, set[str]] = {"scenes": set(), "articulated_objects": set()}
    for name in names:
        parts = name.split("/")[:-1]
        for position, part in enumerate(parts):
            if part in found:
                found[part].add("".join(f"{above}/" for above in parts[:position]))
    both = found["scenes"] & found["articulated_objects"]
    if not both:
        raise DownloadError(
            f"{source} holds no LIBERO assets: there should be the folders scenes and articulated_objects in it, "
            "at its top or below."
        )
    return min(both, key=lambda prefix: (len(prefix), prefix))


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[_Source]:
    """The folder or archive; what the libraries raise for a damaged archive becomes a DownloadError."""
    if source.is_dir():
        yield _Folder(source)
        return
    if not source.is_file():
        raise DownloadError(f"{source} does not exist. Name a folder, an archive ({_ARCHIVES}) or an http(s) URL of one.")
    damaged = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError)
    # zipfile raises the last two for encrypted members and unknown ways of compression.
    try:
        with contextlib.ExitStack() as stack:
            if zipfile.is_zipfile(source):
                yield _Zip(stack.enter_context(zipfile.ZipFile(source)))
            else:
                yield _Tar(source)
    except (*damaged, RuntimeError, NotImplementedError) as error:
        raise DownloadError(f"{source} cannot be read as an archive ({_ARCHIVES}): {error}") from error


class _Folder:
    """A folder of the user's own: links in it are followed, as in the Hugging Face hub's cache."""

    def __init__(self, path: Path) -> None:
        roots = [path / below for below in _BELOW if looks_like_assets(path / below)]
        if not roots:
            raise DownloadError(
                f"{path} holds no LIBERO assets: the folders scenes and articulated_objects should be in it"
                f" or in {', '.join(below for below in _BELOW if below)} below it."
            )
        self._root = roots[0]

    def names(self) -> Collection[str]:
        return [
            (Path(folder) / file).relative_to(self._root).as_posix()
            for folder, _, files in os.walk(self._root, followlinks=True)
            for file in files
        ]

    def copy(self, chosen: Mapping[str, Path], advance: Advance) -> None:
        for name, target in chosen.items():
            with (self._root / name).open("rb") as stream:
                _write(stream, target, None, advance)


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        members = archive.infolist()
        _check_count(len(members))
        self._members = {safe_name(member.filename): member for member in members if not member.is_dir()}

    def names(self) -> Collection[str]:
        return self._members

    def copy(self, chosen: Mapping[str, Path], advance: Advance) -> None:
        _check_sizes({name: self._members[name].file_size for name in chosen})
        for name, target in chosen.items():
            member = self._members[name]
            kind = stat.S_IFMT(member.external_attr >> 16)  # zero where the archive was not made on Unix
            if kind not in (0, stat.S_IFREG):
                raise _not_a_file(name)
            with self._archive.open(member) as stream:
                _write(stream, target, member.file_size, advance)


class _Tar:
    """A tar archive, read from front to back once for the names and once for the files: a compressed one has no index."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes: dict[str, int] = {}
        self._odd: set[str] = set()
        for name, member, _ in self._members():
            if not member.isdir():
                self._sizes[name] = member.size
                if not member.isreg() or member.issparse():
                    self._odd.add(name)

    def names(self) -> Collection[str]:
        return self._sizes

    def copy(self, chosen: Mapping[str, Path], advance: Advance) -> None:
        odd = sorted(self._odd & chosen.keys())
        if odd:
            raise _not_a_file(odd[0])
        _check_sizes({name: self._sizes[name] for name in chosen})
        for name, member, archive in self._members():
            stream = archive.extractfile(member) if name in chosen and member.isreg() else None
            if stream is not None:
                with stream:
                    _write(stream, chosen[name], member.size, advance)

    def _members(self) -> Iterator[tuple[str, tarfile.TarInfo, tarfile.TarFile]]:
        with (
            _decompressed(self._path) as stream,
            tarfile.open(fileobj=cast(IO[bytes], _Bounded(stream)), mode="r:") as archive,
        ):
            for count, member in enumerate(archive, start=1):
                _check_count(count)
                yield safe_name(member.name), member, archive


def _decompressed(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        start = stream.read(6)
    if start.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(path))
    if start.startswith(b"\xfd7zXZ\0"):
        return cast(IO[bytes], lzma.open(path))
    if start.startswith(b"BZh"):
        return cast(IO[bytes], bz2.open(path))
    return path.open("rb")


class _Bounded:
    """A stream that ends a decompression bomb: tarfile reads through all data, and whole headers into memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        self._check(self.tell() + max(size, 0), size)
        return self._stream.read(size)

    def seek(self, position: int) -> int:
        self._check(position, 0)
        return self._stream.seek(position)

    def tell(self) -> int:
        return self._stream.tell()

    @staticmethod
    def _check(position: int, size: int) -> None:
        if position > MAX_TOTAL_BYTES or not 0 <= size <= MAX_FILE_BYTES:
            raise DownloadError(f"the archive unpacks to more than {MAX_TOTAL_BYTES / 2**30:.0f} GiB; it is not LIBERO's.")


def _check_count(members: int) -> None:
    if members > MAX_MEMBERS:
        raise DownloadError(f"the archive has more than {MAX_MEMBERS} members; it is not LIBERO's.")


def _check_sizes(sizes: Mapping[str, int]) -> None:
    """Checks what the files say that they unpack to; `_write` holds them to it."""
    for name, size in sizes.items():
        if size > MAX_FILE_BYTES:
            raise DownloadError(
                f"{name} would unpack to {size} bytes, more than the {MAX_FILE_BYTES} that are allowed for one file."
            )
    if sum(sizes.values()) > MAX_TOTAL_BYTES:
        raise DownloadError(f"the archive unpacks to more than {MAX_TOTAL_BYTES / 2**30:.0f} GiB; it is not LIBERO's.")


def _not_a_file(name: str) -> DownloadError:
    return DownloadError(f"{name} is a link, a device or a sparse file in the archive; only ordinary files are taken.")


def _write(stream: IO[bytes], target: Path, size: int | None, advance: Advance) -> None:
    """Copies a stream into a new file, and not one byte more than `size` where that is known."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            written += len(chunk)
            if size is not None and written > size:
                break
            file.write(chunk)
            advance(len(chunk))
    if size is not None and written != size:
        raise DownloadError(f"the archive is damaged: {target.name} has not the {size} bytes that it should have.")
