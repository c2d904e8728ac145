"""Files appear whole or not at all; what tokenizer.json says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tokengym.agents.folder import Vocabulary, file_of, whole_folder


def test_the_highest_id_counts_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    for tokenizer, size in (
        ({"model": {"vocab": {"a": 0, "b": 7}}, "added_tokens": [{"id": 3}]}, 8),
        ({"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 9}]}, 10),
        ({"model": {"vocab": [["a", 0.0], ["b", -1.0]]}}, 2),
    ):
        path.write_text(json.dumps(tokenizer))
        assert Vocabulary.read(path) == (hashlib.sha256(path.read_bytes()).hexdigest(), size)


def test_a_new_folder_appears_at_once(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "deep" / "new") as beside:
        (beside / "sub").mkdir()
        (beside / "sub" / "a").write_text("1")
        assert not (tmp_path / "deep" / "new").exists()
    assert (tmp_path / "deep" / "new" / "sub" / "a").read_text() == "1"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["new"]


def test_an_old_folder_keeps_its_other_files(tmp_path: Path) -> None:
    (tmp_path / "agent.json").write_text("kept")
    (tmp_path / "a").write_text("old")
    with whole_folder(tmp_path) as beside:
        (beside / "a").write_text("new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"agent.json": "kept", "a": "new"}


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), whole_folder(tmp_path / "new") as beside:
        (beside / "a").write_text("half")
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    assert file_of(str(tmp_path), "tokenizer.json") == tmp_path / "tokenizer.json"
    assert file_of(str(tmp_path), "vocab.json") is None
