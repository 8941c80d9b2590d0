"""Whether files are LIBERO's own, byte for byte, and if not, whether they can be read at all."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat


@dataclass(frozen=True)
class Findings:
    """What `check_files` found; every path is relative to the assets' root, and each list is sorted.

    Attributes:
        checked: How many files were looked at.
        missing: Not there, or empty.
        damaged: There, not the official ones, and cut short or unreadable.
        modified: There, whole, and not the official ones.
    """

    checked: int
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    modified: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether everything is there and can be read, official or not."""
        return not self.missing and not self.damaged

    @property
    def official(self) -> bool:
        """Whether every file is LIBERO's own."""
        return self.complete and not self.modified


def check_files(root: Path, files: Mapping[str, str]) -> Findings:
    """Reads every file anew and compares it with the official one.

    Args:
        root: The assets' folder.
        files: Path relative to `root` -> git blob id of the official file, as in an `AssetManifest`.
    """
    found: dict[str, list[str]] = {"missing": [], "damaged": [], "modified": []}
    for name, official in sorted(files.items()):
        state = _state(root / name, official)
        if state is not None:
            found[state].append(name)
    return Findings(len(files), *(tuple(found[state]) for state in ("missing", "damaged", "modified")))


def git_blob_id(data: bytes) -> str:
    """The id under which git stores a file: SHA-1 of "blob", its size, a zero byte, and the contents (git-hash-object)."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def is_damaged(suffix: str, data: bytes) -> bool:
    """Whether a file of this kind cannot be what it should be, whatever its contents are.

    Args:
        suffix: Such as ``.png``; kinds that are not known count as whole.
        data: The contents.
    """
    check = _CHECKS.get(suffix.lower())
    return check is not None and not check(data)


def _state(path: Path, official: str) -> str | None:
    """In which list of `Findings` a file belongs; None when it is the official one."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return "missing"
    except OSError:  # a bad sector, say, or no permission
        return "damaged"
    if not data:
        return "missing"
    if git_blob_id(data) == official:
        return None
    return "damaged" if is_damaged(path.suffix, data) else "modified"


def _is_png(data: bytes) -> bool:
    """Pillow's ``verify`` checks every chunk's sum, and misses a file that ends between two chunks."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            picture.verify()
    except Exception:  # whatever Pillow raises for a broken file: OSError, SyntaxError, ValueError, struct.error
        return False
    return data.rstrip(b"\0")[-8:-4] == b"IEND"


def _is_xml(data: bytes) -> bool:
    try:
        expat.ParserCreate().Parse(data, True)
    except expat.ExpatError:
        return False
    return True


def _is_stl(data: bytes) -> bool:
    """Binary STL: 80 bytes of header, the number of triangles, 50 bytes each."""
    return len(data) >= 84 and len(data) == 84 + 50 * int.from_bytes(data[80:84], "little")


def _is_msh(data: bytes) -> bool:
    """MuJoCo's legacy MSH (XML reference, asset/mesh): four counts, then vertices, normals, texture coordinates, faces."""
    if len(data) < 16:
        return False
    vertices, normals, coordinates, faces = (int(count) for count in struct.unpack_from("<4i", data))
    size = 16 + 4 * (3 * vertices + 3 * normals + 2 * coordinates + 3 * faces)
    return min(vertices, normals, coordinates, faces) >= 0 and len(data) == size


_CHECKS: Mapping[str, Callable[[bytes], bool]] = {".png": _is_png, ".xml": _is_xml, ".stl": _is_stl, ".msh": _is_msh}
