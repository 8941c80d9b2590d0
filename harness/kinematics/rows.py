"""Rows of named numbers from csv, json, npy, plain lines or standard input: poses, joints, measurements.

What the columns mean is said by layouts, tuples of column names. A file says which layout it has by its header or keys, or,
where it has none, by how many numbers a row holds.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import UsageError, suggest
from harness.types import Float64Array

Layout = tuple[str, ...]

JOINTS: Layout = ("q1", "q2", "q3", "q4", "q5", "q6")
QUATERNION_POSE: Layout = ("x", "y", "z", "qw", "qx", "qy", "qz")

# Keys of json objects that hold several columns at once; these are the ones that the commands write.
_GROUPS: Mapping[str, Layout] = {
    "joint_pos_rad": JOINTS,
    "position_m": QUATERNION_POSE[:3],
    "quat_wxyz": QUATERNION_POSE[3:],
    "target": QUATERNION_POSE,
}


@dataclass(frozen=True)
class Rows:
    """Rows of finite numbers.

    Attributes:
        values: (N, K), N >= 1.
        columns: What the K columns are: one of the layouts that were asked for.
        places: (N,) texts; where each row comes from, for messages.
        named: Whether a header or keys said what the columns are; otherwise the length of a row did.
    """

    values: Float64Array
    columns: Layout
    places: tuple[str, ...]
    named: bool


def read_rows(source: str, layouts: Sequence[Layout]) -> Rows:
    """Reads a file of rows.

    Args:
        source: A path that ends in .csv (with a header), .json (a list of lists or of objects), .npy ((N, K)) or .txt (a row
            a line); ``-`` is standard input with any of these but npy.
        layouts: Which columns are understood, of different lengths.

    Raises:
        UsageError: The file is missing or of another kind, or a row is malformed; the message names the row.
    """
    if source == "-":
        return parse_rows(sys.stdin.read(), "standard input", layouts)
    path = Path(source)
    kind = path.suffix.lower()
    if kind == ".npy":
        return array_rows(load_npy(path), source, layouts)
    if kind not in (".csv", ".json", ".txt"):
        raise UsageError(f"{source}: {kind or 'a name without ending'} is not understood; use .csv, .json, .npy or .txt")
    text = read_text(path)
    if kind == ".json":
        return _json_rows(text, source, layouts)
    if kind == ".csv" and not _has_header(text):
        raise UsageError(f"{source}: the first line must be a header: {_expected(layouts)}")
    return parse_rows(text, source, layouts)


def parse_rows(text: str, name: str, layouts: Sequence[Layout]) -> Rows:
    """Reads rows from a text that is json, csv with a header, or a row of numbers a line.

    Args:
        text: Empty lines and lines that begin with ``#`` are skipped.
        name: What the text is called in messages.
        layouts: As `read_rows`.

    Raises:
        UsageError: As `read_rows`.
    """
    if text.lstrip()[:1] == "{" or re.match(r"\s*\[\s*[\[{\]]", text):
        return _json_rows(text, name, layouts)
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line.strip()[0] != "#"]
    places = [f"{name}, line {number}" for number, _ in lines]
    if not _has_header(text):
        return _checked(
            [parse_numbers(line, place) for (_, line), place in zip(lines, places, strict=True)], places, layouts
        )
    header = [word.strip() for word in _cells(lines[0][1])]
    layout = _layout_of(header, layouts, places[0])
    rows = []
    for (_, line), place in zip(lines[1:], places[1:], strict=True):
        cells = _cells(line)
        if len(cells) != len(header):
            raise UsageError(f"{place}: {len(cells)} values under a header of {len(header)}")
        rows.append([_number(cells[header.index(column)], place) for column in layout])
    return _checked(rows, places[1:], [layout], named=True)


def parse_numbers(text: str, place: str) -> list[float]:
    """Numbers separated by spaces or commas, with or without brackets around all of them.

    Raises:
        UsageError: A word is not a number.
    """
    words = re.split(r"\s*,\s*|\s+", text.strip().strip("[]()").strip())
    return [_number(word, place) for word in words if word or len(words) > 1]


def load_npy(path: Path) -> Float64Array:
    """The numbers in an .npy file, never unpickled.

    Raises:
        UsageError: The file cannot be read or holds something other than real numbers.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path} cannot be read as an .npy file: {error}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise UsageError(f"{path} does not hold an array of real numbers")
    return np.asarray(array, dtype=np.float64)


def read_text(path: Path) -> str:
    """The text of a file; a byte order mark, as spreadsheets write it, is left out.

    Raises:
        UsageError: The file cannot be read, or is not text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def array_rows(array: Float64Array, name: str, layouts: Sequence[Layout]) -> Rows:
    """Rows from an array (N, K), or (K,) for a single one.

    Raises:
        UsageError: No layout has K columns, or a number is not finite.
    """
    rows = np.atleast_2d(array)
    if rows.ndim != 2:
        raise UsageError(f"{name}: an array of shape {array.shape}; expected (N, {_lengths(layouts)})")
    return _checked(rows, [f"{name}, row {index}" for index in range(len(rows))], layouts)


def _json_rows(text: str, name: str, layouts: Sequence[Layout]) -> Rows:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name} is not json: {error}") from error
    if isinstance(data, dict) or (isinstance(data, list) and data and not isinstance(data[0], list | dict)):
        data = [data]
    if not isinstance(data, list):
        raise UsageError(f"{name}: expected a list of rows, not {type(data).__name__}")
    places = [f"{name}, entry {index}" for index in range(len(data))]
    objects = [isinstance(entry, dict) for entry in data]
    if not any(objects):
        return _checked([_json_numbers(e, place) for e, place in zip(data, places, strict=True)], places, layouts)
    if not all(objects):
        raise UsageError(f"{places[objects.index(False)]}: lists and objects must not be mixed")
    flat = [_flattened(entry, place) for entry, place in zip(data, places, strict=True)]
    layout = _layout_of(list(flat[0]), layouts, places[0])
    rows = []
    for entry, place in zip(flat, places, strict=True):
        _layout_of(list(entry), [layout], place)
        rows.append([entry[column] for column in layout])
    return _checked(rows, places, [layout], named=True)


def _flattened(entry: Mapping[str, Any], place: str) -> dict[str, float]:
    """One number a column; what is neither a column nor a group of columns is left out."""
    flat: dict[str, float] = {}
    for key, value in entry.items():
        columns = _GROUPS.get(key)
        if columns is not None:
            numbers = _json_numbers(value, f"{place}, {key}")
            if len(numbers) != len(columns):
                raise UsageError(f"{place}: {key} has {len(numbers)} numbers; expected {len(columns)}: {', '.join(columns)}")
            flat.update(zip(columns, numbers, strict=True))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[key] = float(value)
    return flat


def _json_numbers(entry: object, place: str) -> list[float]:
    if not isinstance(entry, list) or any(isinstance(v, bool) or not isinstance(v, int | float) for v in entry):
        raise UsageError(f"{place}: expected a list of numbers, not {json.dumps(entry)[:60]}")
    return [float(value) for value in entry]


def _number(word: str, place: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise UsageError(f"{place}: {word.strip()!r} is not a number") from None


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], skipinitialspace=True))


def _has_header(text: str) -> bool:
    """Whether the first line that counts holds words, and so names columns. ``nan`` and ``inf`` are no words."""
    for line in text.splitlines():
        if line.strip() and line.strip()[0] != "#":
            words = re.findall(r"[A-Za-z_]\w*", re.sub(r"(?i)\d[\d.]*e[+-]?\d+", "", line))
            return len([word for word in words if word.lower() not in ("nan", "inf", "infinity")]) > 1
    return False


def _layout_of(found: Sequence[str], layouts: Sequence[Layout], place: str) -> Layout:
    """The longest layout whose columns are all there; other columns do no harm."""
    complete = [layout for layout in layouts if set(layout) <= set(found)]
    if complete:
        return max(complete, key=len)
    nearest = min(layouts, key=lambda layout: len(set(layout) - set(found)))
    missing = [column for column in nearest if column not in found]
    hint = "" if len(missing) == len(nearest) else f" {suggest(missing[0], found)}"
    raise UsageError(f"{place}: {', '.join(missing)} missing; expected {_expected(layouts)}.{hint}")


def _checked(
    rows: Sequence[Sequence[float]] | Float64Array, places: Sequence[str], layouts: Sequence[Layout], *, named: bool = False
) -> Rows:
    if not len(rows):
        raise UsageError(f"no rows were given; expected {_expected(layouts)}")
    by_length = {len(layout): layout for layout in layouts}
    layout = by_length.get(len(rows[0]), layouts[0])
    for row, place in zip(rows, places, strict=True):
        if len(row) != len(layout):
            raise UsageError(f"{place}: {len(row)} numbers; expected {_expected(layouts)}")
    values = np.array(rows, dtype=np.float64)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = bad[0]
        raise UsageError(f"{places[row]}: {layout[column]} is {values[row, column]}; every number must be finite")
    return Rows(values=values, columns=layout, places=tuple(places), named=named)


def _lengths(layouts: Sequence[Layout]) -> str:
    return " or ".join(str(len(layout)) for layout in layouts)


def _expected(layouts: Sequence[Layout]) -> str:
    return " or ".join(f"{len(layout)}: {','.join(layout)}" for layout in layouts)
