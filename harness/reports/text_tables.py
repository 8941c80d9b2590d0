"""Tables of text as Markdown and as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# What means something to LaTeX; the backslash comes first, because the others are replaced by it.
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip


@dataclass(frozen=True)
class TextTable:
    """Rows of cells.

    Attributes:
        title: One line; empty for none.
        head: What the columns are.
        rows: As many cells each as there are columns. A line break parts what belongs under each other in one cell.
        text_columns: How many of the first columns are text, aligned left; the others are aligned right.
        across: What the other columns are, such as ``suite``, where they are all alike; empty where each is something else.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1
    across: str = ""


def long_form(table: TextTable) -> TextTable:
    """The same cells with a row each: for tables with more columns than fit beside each other.

    Args:
        table: One with `across`.
    """
    text = table.text_columns
    rows = [
        (*map(_on_one_line, row[:text]), name, _on_one_line(cell))
        for row in table.rows
        for name, cell in zip(table.head[text:], row[text:], strict=True)
        if cell
    ]
    return TextTable(table.title, (*table.head[:text], table.across, ""), tuple(rows), text + 1)


def markdown_table(table: TextTable) -> str:
    """A table in GitHub's Markdown, its title above it in bold."""
    rule = ["---" if column < table.text_columns else "---:" for column in range(len(table.head))]
    lines = [_markdown_row(table.head), f"| {' | '.join(rule)} |", *map(_markdown_row, table.rows)]
    title = f"**{markdown_text(table.title)}**\n\n" if table.title else ""
    return title + "\n".join(lines) + "\n"


def latex_table(table: TextTable) -> str:
    """A LaTeX table with its title as caption; it needs the package booktabs."""
    columns = "".join("l" if column < table.text_columns else "r" for column in range(len(table.head)))
    lines = [
        r"\begin{table}",
        r"  \centering",
        *([rf"  \caption{{{latex_text(table.title)}}}"] if table.title else []),
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        f"    {_latex_row(table.head)}",
        r"    \midrule",
        *(f"    {_latex_row(row)}" for row in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def markdown_text(text: str) -> str:
    """Text on one line, with what Markdown would take for its own escaped."""
    one_line = " ".join(text.split())
    for character in "\\|*`<":
        one_line = one_line.replace(character, "\\" + character)
    return one_line.replace("](", "]\\(").replace("__", "\\_\\_")


def latex_text(text: str) -> str:
    """Text on one line, with what LaTeX would take for its own escaped."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


def _on_one_line(cell: str) -> str:
    return " ".join(cell.splitlines())


def _markdown_row(cells: Sequence[str]) -> str:
    joined = ("<br>".join(markdown_text(line) for line in cell.splitlines()) for cell in cells)
    return f"| {' | '.join(joined)} |"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(_latex_cell(cell.splitlines()) for cell in cells) + r" \\"


def _latex_cell(lines: Sequence[str]) -> str:
    if len(lines) < 2:
        return "".join(map(latex_text, lines))
    # Braces keep a line that begins with a bracket from being taken for an optional length.
    stacked = r" \\ ".join(f"{{{latex_text(line)}}}" for line in lines)
    return rf"\shortstack{{{stacked}}}"
