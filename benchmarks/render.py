"""Writes a results folder's tables and picture from its records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokengym.benchmarks.curves import draw
from tokengym.benchmarks.forms import to_csv, to_latex, to_markdown
from tokengym.benchmarks.records import Record, write_whole
from tokengym.benchmarks.tables import build_tables

__all__ = ["render"]


def render(records: Sequence[Record], folder: Path) -> None:
    """Writes table.md, table.tex, table.csv and, where agents were trained, curves.png.

    Raises:
        ValueError: no records, or records that do not belong into one table.
    """
    tables, notes = build_tables(records)
    title = records[0].get("suite", {}).get("title", "")
    write_whole(folder / "table.md", to_markdown(tables, notes, title))
    write_whole(folder / "table.tex", to_latex(tables, notes, title))
    write_whole(folder / "table.csv", to_csv(tables))
    picture = draw(records)
    if picture is not None:
        write_whole(folder / "curves.png", picture)
