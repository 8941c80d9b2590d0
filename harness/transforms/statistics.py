"""Statistics of a checkpoint's training data, read from the files that openpi and OpenVLA keep beside their weights.

openpi, ``assets/<asset_id>/norm_stats.json``: ``{"norm_stats": {"state": {"mean", "std", "q01", "q99"}, "actions":
{...}}}``; q01 and q99 may be null, and vectors may be padded to the model's 32 dimensions.

OpenVLA, ``dataset_statistics.json``: ``{key: {"action": {"mean", "std", "max", "min", "q01", "q99", "mask"}, "proprio":
{...}, "num_transitions", "num_trajectories"}}``. Which data set's is meant is called ``unnorm_key``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import PolicyUnavailableError, suggest

Vector = tuple[float, ...]

_OPENPI_FILE, OPENVLA_FILE = "norm_stats.json", "dataset_statistics.json"

# Data sets that were filtered of steps without motion have a name with this ending; OpenVLA's own script tries it too
# (``experiments/robot/libero/run_libero_eval.py`` of openvla/openvla).
_NO_NOOPS = "_no_noops"


@dataclass(frozen=True)
class VectorStatistics:
    """Of one vector: an action or a state. A file may leave out anything but what its normalisation needs.

    Attributes:
        mean: Mean of every dimension.
        std: Standard deviation.
        q01: 1st percentile; None where the file has none.
        q99: 99th percentile; None where the file has none.
        mask: True where a dimension is normalised; None: everywhere. OpenVLA leaves the gripper out.
    """

    mean: Vector
    std: Vector
    q01: Vector | None = None
    q99: Vector | None = None
    mask: tuple[bool, ...] | None = None

    @property
    def has_quantiles(self) -> bool:
        """True when both percentiles are there."""
        return self.q01 is not None and self.q99 is not None


@dataclass(frozen=True)
class Statistics:
    """Of a checkpoint's training data.

    Attributes:
        actions: Of its actions.
        state: Of its state vector; None where the file has none.
        sha256: Hash of the file.
        key: The data set's name in the file; None in openpi's, which has one data set.
    """

    actions: VectorStatistics
    state: VectorStatistics | None
    sha256: str
    key: str | None = None


def read_statistics(path: Path, unnorm_key: str | None = None) -> Statistics:
    """Reads either of the two kinds of files.

    Args:
        path: The file, or a directory that has one under its usual name, such as a checkpoint's.
        unnorm_key: Which data set's statistics; may be left out where the file has one. A name that is not in the file is
            tried with the ending ``_no_noops``.

    Raises:
        PolicyUnavailableError: The file cannot be read, is of neither kind, or lacks the data set.
    """
    file = _file(path)
    try:
        content = file.read_bytes()
        document = json.loads(content)
    except (OSError, ValueError) as error:
        raise PolicyUnavailableError(f"the statistics {file} cannot be read: {error}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    if not isinstance(document, dict) or not document:
        raise PolicyUnavailableError(f"{file} holds no statistics: expected a map")
    if "norm_stats" in document:
        if unnorm_key is not None:
            raise PolicyUnavailableError(f"{file} is openpi's, with one data set: leave unnorm_key={unnorm_key!r} out")
        return _statistics(document["norm_stats"], "actions", "state", file, sha256, None)
    key = data_set_key(document, unnorm_key, file)
    return _statistics(document[key], "action", "proprio", file, sha256, key)


def data_set_key(document: Mapping[str, Any], asked: str | None, file: Path) -> str:
    """The name of the data set that is meant, among those that OpenVLA's statistics have.

    Args:
        document: Name -> statistics.
        asked: What the user calls it, with or without the ending ``_no_noops``; None where there is one.
        file: Where they stand, for messages.

    Raises:
        PolicyUnavailableError: There is none of that name, or several and none was named.
    """
    if asked is None:
        if len(document) == 1:
            return next(iter(document))
        raise PolicyUnavailableError(f"{file} has several data sets; choose one with unnorm_key: {', '.join(document)}")
    for key in (asked, asked + _NO_NOOPS):
        if key in document:
            return key
    raise PolicyUnavailableError(f"{file} has no data set {asked!r}. {suggest(asked, document)}")


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    there = [path / name for name in (_OPENPI_FILE, OPENVLA_FILE) if (path / name).is_file()]
    there += sorted(path.glob(f"assets/**/{_OPENPI_FILE}"))
    if len(there) != 1:
        found = ", ".join(str(file.relative_to(path)) for file in there) or "none"
        raise PolicyUnavailableError(
            f"{path} should hold one {_OPENPI_FILE}, there or below assets, or one {OPENVLA_FILE}; it holds {found}. "
            "Name the file"
        )
    return there[0]


def _statistics(document: Any, actions: str, state: str, file: Path, sha256: str, key: str | None) -> Statistics:
    if not isinstance(document, dict) or actions not in document:
        there = ", ".join(document) if isinstance(document, dict) else type(document).__name__
        raise PolicyUnavailableError(f"{file} has no statistics of {actions!r}, only {there or 'nothing'}")
    return Statistics(
        actions=_vectors(document[actions], f"{file}: {actions}"),
        state=_vectors(document[state], f"{file}: {state}") if document.get(state) else None,
        sha256=sha256,
        key=key,
    )


def _vectors(document: Any, where: str) -> VectorStatistics:
    if not isinstance(document, dict):
        raise PolicyUnavailableError(f"{where} is a {type(document).__name__}, not a map of vectors")
    vectors = {
        name: _vector(document[name], f"{where}.{name}") for name in ("mean", "std", "q01", "q99") if document.get(name)
    }
    missing = [name for name in ("mean", "std") if name not in vectors]
    if missing:
        raise PolicyUnavailableError(f"{where} lacks {' and '.join(missing)}; it has {', '.join(document) or 'nothing'}")
    mask = tuple(bool(value) for value in document["mask"]) if document.get("mask") else None
    lengths = {name: len(vector) for name, vector in vectors.items()} | ({"mask": len(mask)} if mask else {})
    if len(set(lengths.values())) != 1:
        raise PolicyUnavailableError(f"{where}: the vectors have different lengths, {lengths}")
    return VectorStatistics(vectors["mean"], vectors["std"], vectors.get("q01"), vectors.get("q99"), mask)


def _vector(values: Any, where: str) -> Vector:
    try:
        vector = tuple(float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise PolicyUnavailableError(f"{where} is not a list of numbers: {error}") from error
    if not all(math.isfinite(value) for value in vector):
        raise PolicyUnavailableError(f"{where} holds NaN or infinity")
    return vector
