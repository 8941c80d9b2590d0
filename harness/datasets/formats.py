"""The formats that datasets are written in, by name."""

from __future__ import annotations

import importlib
import importlib.util
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from harness.datasets.frames import EpisodeFrames
from harness.datasets.pieces import Piece
from harness.datasets.source import Source
from harness.errors import UsageError, suggest

FormatName = typing.Literal["lerobot", "lerobot-v3", "hdf5"]
FORMATS: tuple[FormatName, ...] = typing.get_args(FormatName)

# Named rather than imported, so that what a format needs is imported when it is used: the module for pictures, the one for
# the whole, and the package that both need.
_PARTS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "lerobot": ("harness.datasets.lerobot", "harness.datasets.lerobot_v2", "pyarrow"),
        "lerobot-v3": ("harness.datasets.lerobot", "harness.datasets.lerobot_v3", "pyarrow"),
        "hdf5": ("harness.datasets.hdf5", "harness.datasets.hdf5", "h5py"),
    }
)


@dataclass(frozen=True)
class Format:
    """How a dataset is written.

    Attributes:
        write_pictures: Puts what is large of an episode into its piece's folder.
        assemble: Writes the dataset of some pieces into an empty folder.
    """

    write_pictures: Callable[[Path, EpisodeFrames, Source], None]
    assemble: Callable[[Sequence[Piece], Source, Path], None]


def dataset_format(name: str) -> Format:
    """The format of a name.

    Raises:
        UsageError: There is none, or the package that it needs is not installed.
    """
    if name not in _PARTS:
        raise UsageError(f"there is no --format {name!r}. {suggest(name, _PARTS)}")
    pictures, whole, package = _PARTS[name]
    if importlib.util.find_spec(package) is None:
        raise UsageError(f"--format {name} needs {package}, which is not installed: pip install 'evalharness[datasets]'")
    return Format(importlib.import_module(pictures).write_pictures, importlib.import_module(whole).assemble)
