"""results.jsonl: round trips, whole files, and what is refused in one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.result_rows import result_rows
from tokengym.benchmarks import records
from tokengym.benchmarks.records import check_comparable, read_records, write_records, write_whole


def test_records_round_trip(tmp_path: Path) -> None:
    rows = result_rows()
    write_records(tmp_path / "deep" / "results.jsonl", rows)
    assert read_records(tmp_path / "deep") == rows == read_records(tmp_path / "deep" / "results.jsonl")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["results.jsonl"]  # nothing is left beside it


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_whole(path, "old")
    with pytest.raises(ValueError, match="JSON"):
        write_records(path, [{"reward": float("nan")}])
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected a results.jsonl"):
        read_records(tmp_path)
    path = tmp_path / "results.jsonl"
    path.write_text("not json\n")
    with pytest.raises(ValueError, match="line 1 is not a results record"):
        read_records(path)
    path.write_text(json.dumps({"schema": 99}) + "\n")
    with pytest.raises(ValueError, match="schema 99; this version reads schema 1"):
        read_records(path)


@pytest.mark.parametrize(
    ("part", "name", "word"), [("env", "fingerprint", "env"), ("data", "sha256", "data"), ("tokenizer", "fingerprint", "tokenizer")]
)
def test_rows_with_other_fingerprints_are_refused(part: str, name: str, word: str) -> None:
    rows = result_rows()
    check_comparable(rows)
    rows[4][part][name] = "another"
    with pytest.raises(ValueError, match=f"another {word} than"):
        check_comparable(rows)


def test_rows_with_other_examples_or_twice_are_refused() -> None:
    rows = result_rows()
    with pytest.raises(ValueError, match="two records for environment TextQA-v0, agent random, seed 1000"):
        check_comparable([*rows, rows[0]])
    rows[3]["eval"]["n"] = 7
    with pytest.raises(ValueError, match="another examples than"):
        check_comparable(rows)


def test_other_held_out_examples_are_refused() -> None:
    rows = result_rows()
    rows[4]["data"]["first"] = 200
    with pytest.raises(ValueError, match="another first example than .*: first example 200 against 0"):
        check_comparable(rows)


def test_runs_of_one_agent_that_were_trained_otherwise_are_refused() -> None:
    rows = [row for row in result_rows(envs=("TextQA-v0",)) if row["agent"]["name"] == "sft"]
    for row in rows:
        row["agent"] |= {"config": {"updates": 50, "folder": "a"}, "train_kwargs": {"size": 384}}
    rows[1]["agent"]["config"] = {"updates": 50, "folder": "b", "new_option": 3}  # neither decides a result
    check_comparable(rows)
    rows[2]["agent"] |= {"config": {"updates": 200}, "train_kwargs": {"size": 2000}, "budget": 7}
    rows[2]["model"] = {"name": "smollm2-135m"}
    told = (
        "TextQA-v0: agent sft with seed 3000 was trained otherwise than with seed 1000: model smollm2-135m against builtin:tiny, "
        "budget 7 against 0, train_kwargs size 2000 against 384, updates 200 against 50. They cannot be one row"
    )
    with pytest.raises(ValueError, match=told):
        check_comparable(rows)


def test_the_committed_results_are_each_one_table_and_no_two_suites_are() -> None:
    folders = [path.parent for path in sorted((Path(__file__).parent.parent / "results").glob("*/results.jsonl"))]
    runs = {folder.name: read_records(folder) for folder in folders}
    assert {"quick", "algorithms"} <= set(runs)
    for rows in runs.values():
        check_comparable(rows)
    for pair in (("quick", "algorithms"), ("algorithms", "quick")):
        with pytest.raises(ValueError, match="render them apart"):
            check_comparable([*runs[pair[0]], *runs[pair[1]]])


def test_stamps() -> None:
    assert records.digest({"b": 1, "a": 2}) == records.digest({"a": 2, "b": 1}) != records.digest({"a": 2})
    assert {"python", "gymnasium", "torch", "numpy"} <= set(records.versions())
    assert records.system()["cores"] >= 1
    assert set(records.code_state()) == {"commit", "dirty"}
