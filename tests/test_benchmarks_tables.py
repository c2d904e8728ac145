"""The tables: every form shows the same numbers, and the notes say what a reader must know."""

from __future__ import annotations

import csv
import io
import re

import pytest
from rich.console import Console

from tests.result_rows import EXAMPLES, failed, result_rows
from tokengym.benchmarks.forms import to_csv, to_latex, to_markdown, to_rich
from tokengym.benchmarks.summary import fill_normalized
from tokengym.benchmarks.tables import build_tables

NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?")


def _numbers(text: str) -> list[str]:
    return [found.replace(",", "") for found in NUMBER.findall(text)]


def test_all_forms_show_the_same_numbers() -> None:
    tables, notes = build_tables(result_rows())
    head, *rows = csv.reader(io.StringIO(to_csv(tables)))
    assert head[-3:] == ["collapsed_seeds", "failed_seeds", "unscored"]  # which the other forms tell in notes
    rows = [row[:-3] for row in rows]
    markdown = [
        line.split("|") for line in to_markdown(tables[1:], []).splitlines() if re.match(r"\| [a-z]", line) and "| agent" not in line
    ]
    latex = [line.split("&") for line in to_latex(tables[1:], []).splitlines() if " & " in line and not line.startswith("agent")]
    console = Console(width=300, file=io.StringIO(), color_system=None)
    for table in tables[1:]:
        console.print(to_rich(table))
    file = console.file
    assert isinstance(file, io.StringIO)
    shown = [line for line in file.getvalue().splitlines() if re.match(r"\s+(random|zero-shot|sft|oracle)", line)]
    assert len(rows) == len(markdown) == len(latex) == len(shown) == 12
    for line, md, tex, terminal in zip(rows, markdown, latex, shown, strict=True):
        expected = _numbers(" ; ".join(line[2:]))
        assert _numbers(" ; ".join(md[2:])) == expected
        assert _numbers(" ; ".join(tex[1:]).replace(r"$\pm$", " ")) == expected
        assert _numbers(terminal.strip().partition(" ")[2]) == expected


def test_the_row_of_an_agent() -> None:
    tables, _ = build_tables(result_rows())
    line = next(row for row in csv.DictReader(io.StringIO(to_csv(tables))) if row["env"] == "TextSumm-v0" and row["agent"] == "sft+ppo")
    assert (line["reward"], line["normalized"], line["exact"], line["verdict"]) == ("0.800", "0.800", "0.400", "above")
    assert (line["labels"], line["reward_calls"], line["train_tokens"], line["seconds"], line["seeds"]) == (
        "384",
        "1234",
        "20500",
        "10.5",
        "3",
    )
    overview = to_markdown(tables[:1], [])
    assert "| agent | TextQA-v0 | TextSumm-v0 | normalized, mean |" in overview
    assert re.search(r"\| sft \| 0\.600 ± 0\.0\d\d \| 0\.600 ± 0\.0\d\d \| 0\.600 \|", overview)


def test_notes_tell_of_failures_collapses_and_origin() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    rows[0] = failed(rows[0])
    row = next(r for r in rows if r["agent"]["name"] == "sft+ppo" and r["seed"] == 2000)
    row["eval"]["reward"] = [0.1] * EXAMPLES
    row["agent"]["note"] = row["agent"]["note"] or "verifier reward"
    fill_normalized(rows)
    tables, notes = build_tables(rows)
    text = "\n".join(notes)
    assert "failed on seeds 1000 (ValueError: no luck)" in text
    assert "1 of 3 seeds collapsed" in text and "2000: 0.100" in text and "†" in to_markdown(tables, notes)
    assert "commit 0123456789ab." in text and "python 3.11.9" in text and "made-up" in text
    lines = list(csv.DictReader(io.StringIO(to_csv(tables))))
    counts = {line["agent"]: (line["collapsed_seeds"], line["failed_seeds"], line["unscored"]) for line in lines}
    assert counts["sft+ppo"] == ("1", "0", "0") and counts["random"] == ("0", "1", "0") and counts["sft"] == ("0", "0", "0")
    latex = to_latex(tables, notes)
    assert latex.count("\n\\par\\smallskip\\footnotesize $^\\dagger$ TextQA-v0, sft+ppo: 1 of 3 seeds collapsed") == 2 == len(tables)
    ppo = next(row for row in tables[1].rows if row[0].text == "sft+ppo")
    marked = [column.name for column, cell in zip(tables[1].columns, ppo, strict=True) if "†" in cell.text]
    assert marked == ["reward (token_f1)", "normalized", "gain over sft"]
    assert "†" not in to_csv(tables)


def test_a_note_tells_of_a_reward_that_only_training_used() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    own = rows[0]["reward"]["spec"]
    assert "trained" not in "\n".join(build_tables(rows)[1])
    for row in rows:
        row["agent"]["train_kwargs"] = {"size": 8, "reward": own}
    assert "measured by" not in "\n".join(build_tables(rows)[1])
    for row in rows:
        row["agent"]["train_kwargs"] = {"size": 8, "reward": "faithfulness"}
    assert f"TextQA-v0: trained (and the best weights chosen) by the reward faithfulness; measured by {own}." in build_tables(rows)[1]


def test_special_characters_are_escaped() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    for row in rows:
        row["reward"]["spec"] = "0.5*rouge_l & 100%"
    assert r"0.5*rouge\_l \& 100\%" in to_latex(build_tables(rows)[0], [])


def test_nothing_makes_no_table() -> None:
    with pytest.raises(ValueError, match="no records"):
        build_tables([])
    rows = result_rows()
    rows[0]["reward"]["fingerprint"] = "another"
    with pytest.raises(ValueError, match="another reward than"):
        build_tables(rows)


def test_nothing_means_anything_to_markdown_or_the_terminal() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    for row in rows:
        row["reward"]["spec"] = "0.6*rouge_2 + 0.4*rouge_l"
        row["agent"]["note"] = "two\nlines" if row["agent"]["name"] == "sft" else ""
        row["agent"]["name"] = row["agent"]["name"].replace("oracle", "a|b [/]<b>")
    tables, notes = build_tables(rows)
    markdown = to_markdown(tables, notes)
    assert r"| reward (0.6\*rouge_2 + 0.4\*rouge_l) |" in markdown
    assert r"a\|b [/]\<b>" in markdown and "- sft: two lines." in markdown and "p <0.001" in markdown
    assert "\n% sft: two lines." in to_latex(tables, notes)
    console = Console(width=300, file=io.StringIO(), color_system=None)
    console.print(to_rich(tables[1]))
    assert isinstance(console.file, io.StringIO) and "a|b [/]<b>" in console.file.getvalue()


def test_holm_counts_the_comparisons_that_were_made() -> None:
    rows = [r for r in result_rows() if r["env"]["id"] == "TextQA-v0" or r["seed"] == 1000]  # one seed of TextSumm-v0
    notes = build_tables(rows)[1]
    assert any("p after Holm over 1 comparisons (1 more have too few seeds or examples)" in note for note in notes)


def test_a_cost_that_nobody_tells_is_a_question_mark() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    for row in rows:
        if row["agent"]["name"] == "sft":
            row["cost"]["train_tokens"] = None
    tables, notes = build_tables(rows)
    line = next(row for row in csv.DictReader(io.StringIO(to_csv(tables))) if row["agent"] == "sft")
    assert line["train_tokens"] == "" and " | ? | " in to_markdown(tables, notes)
    assert any(note.startswith("?: an agent from outside") for note in notes)


def test_a_mark_stands_at_every_interval_over_seeds_and_its_note_under_its_own_table() -> None:
    rows = result_rows(seeds=(1000, 2000, 3000, 4000, 5000))
    row = next(r for r in rows if r["agent"]["name"] == "sft+ppo" and r["env"]["id"] == "TextSumm-v0")
    row["eval"]["reward"] = [0.1] * EXAMPLES
    tables, notes = build_tables(rows)
    marked = {cell.text for table in tables for row in table.rows for cell in row if "†" in cell.text}
    assert any("[" in text and "p " not in text for text in marked)  # the interquartile mean
    overview, qa, summ = to_latex(tables, notes).split(r"\end{table}")[:3]
    assert r"\footnotesize" in overview and r"\footnotesize" in summ and r"\footnotesize" not in qa and "dagger" not in qa
