"""envs/aclsum.py: the real data set, where its package is installed."""

from __future__ import annotations

import importlib.util

import pytest

from tokengym.envs import load_examples

needs_package = pytest.mark.skipif(importlib.util.find_spec("aclsum") is None, reason="the package aclsum is not installed")


@needs_package
@pytest.mark.parametrize(("split", "papers"), [("train", 100), ("validation", 50), ("test", 100)])
def test_sizes(split: str, papers: int) -> None:
    examples = load_examples("aclsum", split=split)
    assert len(examples) == len({e.id for e in examples}) == 3 * papers
    assert all(len(e.references) == 1 and e.references[0] for e in examples)


@needs_package
def test_a_row() -> None:
    first = load_examples("aclsum", split="test")[0]
    assert first.id == "E09-1056:challenge"
    lines = str(first.prompt).split("\n")
    assert lines[0] == "In one sentence: what problem does this paper address?"
    assert lines[2].startswith(
        "Handling terminology is an important matter in a translation workflow. However, current Machine Translation (MT)"
    )
    assert first.references[0].startswith("Existing machine translation systems do not manage domain-specific terms")


@needs_package
def test_splits_share_no_paper() -> None:
    papers = [{e.meta["paper"] for e in load_examples("aclsum", split=split)} for split in ("train", "validation", "test")]
    assert len(set.union(*papers)) == sum(map(len, papers))


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'tokengym\[data\]'"):
        load_examples("aclsum", split="test")
