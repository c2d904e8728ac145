"""Rows of texts as a table on the terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = ["markdown_rows", "print_rows"]

_WIDE = 200  # columns off a terminal, where nothing says how many there are


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[str] = ()) -> None:
    """Prints a table; off a terminal it is as wide as it needs to be, up to 200 columns.

    Args:
        columns: the headings.
        rows: one text per column.
        right: headings of the columns that are set to the right (numbers).
    """
    table = Table(box=SIMPLE_HEAD)
    aligned = set(right)
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in aligned else "left")
    for row in rows:
        table.add_row(*(escape(text) for text in row))
    console = Console()
    (console if console.is_terminal else Console(width=_WIDE)).print(table)


def markdown_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The same as a Markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
