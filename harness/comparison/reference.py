"""Published success rates: files of rows with their sources, shown beside measured ones and never mixed with them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from harness.comparison.types import MEAN, ReferenceRow
from harness.errors import UsageError, suggest
from harness.paths import reference_dir

# Stands for all rows that come with the harness.
ALL = "all"

_COLUMNS = ("checkpoint", "suite", "rate_percent", "standard_error_percent", "n", "seeds", "protocol", "source")


def load_reference(name: str = ALL) -> tuple[ReferenceRow, ...]:
    """Published rows.

    Args:
        name: ``all``; the name of a file that comes with the harness, such as ``libero``; a checkpoint, such as ``pi0.5``;
            or the path of a CSV file of one's own with the same columns.

    Returns:
        The rows, in the order of the files.

    Raises:
        UsageError: The name is unknown, or a file is wrong; the message says where.
    """
    if name.endswith(".csv"):
        return _read(Path(name))
    files = {path.stem: path for path in sorted(reference_dir().glob("*.csv"))}
    if name in files:
        return _read(files[name])
    rows = tuple(row for path in files.values() for row in _read(path))
    if name == ALL:
        return rows
    found = tuple(row for row in rows if row.checkpoint.lower() == name.lower())
    if not found:
        known = [ALL, *files, *dict.fromkeys(row.checkpoint for row in rows)]
        raise UsageError(f"--reference {name!r}: there are no published rows of that name. {suggest(name, known)}")
    return found


def relevant_rows(rows: Sequence[ReferenceRow], suites: Sequence[str]) -> tuple[ReferenceRow, ...]:
    """The rows about some suites; a published mean only where all the suites are there that it is over.

    Args:
        rows: Published rows.
        suites: Names of the suites that were measured.
    """
    published = {
        (row.checkpoint, row.source): {r.suite for r in rows if (r.checkpoint, r.source) == (row.checkpoint, row.source)}
        for row in rows
    }
    return tuple(
        row
        for row in rows
        if row.suite in suites or (row.suite == MEAN and published[row.checkpoint, row.source] - {MEAN} == set(suites))
    )


def _read(path: Path) -> tuple[ReferenceRow, ...]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != _COLUMNS:
                raise UsageError(
                    f"{path}: the columns must be {', '.join(_COLUMNS)}, not {', '.join(reader.fieldnames or ())}"
                )
            return tuple(_row(cells, path, reader.line_num) for cells in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _row(cells: dict[str, str], path: Path, line: int) -> ReferenceRow:
    try:
        rate, error = float(cells["rate_percent"]), cells["standard_error_percent"]
        if not (0 <= rate <= 100 and cells["checkpoint"] and cells["suite"] and cells["source"]):
            raise ValueError("it needs a checkpoint, a suite, a source, and a rate from 0 to 100")
        return ReferenceRow(
            checkpoint=cells["checkpoint"],
            suite=cells["suite"],
            rate=rate / 100,
            standard_error=float(error) / 100 if error else None,
            n=int(cells["n"]) if cells["n"] else None,
            seeds=int(cells["seeds"]) if cells["seeds"] else None,
            protocol=cells["protocol"],
            source=cells["source"],
        )
    except (ValueError, TypeError) as wrong:
        raise UsageError(f"{path}, line {line}: {wrong}") from wrong
