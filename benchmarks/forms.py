"""Tables as Markdown, LaTeX, CSV and on the terminal, all from one set of cells, so that they show the same numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from tokengym.benchmarks.tables import DAGGER, Table

__all__ = ["to_csv", "to_latex", "to_markdown", "to_rich"]


def to_markdown(tables: Sequence[Table], notes: Sequence[str], title: str = "") -> str:
    """A Markdown document."""
    lines = [f"# {title}", ""] if title else []
    for table in tables:
        lines += [
            f"## {_markdown(table.title)}",
            "",
            "| " + " | ".join(_markdown(c.name) for c in table.columns) + " |",
            "|---" + "|--:" * (len(table.columns) - 1) + "|",
        ]
        lines += ["| " + " | ".join(_markdown(cell.text) for cell in row) + " |" for row in table.rows] + [""]
    return "\n".join(lines + [f"- {_markdown(note)}" for note in notes]) + "\n"


def _markdown(text: str) -> str:
    """``text`` in one line in which no letter means anything to Markdown: "0.5*exact + 0.5*rouge_l" is no emphasis."""
    return re.sub(r"([\\|*`]|<(?=[A-Za-z/!?]))", r"\\\1", " ".join(text.split()))


_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "†": r"$^\dagger$",
    "<": "$<$",
    ">": "$>$",
    **{letter: "\\" + letter for letter in "&%$#_{}"},
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)


def to_latex(tables: Sequence[Table], notes: Sequence[str], title: str = "") -> str:
    r"""Floats for a paper; needs ``\usepackage{booktabs}`` (and graphicx, which shrinks wide tables to the line).

    Notes on marked cells stand under their table, all notes as comments at the end.
    """
    lines = [f"% {title}".rstrip(), r"% \usepackage{booktabs,graphicx}"]
    for table in tables:
        lines += [r"\begin{table}[t]", r"\centering", rf"\caption{{{_tex(table.title)}}}", r"\resizebox{\linewidth}{!}{%"]
        lines += [rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}", r"\toprule"]
        lines += [" & ".join(_tex(c.name) for c in table.columns) + r" \\", r"\midrule"]
        lines += [" & ".join(_tex(cell.text) for cell in row) + r" \\" for row in table.rows]
        lines += [r"\bottomrule", r"\end{tabular}}"]
        marks = tuple(f"{DAGGER} {env}, " for env in (table.title, *(column.name for column in table.columns)))
        lines += [rf"\par\smallskip\footnotesize {_tex(' '.join(note.split()))}" for note in notes if note.startswith(marks)]
        lines += [r"\end{table}", ""]
    return "\n".join(lines + ["% " + " ".join(note.split()) for note in notes]) + "\n"


def to_csv(tables: Sequence[Table]) -> str:
    """One line per environment and agent; the first of ``tables`` is the overview, which holds nothing of its own and is left out.

    The last columns count seeds that collapsed, seeds that failed, and answers that could not be scored.
    """
    rows: list[dict[str, str]] = []
    for table in tables[1:]:
        for row in table.rows:
            line = {"env": table.title}
            for column, cell in zip(table.columns, row, strict=True):
                line.update({name: part for name, part in zip(column.parts, cell.parts, strict=True) if name})
            rows.append(line)
    names = list(dict.fromkeys(name for row in rows for name in row))
    counts = [each for table in tables[1:] for each in table.counts]
    names += [name for name in dict.fromkeys(name for each in counts for name in each)]
    for line, each in zip(rows, counts, strict=bool(counts)):
        line.update({name: str(count) for name, count in each.items()})
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def to_rich(table: Table) -> Any:
    """A ``rich`` table for the terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table as RichTable

    shown = RichTable(title=escape(table.title), box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for number, column in enumerate(table.columns):
        shown.add_column(escape(column.name), justify="left" if number == 0 else "right", overflow="fold")
    for row in table.rows:
        shown.add_row(*(escape(cell.text) for cell in row))
    return shown
