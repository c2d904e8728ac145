"""envs/misspellings.py: the real list, where its package is installed."""

from __future__ import annotations

import importlib.util

import pytest

from tokengym.envs import load_examples
from tokengym.envs.misspellings import load

needs_package = pytest.mark.skipif(importlib.util.find_spec("nlpaug") is None, reason="the package nlpaug is not installed")


@needs_package
def test_sizes_and_splits() -> None:
    rows = {split: load(split) for split in ("train", "validation", "test")}
    examples = [example for split in rows for example in rows[split]]
    assert 35_000 < len(examples) == len({example.prompt for example in examples}) < 38_000
    words = [{example.references[0].lower() for example in rows[split]} for split in rows]
    assert sum(map(len, words)) == len(set.union(*words))
    assert load_examples("nlpaug-spelling", split="test") == rows["test"]


@needs_package
def test_rows() -> None:
    examples = {example.prompt: example for split in ("train", "validation", "test") for example in load(split)}
    row = examples["hierachically"]
    assert row.id == "nlpaug-spelling:hierachically" and row.references == ("hierarchically",) and row.meta == {"source": "hierachically"}
    assert "lock" not in examples  # a word itself, not only "luck" misspelled


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"nlpaug.*tokengym\[data\]"):
        load("test")
