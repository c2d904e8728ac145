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


def test_stamps() -> None:
    assert records.digest({"b": 1, "a": 2}) == records.digest({"a": 2, "b": 1}) != records.digest({"a": 2})
    assert {"python", "gymnasium", "torch", "numpy"} <= set(records.versions())
    assert records.system()["cores"] >= 1
    assert set(records.code_state()) == {"commit", "dirty"}
