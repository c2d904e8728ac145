"""envs/files.py: rows of files and hub sets as Examples."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tokengym.envs import Example, Turn
from tokengym.envs.files import read_hub, read_path, to_examples


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", encoding="utf-8")
    return path


def test_rows_become_examples() -> None:
    rows: list[dict[str, Any]] = [
        {"id": 7, "article": "text", "summary": "short", "year": 2020},
        {"article": "你好", "summary": ["a", "b"], "meta": {"k": 1}},
    ]
    assert to_examples(rows, "x") == [
        Example("7", "text", ("short",), {"year": 2020}),
        Example("1", "你好", ("a", "b"), {"k": 1}),
    ]


def test_columns_are_mapped_and_checked() -> None:
    rows = [{"body": "text", "gold": "short"}]
    assert to_examples(rows, "x", {"prompt": "body", "references": "gold"}) == [Example("0", "text", ("short",))]
    with pytest.raises(ValueError, match="'bod' is not a known column of x. Did you mean 'body'"):
        to_examples(rows, "x", {"prompt": "bod"})
    with pytest.raises(ValueError, match=r"no prompt; columns are \['body', 'gold'\]"):
        to_examples(rows, "x")
    with pytest.raises(ValueError, match="Did you mean 'prompt'"):
        to_examples(rows, "x", {"promt": "body"})


def test_conversations_are_read() -> None:
    rows = [{"prompt": [{"role": "user", "content": "hi"}], "response": "ho"}]
    assert to_examples(rows, "x")[0].prompt == (Turn("user", "hi"),)


def test_ids_must_be_unique() -> None:
    with pytest.raises(ValueError, match="'a' occurs twice"):
        to_examples([{"id": "a", "text": "x"}, {"id": "a", "text": "y"}], "x")


def test_a_folder_has_a_file_per_split(tmp_path: Path) -> None:
    for name in ("train", "val", "test"):
        write(tmp_path / f"{name}.jsonl", [{"id": name, "text": name}])
    assert [e.id for e in read_path(tmp_path, "validation")] == ["val"]
    assert [e.id for e in read_path(tmp_path / "{split}.jsonl", "test")] == ["test"]
    assert [e.id for e in read_path(tmp_path, None)] == ["train", "val", "test"]
    (tmp_path / "test.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match="no file for split='test'"):
        read_path(tmp_path, "test")


def test_a_split_column_decides(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{"text": "a", "split": "train"}, {"text": "b", "split": "dev"}])
    assert [e.prompt for e in read_path(path, "validation")] == ["b"]
    assert "split" not in read_path(path, "train")[0].meta
    with pytest.raises(ValueError, match="'test' is not a known split"):
        read_path(path, "test")


def test_one_file_is_split_by_the_hash_of_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{"id": f"r{i}", "text": "a"} for i in range(25)])
    parts = {split: {e.id for e in read_path(path, split)} for split in ("train", "validation", "test")}
    assert {split: len(ids) for split, ids in parts.items()} == {"train": 21, "validation": 2, "test": 2}
    assert len(set.union(*parts.values())) == 25 == len(read_path(path, None))


def test_a_file_too_small_to_split_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{"text": "a"}, {"text": "b"}])
    assert len(read_path(path, "train")) == 2
    with pytest.raises(ValueError, match="too few to set some aside for split='test'"):
        read_path(path, "test")


def test_csv_and_bad_files(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text('text,answer\n"a, b",c\n', encoding="utf-8")
    assert read_path(tmp_path / "d.csv", None) == [Example("0", "a, b", ("c",))]
    (tmp_path / "bad.jsonl").write_text('{"text": "a"}\n{oops\n')
    with pytest.raises(ValueError, match="bad.jsonl, line 2: not JSON"):
        read_path(tmp_path / "bad.jsonl", None)
    (tmp_path / "d.xml").write_text("<a/>")
    with pytest.raises(ValueError, match="none of the files that can be read: .jsonl, .csv, .parquet"):
        read_path(tmp_path / "d.xml", None)


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed; it comes with the datasets library")
    table = pytest.importorskip("pyarrow").table({"text": ["a"], "answer": ["b"]})
    parquet.write_table(table, tmp_path / "d.parquet")
    assert read_path(tmp_path / "d.parquet", None) == [Example("0", "a", ("b",))]


def test_a_hub_set_is_read_through_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    library = ModuleType("datasets")

    def load_dataset(path: str, name: str | None, revision: str | None) -> dict[str, list[dict[str, str]]]:
        asked.append((path, name, revision))
        return {"train": [{"text": "a"}], "dev": [{"text": "b"}]}

    library.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)
    assert read_hub("owner/name", "validation", revision="v2") == [Example("0", "b")]
    assert asked == [("owner/name", None, "v2")]
    with pytest.raises(ValueError, match="'test' is not a known split of owner/name"):
        read_hub("owner/name", "test")


def test_without_datasets_the_error_names_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match="pip install datasets"):
        read_hub("owner/name", "train")
