"""What the Piper commands share: where joints come from, what they print, and where to."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.table import Table

    from harness.types import Float64Array

_Command = TypeVar("_Command", bound=Callable[..., Any])

FORMATS = ("table", "json", "csv")


def format_option(command: _Command) -> _Command:
    """Adds ``--format``."""
    return click.option("--format", "layout", type=click.Choice(FORMATS), help="How to print; default table.")(command)


def read_joints(source: str, *, degrees: bool, option: str) -> Float64Array:
    """Joint vectors (N, 6) in rad, from six numbers or from a file.

    Args:
        source: ``q1 q2 q3 q4 q5 q6``, or the path of a .csv, .json, .npy or .txt file, or ``-`` for standard input.
        degrees: The numbers are in degrees.
        option: What the source is called in messages.

    Raises:
        UsageError: A wrong count, no number, or not finite.
    """
    import numpy as np

    from harness.errors import UsageError
    from harness.kinematics.rows import JOINTS, array_rows, parse_numbers, read_rows

    if source == "-" or Path(source).suffix.lower() in (".csv", ".json", ".npy", ".txt"):
        values = read_rows(source, [JOINTS]).values
    else:
        numbers = parse_numbers(source, option)
        if len(numbers) != len(JOINTS):
            raise UsageError(f"{option}: {len(numbers)} numbers; expected 6: {' '.join(JOINTS)}, or a file")
        values = array_rows(np.array(numbers), option, [JOINTS]).values
    return np.radians(values) if degrees else values


def warn(messages: Iterable[str]) -> None:
    """Prints warnings to standard error."""
    for message in messages:
        click.echo(f"warning: {message}", err=True)


def as_json(entries: Iterable[object]) -> str:
    """A json list of plain data, a line an entry."""
    return "[\n" + ",\n".join(json.dumps(entry, allow_nan=False) for entry in entries) + "\n]\n"


def fixed(value: float, digits: int) -> str:
    """A number with so many digits after the point, and no minus before nothing but zeros."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of the same keys, with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_table(table: Table) -> str:
    """A table as text, never folded; `as_columns` is quicker for thousands of rows."""
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=250).print(table)
    return "".join(line.rstrip() + "\n" for line in text.getvalue().splitlines())


def as_columns(header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 0) -> str:
    """Cells in columns that line up: the first `words` of them to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    text = io.StringIO()
    for row in (header, *rows):
        cells = (cell.ljust(w) if i < words else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        text.write("  ".join(cells).rstrip() + "\n")
    return text.getvalue()


def deliver(text: str, out: Path | None) -> None:
    """Prints a text, or writes it to a file that appears only when it is complete.

    Raises:
        StoreError: The file cannot be written.
    """
    from harness.files import written_aside

    if out is None:
        click.echo(text, nl=False)
        return
    with written_aside(out) as aside:
        aside.write_text(text, encoding="utf-8")
    click.echo(f"written to {out}", err=True)
